//! Fallback queue: while the vendor is away, operations wait instead of getting lost.
//!
//! An operation that fails with its caller's request is gone when the caller gives up. Here it is kept, with what was tried
//! and why that failed, and tried again with growing pauses. Two promises make a queue more than a list: operations of one
//! user leave in the order in which they came, and an entry whose lease expires becomes available again by itself.

use std::future::Future;

use super::entry::{Attempt, Entry, Leased, Settled, StoreError};
use crate::resilience::wall::UnixMillis;

/// What the pipeline needs of a queue. Every change is durable, as far as the queue is, when its future resolves.
pub trait FallbackQueue: Send + Sync + 'static {
    /// Puts an entry at the end of its user's line, due at `due`. False when the queue is full: nothing was kept.
    fn push(&self, entry: Entry, due: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Takes the entry that has been due for the longest among the first of each user's line, until `lease_end`.
    fn lease(&self, now: UnixMillis, lease_end: UnixMillis) -> impl Future<Output = Result<Option<Leased>, StoreError>> + Send;

    /// When the next entry can be leased; `None` for an empty queue.
    fn next_due(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send;

    /// Ends a leased entry. A store that answers for leads keeps how; others forget it.
    fn ack(&self, id: u64, settled: Settled) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether an entry of `user` is in the queue: a later operation of the same user must not overtake it.
    fn holds(&self, user: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Gives a leased entry back, with its attempt counted and remembered, due at `due`.
    fn fail(&self, id: u64, attempt: Attempt, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a leased entry back as it was, due at `due`: nothing was sent.
    fn release(&self, id: u64, due: UnixMillis) -> impl Future<Output = Result<(), StoreError>> + Send;
}
