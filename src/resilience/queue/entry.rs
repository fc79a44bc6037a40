//! An entry of the queue: an operation that waits, what was tried, and how it left the queue.

use serde::{Deserialize, Serialize};

use crate::outcome::{FailureKind, RestingState};
use crate::resilience::operation::{Operation, Source};
use crate::resilience::wall::UnixMillis;

/// Most attempts that an entry keeps; the oldest go first.
pub const ATTEMPTS_REMEMBERED: usize = 32;

/// A store that could not do its work. The operation is where it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the queue's store failed: {0}")]
pub struct StoreError(pub String);

/// One failed attempt, or series of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub at: UnixMillis,
    /// Why it failed.
    pub cause: FailureKind,
    /// The vendor's status, where there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// An operation that waits, and its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What waits.
    pub operation: Operation,
    /// When it came into the queue first.
    pub timestamp: UnixMillis,
    /// Failed attempts from the queue, since it came or was redriven.
    pub retry_count: u32,
    /// How often it was brought back from the dead letters.
    #[serde(default)]
    pub redrives: u32,
    /// What was tried, oldest first; the first is why it came here.
    pub attempts: Vec<Attempt>,
}

impl Entry {
    /// A new entry, with the attempt that brought it here.
    pub fn new(operation: Operation, attempt: Attempt) -> Self {
        let operation = Operation { due: None, ..operation };
        Self { operation, timestamp: attempt.at, retry_count: 0, redrives: 0, attempts: vec![attempt] }
    }

    /// Remembers one more attempt.
    pub fn remember(&mut self, attempt: Attempt) {
        if self.attempts.len() >= ATTEMPTS_REMEMBERED {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// An entry that a worker is trying. Until its lease expires, no other worker gets it or a later entry of its user.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    /// Its id in the queue.
    pub id: u64,
    /// The entry.
    pub entry: Entry,
}

/// How an operation left the queue for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// When.
    pub at: UnixMillis,
    /// Where it is now: delivered, degraded or rejected.
    pub place: RestingState,
    /// Who answered it; `None` for one that was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why the vendor did not take it; `None` for one that was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureKind>,
    /// The status of the last answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Operations that follow from the answer. They enter the queues of their vendors (see
    /// [`OperationKind::vendor`](crate::resilience::OperationKind::vendor)) in the same commit, due at once: never the one without the
    /// other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_up: Vec<Operation>,
}

impl Settled {
    /// Accepted by the vendor at `at`, with nothing to follow.
    pub fn delivered(at: UnixMillis, status: Option<u16>) -> Self {
        Self { at, place: RestingState::Delivered, source: Some(Source::Vendor), cause: None, status, follow_up: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::resilience::operation::OperationKind;

    use super::*;

    const WHY: Attempt = Attempt { at: 0, cause: FailureKind::ServerError, status: Some(503) };

    #[test]
    fn an_operation_that_waits_forgets_when_the_load_wanted_it() {
        let due = Some(std::time::Duration::from_secs(3));
        let operation = Operation { due, ..Operation::new(OperationKind::Track, "ada", json!({})) };
        assert_eq!(Entry::new(operation, WHY).operation.due, None);
    }

    #[test]
    fn the_history_is_bounded_and_an_entry_has_the_documents_names() {
        let mut entry = Entry::new(Operation::new(OperationKind::Track, "ada", json!({})), WHY);
        for at in 1..100 {
            entry.remember(Attempt { at, ..WHY });
        }
        assert_eq!(entry.attempts.len(), ATTEMPTS_REMEMBERED);
        assert_eq!(entry.attempts.last().map(|attempt| attempt.at), Some(99));
        let json = serde_json::to_value(&entry).expect("JSON");
        assert_eq!(json["retryCount"], 0);
        assert_eq!(json["timestamp"], 0);
        assert_eq!(serde_json::from_value::<Entry>(json).expect("an entry"), entry);
    }
}
