//! The two threads of a store: one writes, one reads. SQLite blocks, and its callers must not.

use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::resilience::StoreError;

use super::background::Background;
use super::lock::Lock;
use super::read::Question;
use super::shared::closed;
use super::writer::Request;

#[derive(Debug)]
pub(super) struct Threads {
    /// `None` once the store is closed.
    pub(super) running: Mutex<Option<Running>>,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) requests: Sender<Request>,
    pub(super) questions: Sender<Option<Question>>,
    pub(super) reader: JoinHandle<()>,
    pub(super) writer: JoinHandle<()>,
    pub(super) check: Option<Background>,
    pub(super) lock: Lock,
}

impl Threads {
    pub(super) fn with<T>(&self, work: impl FnOnce(&Running) -> T) -> Result<T, StoreError> {
        let running = self.running.lock();
        running.as_ref().map(work).ok_or_else(closed)
    }

    pub(super) fn take(&self) -> Option<Running> {
        self.running.lock().take()
    }
}

impl Running {
    /// Lets those who read finish and end, so that the writer is the last: only then is the log written back and removed.
    pub(super) fn end_readers(self) -> Closing {
        let Self { requests, questions, reader, writer, check, lock } = self;
        // The writer may ask something too: so they end at a word, and not when nobody asks any more.
        let _ = questions.send(None);
        if let Some(check) = check {
            check.end();
        }
        // A thread that panicked has said so; its connection is closed like the other's.
        let _ = reader.join();
        Closing { requests, writer, lock }
    }
}

/// A store that only its writer has open.
pub(super) struct Closing {
    pub(super) requests: Sender<Request>,
    writer: JoinHandle<()>,
    lock: Lock,
}

impl Closing {
    /// Lets the writer finish its requests and waits for it to end; then the file is free.
    pub(super) fn end(self) {
        let Self { requests, writer, lock } = self;
        drop(requests);
        // A thread that panicked has said so.
        let _ = writer.join();
        drop(lock);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(running) = self.take() {
            running.end_readers().end();
        }
    }
}
