//! Writing a journal beside a load without slowing it.
//!
//! A driver that waits for its journal measures its disk. So entries go into a bounded channel, and a thread writes them.
//! When the disk cannot keep up, entries are left out and counted, and the journal has a line `{"missed":3}` in their place.
//! An audit of such a journal never passes.
//!
//! Nothing here is synced. A journal records what happened when *another* process dies. What this process has written to the
//! operating system survives its own end too, but not a power cut.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use mock_server::private_file;
use serde::Serialize;

use super::whole::JournalLines;

/// Entries that may wait for the disk: more than a second's at 20,000 submissions a second, each with its answer.
const WAITING: usize = 65_536;

/// Writes entries to a journal. Clones write to the same one.
#[derive(Debug)]
pub struct JournalSender<T> {
    /// `None` ends the journal.
    entries: SyncSender<Option<T>>,
    missed: Arc<AtomicU64>,
}

impl<T> Clone for JournalSender<T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), missed: Arc::clone(&self.missed) }
    }
}

impl<T> JournalSender<T> {
    /// Queues an entry; entries are written in the order of the calls. Never waits: an entry without room is counted, and
    /// the journal reports it as missing.
    pub fn write(&self, entry: T) {
        if self.entries.try_send(Some(entry)).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The result of writing a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalWritten {
    /// Entries that are in it.
    pub written: u64,
    /// Entries that are not.
    pub missed: u64,
    /// What the disk said, where it did not take them.
    pub error: Option<String>,
}

impl JournalWritten {
    /// The warning for the user, if any: an audit of an incomplete journal cannot pass.
    pub fn problem(&self) -> Option<String> {
        match &self.error {
            Some(error) => Some(format!("the journal cannot be written ({error}): it lacks {} entries", self.missed)),
            None if self.missed > 0 => {
                Some(format!("the journal lacks {} entries, because the disk could not keep up; it marks where", self.missed))
            }
            None => None,
        }
    }
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal<T> {
    sender: JournalSender<T>,
    writer: JoinHandle<JournalWritten>,
}

impl<T: Serialize + Send + 'static> Journal<T> {
    /// Creates the journal at `path`, replacing an existing file.
    ///
    /// # Errors
    /// When the file cannot be created, or the thread cannot be spawned.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::start(BufWriter::new(private_file::create(path)?), WAITING)
    }

    /// Writes a journal to `out`, with room for `waiting` entries in the channel.
    ///
    /// # Errors
    /// When the thread cannot be spawned.
    pub fn start<W: Write + Send + 'static>(out: W, waiting: usize) -> io::Result<Self> {
        let (entries, received) = sync_channel(waiting);
        let missed = Arc::new(AtomicU64::new(0));
        let writer = Writer { lines: JournalLines::new(out), missed: Arc::clone(&missed), reported: 0, written: 0, error: None };
        let writer = thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&received))?;
        Ok(Self { sender: JournalSender { entries, missed }, writer })
    }

    /// A sender for it.
    pub fn sender(&self) -> JournalSender<T> {
        self.sender.clone()
    }

    /// Writes what is waiting, flushes, and ends. Entries sent later are not in the journal.
    pub fn finish(self) -> JournalWritten {
        // Fails only when the writer has already ended; its result follows below.
        let _ = self.sender.entries.send(None);
        let panicked = |_| JournalWritten { written: 0, missed: 0, error: Some("its writer panicked".to_owned()) };
        self.writer.join().unwrap_or_else(panicked)
    }
}

/// The thread's part.
struct Writer<W> {
    lines: JournalLines<W>,
    missed: Arc<AtomicU64>,
    /// Of the missed entries, those that the journal reports.
    reported: u64,
    written: u64,
    error: Option<String>,
}

impl<W: Write> Writer<W> {
    fn run<T: Serialize>(mut self, entries: &Receiver<Option<T>>) -> JournalWritten {
        while let Some(entry) = self.next(entries) {
            self.report_missed();
            match self.lines.entry(&entry) {
                Ok(()) if self.error.is_none() => self.written += 1,
                Ok(()) => drop(self.missed.fetch_add(1, Ordering::Relaxed)),
                Err(error) => self.failed(&error),
            }
        }
        self.report_missed();
        if let Err(error) = self.lines.end() {
            self.error.get_or_insert_with(|| error.to_string());
        }
        JournalWritten { written: self.written, missed: self.missed.load(Ordering::Relaxed), error: self.error }
    }

