//! The queue and the dead letters together, because moving between them must not lose or double an entry.
//!
//! A move in two steps, interrupted between them, leaves the entry in neither place or in both. So the move is one operation
//! of the store that keeps both: one transaction in a database, one lock in memory.

use std::future::{Future, ready};

use serde::{Deserialize, Serialize};

use super::dead_letters::DeadLetters;
use super::entry::{Attempt, StoreError};
use super::fallback_queue::FallbackQueue;
use crate::resilience::held::HeldNote;
use crate::resilience::wall::UnixMillis;

/// A queue and dead letters with atomic moves between them.
pub trait Backlog: FallbackQueue + DeadLetters {
    /// Moves a leased entry to the dead letters, with its last attempt. False when there is no room: it stays queued.
    fn bury(&self, id: u64, attempt: Attempt) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Moves a letter back into the queue, due at `due`, with its attempts from there counted anew. False when the queue is
    /// full or there is no such letter.
    fn redrive(&self, letter: u64, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Entries in the queue and letters, read together: an entry on its way is in exactly one of them.
    fn counts(&self) -> (u64, u64);

    /// Entries in the queue, leased ones too. Cheap: it is read often.
    fn depth(&self) -> u64 {
        self.counts().0
    }

    /// What was spent, as it was kept last; `None` where nothing was kept.
    fn credits(&self) -> impl Future<Output = Result<Option<CreditState>, StoreError>> + Send;

    /// Keeps what may have been spent. Durable, as far as the store is, when its future resolves.
    fn keep_credits(&self, state: CreditState) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps what holds the operations, for those who list the store. A store that is not listed keeps nothing.
    fn keep_held(&self, _note: &HeldNote) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    /// Passes a charge on to the other processes that spend from a budget here, one of which made the attempt. A store of one process
    /// has no others.
    fn pass_on(&self, _charge: &Charge) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    /// Takes the charges that others have passed on to this process.
    fn passed_on(&self) -> impl Future<Output = Result<Vec<Charge>, StoreError>> + Send {
        ready(Ok(Vec::new()))
    }
}

/// What an attempt did cost, as a callback says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The key of its operation.
    pub key: String,
    /// What the callback is known by.
    pub callback: u64,
    /// Credits.
    pub credits: u64,
}

/// What a credit budget must remember to overspend neither after a restart nor after a crash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreditState {
    /// The number of the day, counted from 1970-01-01 where the budget's day begins.
    pub day: i64,
    /// Credits that may have been spent on it: charged, or set aside for leads that may have been sent.
    pub spent: u64,
    /// Of them, those that are known to be charged.
    pub settled: u64,
    /// Credits set aside for attempts of the day before, of which it is not known what they cost.
    pub carried: u64,
    /// The vendor refused more for today.
    pub refused_by_vendor: bool,
}
