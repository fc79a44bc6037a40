//! The two threads of a store: one writes, one reads. SQLite blocks, and whoever asks must not.
//!
//! Whoever asks waits for the answer, so there are never more requests than callers; but a caller may go away while the disk
//! stalls, and what it asked for stays. So what waits to be written is bounded by its size. Questions are small, and those
//! whose callers went away are passed over.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::resilience::StoreError;

use super::lock::Lock;
use super::read::Question;
use super::writer::Request;

/// Most that changes which wait to be written may hold, in KiB: 64 MiB. Each counts as one at least.
const MOST_WAITING_KIB: usize = 64 << 10;

/// Room for changes that wait to be written.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Semaphore>);

impl Default for Waiting {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_WAITING_KIB)))
    }
}

impl Waiting {
    /// Room for so many bytes, in the order in which it is asked for; what is larger than all there is takes all.
    pub(super) async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from((bytes / 1_024 + 1).min(MOST_WAITING_KIB)).unwrap_or(u32::MAX);
        // There is room but when the disk stalls: nobody gives up his turn to learn that.
        match Arc::clone(&self.0).try_acquire_many_owned(kib) {
            Ok(room) => Some(room),
            Err(_) => Arc::clone(&self.0).acquire_many_owned(kib).await.ok(),
        }
    }
}

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
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(work).ok_or_else(closed)
    }

    pub(super) fn take(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Running {
    /// Lets both threads finish what they were asked, and waits for their end; then the file is free.
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