    /// The next entry. While there is none, the buffer is flushed.
    fn next<T>(&mut self, entries: &Receiver<Option<T>>) -> Option<T> {
        let entry = match entries.try_recv() {
            Err(TryRecvError::Empty) => {
                if let Err(error) = self.lines.flush() {
                    self.failed(&error);
                }
                entries.recv().ok()
            }
            received => received.ok(),
        };
        entry.flatten()
    }

    fn report_missed(&mut self) {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed > self.reported {
            match self.lines.missed(missed - self.reported) {
                Ok(()) => self.reported = missed,
                Err(error) => drop(self.error.get_or_insert_with(|| error.to_string())),
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.missed.fetch_add(1, Ordering::Relaxed);
        self.error.get_or_insert_with(|| error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::journal::{Answered, DriverEntry, JournalReader, Line};

    fn submitted(number: u64) -> DriverEntry {
        DriverEntry::Submitted { key: format!("{number:064x}"), user: "ada".to_owned(), what: "lead".to_owned(), at_us: number }
    }

    #[test]
    fn entries_can_be_read_again_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.ndjson");
        let journal = Journal::create(&path).unwrap();
        let sender = journal.sender();
        (0..1_000).for_each(|number| sender.write(submitted(number)));
        let answer = Answered::Refused { status: Some(503), cause: None };
        sender.write(DriverEntry::Answered { key: "k".to_owned(), at_us: 5, answer });
        assert_eq!(journal.finish(), JournalWritten { written: 1_001, missed: 0, error: None });
        let read: Vec<_> = JournalReader::<DriverEntry, _>::open(&path).unwrap().map(|line| line.unwrap()).collect();
        assert_eq!(read.len(), 1_001);
        assert_eq!(read[7], (8, Line::Entry(submitted(7))));
        let last = Line::Entry(DriverEntry::Answered { key: "k".to_owned(), at_us: 5, answer });
        assert_eq!(read[1_000], (1_001, last));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("{\"line\":1,\"book\":\"submitted\"") && text.ends_with("\n{\"entries\":1001}\n"), "{text}");
    }

    /// A disk that takes nothing until it is reported to.
    struct Stuck {
        go: Receiver<()>,
        going: bool,
        bytes: Arc<std::sync::Mutex<Vec<u8>>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.going {
                self.go.recv().map_err(io::Error::other)?;
                self.going = true;
            }
            self.bytes.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_hangs_blocks_no_sender_and_the_journal_reports_what_it_lacks() {
        let (going, go) = channel();
        let bytes = Arc::<std::sync::Mutex<Vec<u8>>>::default();
        let journal = Journal::start(Stuck { go, going: false, bytes: bytes.clone() }, 4).unwrap();
        let sender = journal.sender();
        (0..100).for_each(|number| sender.write(submitted(number)));
        going.send(()).unwrap();
        let end = journal.finish();
        assert_eq!(end.written + end.missed, 100);
        assert!(end.missed > 90, "{end:?}");
        assert!(end.problem().unwrap().contains(&end.missed.to_string()));
        let bytes = bytes.lock().unwrap().clone();
        let mut lines = JournalReader::<DriverEntry, _>::new("journal", io::Cursor::new(bytes));
        let missed = |line: Result<(u64, Line<_>), _>| if let (_, Line::Missed(missed)) = line.unwrap() { missed } else { 0 };
        let reported: u64 = lines.by_ref().map(missed).sum();
        assert_eq!((reported, lines.flaws()), (end.missed, Vec::new()));
    }

    /// A disk with room for so many bytes.
    struct Small(usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported_at_the_end() {
        let journal = Journal::start(Small(1_000), 1_000).unwrap();
        let sender = journal.sender();
        (0..100).for_each(|number| sender.write(submitted(number)));
        let end = journal.finish();
        assert!(end.written < 100 && end.written + end.missed == 100, "{end:?}");
        assert!(end.problem().unwrap().contains("cannot be written"), "{end:?}");
    }
}
