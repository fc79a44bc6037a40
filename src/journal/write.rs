//! Writing a book beside a load, never in its way.
//!
//! A driver that waits for its own book measures its disk. So entries go into a bounded channel, and a thread writes them.
//! Where the disk cannot keep up, entries are left out and counted, and the book says where: `{"missed":3}`. An audit of such
//! a book is never a pass.
//!
//! Nothing here is synced. A book is there to tell what happened when *another* process dies; what its own process has handed
//! to the system survives that process too, and only the machine's end takes it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use serde::Serialize;

/// Entries that may wait for the disk: more than a second's at 20,000 submissions a second, each with its answer.
const WAITING: usize = 65_536;

enum Message<T> {
    Entry(T),
    End,
}

/// The hand of a book that whoever has something to write holds. Clones write into the same book.
#[derive(Debug)]
pub struct JournalSender<T> {
    entries: SyncSender<Message<T>>,
    missed: Arc<AtomicU64>,
}

impl<T> Clone for JournalSender<T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), missed: Arc::clone(&self.missed) }
    }
}

impl<T> JournalSender<T> {
    /// Hands in an entry. When this returns it is on its way: entries are written in the order in which they were handed in.
    /// Never waits: an entry for which there is no room is counted, and its absence told in the book.
    pub fn write(&self, entry: T) {
        if self.entries.try_send(Message::Entry(entry)).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How a book was written.
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
    /// What a user has to be told, if anything: an audit of such a book cannot pass.
    pub fn problem(&self) -> Option<String> {
        match &self.error {
            Some(error) => Some(format!("the book cannot be written ({error}): it lacks {} entries", self.missed)),
            None if self.missed > 0 => {
                Some(format!("the book lacks {} entries, for the disk could not keep up; it says where", self.missed))
            }
            None => None,
        }
    }
}

/// A book that is being written.
#[derive(Debug)]
pub struct Journal<T> {
    pen: JournalSender<T>,
    writer: JoinHandle<JournalWritten>,
}

impl<T: Serialize + Send + 'static> Journal<T> {
    /// Creates the book at `path`, replacing what was there.
    ///
    /// # Errors
    /// When the file cannot be created, or no thread be had.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::start(BufWriter::new(File::create(path)?), WAITING)
    }

    /// Writes a book to `out`, with room for `waiting` entries in between.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start<W: Write + Send + 'static>(out: W, waiting: usize) -> io::Result<Self> {
        let (entries, received) = sync_channel(waiting);
        let missed = Arc::new(AtomicU64::new(0));
        let writer = Writer { out, missed: Arc::clone(&missed), told: 0, written: 0, error: None };
        let writer = thread::Builder::new().name("book".to_owned()).spawn(move || writer.run(&received))?;
        Ok(Self { pen: JournalSender { entries, missed }, writer })
    }

    /// A pen for it.
    pub fn pen(&self) -> JournalSender<T> {
        self.pen.clone()
    }

    /// Writes what is waiting, flushes, and ends. What is handed in later is not in the book.
    pub fn finish(self) -> JournalWritten {
        // Fails only when the writer has ended already, and then it says below how.
        let _ = self.pen.entries.send(Message::End);
        let panicked = |_| JournalWritten { written: 0, missed: 0, error: Some("its writer panicked".to_owned()) };
        self.writer.join().unwrap_or_else(panicked)
    }
}

/// The thread's part.
struct Writer<W> {
    out: W,
    missed: Arc<AtomicU64>,
    /// Of the missed entries, those that the book tells of.
    told: u64,
    written: u64,
    error: Option<String>,
}

