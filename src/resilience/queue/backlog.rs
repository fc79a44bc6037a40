//! The queue and the dead letters together, because moving between them must not lose or double an entry.
//!
//! A move in two steps, interrupted between them, leaves the entry in neither place or in both. So the move is one operation
//! of whoever keeps both: one transaction in a database, one lock in memory.

use std::future::{Future, ready};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::dead_letters::{DeadLetters, MemoryDeadLetters};
use super::entry::{Attempt, StoreError};
use super::fallback_queue::{FallbackQueue, MemoryQueue};
use crate::resilience::settings::FallbackSettings;
use crate::resilience::wall::UnixMillis;

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

    /// What was spent, as it was kept last; `None` where nothing was kept.
    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send;

    /// Keeps what may have been spent. Durable, as far as the store is, when its future resolves.
    fn keep_credits(&self, state: CreditState) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What a credit budget must remember to overspend neither after a restart nor after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditState {
    /// The number of the day, counted from 1970-01-01 where the budget's day begins.
    pub day: i64,
    /// Credits that may have been spent on it: charged, or set aside for leads that may have been sent.
    pub spent: u64,
    /// The vendor said that there are no more today.
    pub refused_by_vendor: bool,
}

/// Both in memory.
#[derive(Debug)]
pub struct MemoryBacklog {
    queue: MemoryQueue,
    letters: MemoryDeadLetters,
    /// Held during a move and while both are counted.
    moving: Mutex<()>,
    credits: Mutex<Option<CreditState>>,
}

impl MemoryBacklog {
    /// An empty backlog with the bounds that the settings give.
    pub fn new(settings: &FallbackSettings) -> Self {
        Self {
            queue: MemoryQueue::new(settings.queue_capacity),
            letters: MemoryDeadLetters::new(settings.dead_letter_capacity),
            moving: Mutex::new(()),
            credits: Mutex::default(),
        }
    }

    fn move_to_letters(&self, id: u64, attempt: Attempt) -> bool {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        self.letters.insert(attempt.cause, attempt.at, || {
            let mut entry = self.queue.take(id)?;
            entry.retry_count += 1;
            entry.remember(attempt);
            Some(entry)
        })
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

    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send {
        ready(Ok(*self.credits.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn keep_credits(&self, state: CreditState) -> impl Future<Output = Result<(), StoreError>> + Send {
        *self.credits.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use futures_util::FutureExt;
    use serde_json::json;

    use crate::outcome::FailureKind;
    use crate::resilience::operation::{Operation, OperationKind};
    use crate::resilience::queue::Entry;

    use super::*;

    const WHY: Attempt = Attempt { at: 1, cause: FailureKind::ClientError, status: Some(422) };

    fn entry(user: &str) -> Entry {
        Entry::new(Operation::new(OperationKind::Track, user, json!({})), WHY)
    }

    #[test]
    fn of_two_that_want_the_last_place_among_the_letters_none_is_lost() {
        for round in 0..5_000 {
            let backlog = MemoryBacklog::new(&FallbackSettings { dead_letter_capacity: 1, ..FallbackSettings::default() });
            assert!(backlog.queue.put(entry("queued"), 0));
            let both = Barrier::new(2);
            let put = std::thread::scope(|scope| {
                let put = scope.spawn(|| {
                    both.wait();
                    backlog.letters.put(entry("direct"), WHY.cause, WHY.at).now_or_never()
                });
                both.wait();
                let _ = backlog.bury(1, WHY).now_or_never();
                put.join().expect("no panic") == Some(Ok(true))
            });
            let (queued, letters) = backlog.counts();
            assert_eq!(queued + letters, 1 + u64::from(put), "round {round}: {queued} queued, {letters} letters");
        }
    }
}
