//! The two threads of a store: one writes, one reads. SQLite blocks, and its callers must not.

use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::resilience::StoreError;

use super::lock::Lock;
use super::read::Question;
use super::writer::Request;

#[derive(Debug)]
pub(super) struct Threads {
    /// `None` once the store is closed.
    pub(super) running: Mutex<Option<Running>>,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) requests: Sender<Request>,
    pub(super) questions: Sender<Question>,
    pub(super) threads: Vec<JoinHandle<()>>,
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
    /// Lets both threads finish their requests and waits for them to end; then the file is free.
    pub(super) fn end(self) {
        let Self { requests, questions, threads, lock } = self;
        drop((requests, questions));
        for thread in threads {
            // A thread that panicked has said so; its connection is closed like the other's.
            let _ = thread.join();
        }
        drop(lock);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(running) = self.take() {
            running.end();
        }
    }
}

pub(super) fn closed() -> StoreError {
    StoreError("the store is closed".to_owned())
}