impl<W: Write> Writer<W> {
    fn run<T: Serialize>(mut self, entries: &Receiver<Message<T>>) -> JournalWritten {
        while let Some(entry) = self.next(entries) {
            self.tell_missed();
            match write_line(&mut self.out, &entry) {
                Ok(()) if self.error.is_none() => self.written += 1,
                Ok(()) => drop(self.missed.fetch_add(1, Ordering::Relaxed)),
                Err(error) => self.failed(&error),
            }
        }
        self.tell_missed();
        if let Err(error) = self.out.flush() {
            self.failed(&error);
        }
        JournalWritten { written: self.written, missed: self.missed.load(Ordering::Relaxed), error: self.error }
    }

    /// The next entry. While there is none, what has been written is handed to the system.
    fn next<T>(&mut self, entries: &Receiver<Message<T>>) -> Option<T> {
        let message = match entries.try_recv() {
            Err(TryRecvError::Empty) => {
                if let Err(error) = self.out.flush() {
                    self.failed(&error);
                }
                entries.recv().ok()
            }
            received => received.ok(),
        };
        match message {
            Some(Message::Entry(entry)) => Some(entry),
            Some(Message::End) | None => None,
        }
    }

    fn tell_missed(&mut self) {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed > self.told {
            match writeln!(self.out, "{{\"missed\":{}}}", missed - self.told) {
                Ok(()) => self.told = missed,
                Err(error) => drop(self.error.get_or_insert_with(|| error.to_string())),
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.missed.fetch_add(1, Ordering::Relaxed);
        self.error.get_or_insert_with(|| error.to_string());
    }
}

fn write_line(out: &mut impl Write, entry: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, entry)?;
    out.write_all(b"\n")
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
    fn what_was_handed_in_can_be_read_again_in_its_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("book.ndjson");
        let journal = Journal::create(&path).unwrap();
        let pen = journal.pen();
        (0..1_000).for_each(|number| pen.write(submitted(number)));
        let answer = Answered::Refused { status: Some(503), cause: None };
        pen.write(DriverEntry::Answered { key: "k".to_owned(), at_us: 5, answer });
        assert_eq!(journal.finish(), JournalWritten { written: 1_001, missed: 0, error: None });
        let read: Vec<_> = JournalReader::<DriverEntry, _>::open(&path).unwrap().map(|line| line.unwrap()).collect();
        assert_eq!(read.len(), 1_001);
        assert_eq!(read[7], (8, Line::Entry(submitted(7))));
        let last = Line::Entry(DriverEntry::Answered { key: "k".to_owned(), at_us: 5, answer });
        assert_eq!(read[1_000], (1_001, last));
    }

    /// A disk that takes nothing until it is told to.
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
    fn a_disk_that_hangs_holds_up_nobody_and_the_book_says_what_it_lacks() {
        let (going, go) = channel();
        let bytes = Arc::<std::sync::Mutex<Vec<u8>>>::default();
        let journal = Journal::start(Stuck { go, going: false, bytes: bytes.clone() }, 4).unwrap();
        let pen = journal.pen();
        (0..100).for_each(|number| pen.write(submitted(number)));
        going.send(()).unwrap();
        let end = journal.finish();
        assert_eq!(end.written + end.missed, 100);
        assert!(end.missed > 90, "{end:?}");
        assert!(end.problem().unwrap().contains(&end.missed.to_string()));
        let bytes = bytes.lock().unwrap().clone();
        let lines = JournalReader::<DriverEntry, _>::new("book", io::Cursor::new(bytes)).map(|line| line.unwrap().1);
        let told: u64 = lines.map(|line| if let Line::Missed(missed) = line { missed } else { 0 }).sum();
        assert_eq!(told, end.missed);
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
    fn a_full_disk_is_told_at_the_end() {
        let journal = Journal::start(Small(1_000), 1_000).unwrap();
        let pen = journal.pen();
        (0..100).for_each(|number| pen.write(submitted(number)));
        let end = journal.finish();
        assert!(end.written < 100 && end.written + end.missed == 100, "{end:?}");
        assert!(end.problem().unwrap().contains("cannot be written"), "{end:?}");
    }
}
