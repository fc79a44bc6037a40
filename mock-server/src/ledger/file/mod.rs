//! The ledger on a disk, as it grows.
//!
//! Serving must not wait for a disk. A task takes new entries out of the ring, makes lines of them and hands these to a thread
//! that writes; in between there is a queue of bounded length. A disk that hangs for longer than ring and queue hold leaves a
//! gap, which the file marks with a line of its own, `{"missed":3}`. So does a full disk; writing goes on as soon as it has
//! room again. The last line of a simulation that ends in order is the count of its entries, `{"entries":1656}`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Batch, Follower, Ledger, lines};
use crate::private_file;

/// Batches of up to 1,000 entries or 1 MiB between the task and the thread: 64 MiB at most.
const QUEUE: usize = 64;

/// Pause between two looks at the ledger, where the one before has not found more than a batch holds: long enough to write many
/// entries at once, and far below the second within which an entry is to be in the file.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the end of a simulation waits for a disk.
const END_WITHIN: Duration = Duration::from_secs(5);

/// A ledger that is written to a file.
pub(crate) struct LedgerFile {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
    written: oneshot::Receiver<()>,
    status: Arc<FileStatus>,
}

/// How the writing goes.
#[derive(Debug, Default)]
pub(crate) struct FileStatus {
    lines: AtomicU64,
    missed: AtomicU64,
    error: Mutex<Option<String>>,
}

impl FileStatus {
    /// Entries that are in the file.
    pub(crate) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// Entries that are not.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// What the disk said last, where it does not take lines.
    pub(crate) fn error(&self) -> Option<String> {
        self.error.lock().clone()
    }

    /// What a user has to know: that entries are missing, or that writing fails.
    pub(crate) fn problem(&self) -> Option<String> {
        let missed = self.missed();
        match self.error() {
            Some(error) => Some(format!("the ledger file cannot be written ({error}); {missed} entries are missing from it")),
            None if missed > 0 => Some(format!("{missed} entries are missing from the ledger file; it says where")),
            None => None,
        }
    }

    fn failed(&self, error: &io::Error) {
        *self.error.lock() = Some(error.to_string());
    }
}

impl LedgerFile {
    /// Creates the file, replacing what was there, and writes every entry from now on.
    ///
    /// # Errors
    ///
    /// The file cannot be created, or no thread be had.
    pub(crate) fn create(path: &Path, ledger: &Arc<Ledger>) -> io::Result<Self> {
        let file = private_file::create(path)?;
        let status = Arc::new(FileStatus::default());
        let (sender, queue) = mpsc::channel(QUEUE);
        let (done, written) = oneshot::channel();
        let writer = Writer { out: file, status: status.clone(), gap: 0, torn: false };
        std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            writer.run(queue);
            // An error means that the simulation was dropped.
            let _ = done.send(());
        })?;
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(hand_on(ledger.follow_after(0), sender, ended));
        Ok(Self { end, task, written, status })
    }

    /// How the writing goes.
    pub(crate) fn status(&self) -> Arc<FileStatus> {
        self.status.clone()
    }

    /// Writes what there still is, and waits until it is in the file, for up to 5 s.
    pub(crate) async fn finish(self) {
        // An error means that the task has ended already.
        let _ = self.end.send(());
        let all = async {
            let _ = self.task.await;
            let _ = self.written.await;
        };
        if tokio::time::timeout(END_WITHIN, all).await.is_err() {
            self.status.failed(&io::Error::new(io::ErrorKind::TimedOut, "it took too long to end"));
        }
    }
}

/// Takes entries out of the ring until the end, and then the rest.
async fn hand_on(mut follower: Follower, queue: mpsc::Sender<Batch>, mut ended: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            // The rest is written after the end, so the order does not matter.
            biased;
            batch = follower.next() => {
                let has_more = batch.has_more;
                if queue.send(batch).await.is_err() {
                    return;
                }
                if has_more {
                    continue;
                }
            }
            // An error is a simulation that was dropped: the rest is written then, too.
            _ = &mut ended => break,
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(PAUSE) => {}
            _ = &mut ended => break,
        }
    }
    while let Some(batch) = follower.ready() {
        if queue.send(batch).await.is_err() {
            return;
        }
    }
}

/// The thread's part.
struct Writer<W> {
    out: W,
    status: Arc<FileStatus>,
    /// Entries that are missing since the last line that could be written.
    gap: u64,
    /// The last line is not complete.
    torn: bool,
}

impl<W: Write> Writer<W> {
    fn run(mut self, mut queue: mpsc::Receiver<Batch>) {
        while let Some(batch) = queue.blocking_recv() {
            self.write(&batch);
        }
        self.end();
    }

    /// Ends the file with the count of its entries, the missing ones included: one that was cut, or whose writer was killed, has none.
    fn end(&mut self) {
        let mut text = if self.torn { b"\n".to_vec() } else { Vec::new() };
        text.extend(lines(self.gap, &[]));
        let entries = self.status.lines() + self.status.missed();
        text.extend_from_slice(format!("{{\"entries\":{entries}}}\n").as_bytes());
        if let (_, Err(error)) = write_some(&mut self.out, &text) {
            self.status.failed(&error);
        }
    }

    fn write(&mut self, batch: &Batch) {
        self.status.missed.fetch_add(batch.missed, Ordering::Relaxed);
        self.gap += batch.missed;
        let head = if self.torn { "\n" } else { "" };
        let mut text = head.as_bytes().to_vec();
        text.extend(lines(self.gap, &batch.entries));
        let (taken, result) = write_some(&mut self.out, &text);
        // What was taken ends in the middle of a line, unless it ends a line.
        self.torn = match taken {
            0 => self.torn,
            taken => text[taken - 1] != b'\n',
        };
        let ended = text[..taken].iter().filter(|byte| **byte == b'\n').count() as u64;
        // A line that lacks nothing but its end gets that with whatever is written next.
        let complete = ended + u64::from(taken > 0 && text[taken - 1] != b'\n' && text.get(taken) == Some(&b'\n'));
        let before = head.len() as u64 + u64::from(self.gap > 0);
        let entries = complete.saturating_sub(before);
        if complete >= before {
            self.gap = 0;
        }
        let lost = batch.entries.len() as u64 - entries;
        self.gap += lost;
        self.status.lines.fetch_add(entries, Ordering::Relaxed);
        self.status.missed.fetch_add(lost, Ordering::Relaxed);
        match result {
            Ok(()) => *self.status.error.lock() = None,
            Err(error) => self.status.failed(&error),
        }
    }
}

/// Writes as much as can be written, and says how much that was.
fn write_some(out: &mut impl Write, text: &[u8]) -> (usize, io::Result<()>) {
    let mut taken = 0;
    while taken < text.len() {
        match out.write(&text[taken..]) {
            Ok(0) => return (taken, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => taken += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, out.flush())
}

#[cfg(test)]
mod tests;
