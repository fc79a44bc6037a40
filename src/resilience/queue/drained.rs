//! What one step of the drain can come to.

use tokio::time::Instant;

use super::entry::StoreError;

/// What one step of the drain did.
#[derive(Debug, Clone, PartialEq)]
pub enum Drained {
    /// An entry was delivered.
    Delivered,
    /// An entry had been delivered and counted before, but could not be taken out then; now it was.
    Duplicate,
    /// An entry was answered by the cache or a local guess, and is not sent any more.
    Degraded,
    /// An entry was rejected by policy.
    Rejected,
    /// An entry failed again and waits for its next attempt.
    Failed,
    /// An entry failed for the last time and is among the dead letters.
    DeadLettered,
    /// An entry was released as it was, to come back later: nothing was sent.
    PutOff,
    /// The workers stopped while an entry was leased, or before; it was released as it was.
    Released,
    /// A guard blocks all attempts; `until` when that is known.
    Blocked {
        /// When the guard that blocks may admit an attempt.
        until: Option<Instant>,
    },
    /// No entry is due before this.
    NotDue {
        /// When the next one is.
        until: Instant,
    },
    /// The queue is empty.
    Empty,
    /// The queue could not be read or written; the entry is still in it.
    StoreFailed(StoreError),
}
