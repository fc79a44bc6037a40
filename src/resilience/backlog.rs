//! The queue and the dead letters together, because moving between them must not lose or double an entry.
//!
//! A move in two steps, interrupted between them, leaves the entry in neither place or in both. So the move is one operation
//! of whoever keeps both: one transaction in a database, one lock in memory.

use std::future::{Future, ready};
use std::sync::{Mutex, PoisonError};

use super::dead_letters::{DeadLetters, MemoryDeadLetters};
use super::queue::{Attempt, FallbackQueue, MemoryQueue, StoreError};
use super::settings::FallbackSettings;
use super::wall::UnixMillis;

/// A queue and dead letters with atomic moves between them.
pub trait Backlog: Send + Sync + 'static {
    /// The queue.
    type Queue: FallbackQueue;
    /// The dead letters.
    type Letters: DeadLetters;

    /// The queue.
    fn queue(&self) -> &Self::Queue;

    /// The dead letters.
    fn letters(&self) -> &Self::Letters;

    /// Moves a leased entry to the dead letters, with its last attempt. False when there is no room: it stays queued.
    fn bury(&self, id: u64, attempt: Attempt) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Moves a letter back into the queue, due at `due`, with its attempts from there counted anew. False when the queue is
    /// full or there is no such letter.
    fn redrive(&self, letter: u64, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Entries in the queue and letters, read together: an entry on its way is in exactly one of them.
    fn counts(&self) -> (u64, u64);
}

/// Both in memory.
#[derive(Debug)]
pub struct MemoryBacklog {
    queue: MemoryQueue,
    letters: MemoryDeadLetters,
    /// Held during a move and while both are counted.
    moving: Mutex<()>,
}

impl MemoryBacklog {
    /// An empty backlog with the bounds that the settings give.
    pub fn new(settings: &FallbackSettings) -> Self {
        Self {
            queue: MemoryQueue::new(settings.queue_capacity),
            letters: MemoryDeadLetters::new(settings.dead_letter_capacity),
            moving: Mutex::new(()),
        }
    }

    fn move_to_letters(&self, id: u64, attempt: Attempt) -> bool {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.letters.has_room() {
            return false;
        }
        let Some(mut entry) = self.queue.take(id) else { return false };
        entry.retry_count += 1;
        entry.remember(attempt);
        self.letters.insert(entry, attempt.cause, attempt.at)
    }

    fn move_to_queue(&self, letter: u64, due: UnixMillis) -> bool {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(letter) = self.letters.get(letter) else { return false };
        let mut entry = letter.entry;
        entry.retry_count = 0;
        entry.redrives += 1;
        self.queue.put(entry, due) && self.letters.take(letter.id)
    }
}

impl Backlog for MemoryBacklog {
    type Queue = MemoryQueue;
    type Letters = MemoryDeadLetters;

    fn queue(&self) -> &MemoryQueue {
        &self.queue
    }

    fn letters(&self) -> &MemoryDeadLetters {
        &self.letters
    }

    fn bury(&self, id: u64, attempt: Attempt) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.move_to_letters(id, attempt)))
    }

    fn redrive(&self, letter: u64, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.move_to_queue(letter, due)))
    }

    fn counts(&self) -> (u64, u64) {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        (self.queue.depth(), self.letters.count())
    }
}
