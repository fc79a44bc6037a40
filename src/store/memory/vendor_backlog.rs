//! One vendor's queue and dead letters: what waits, in which order, and what was given up.

use std::collections::{BTreeMap, HashMap};

use crate::outcome::FailureKind;
use crate::resilience::queue::lines::Lines;
use crate::resilience::{Attempt, CreditState, DeadLetter, Entry, UnixMillis};

/// A vendor's part of the store. Every method is one change under the store's lock.
#[derive(Debug, Default)]
pub(super) struct VendorBacklog {
    last_id: u64,
    pub(super) lines: Lines,
    /// The entry of each operation that is queued, by the operation's key.
    keys: HashMap<String, u64>,
    pub(super) letters: BTreeMap<u64, DeadLetter>,
    pub(super) credits: Option<CreditState>,
}

impl VendorBacklog {
    pub(super) fn queued(&self, key: &str) -> Option<u64> {
        self.keys.get(key).copied()
    }

    /// Puts an entry at the end of its user's line; gives its id. An operation that is queued already keeps its position.
    pub(super) fn push(&mut self, entry: Entry, due: UnixMillis) -> u64 {
        if let Some(id) = self.queued(&entry.operation.key) {
            return id;
        }
        let id = self.next_id();
        self.keys.insert(entry.operation.key.clone(), id);
        self.lines.push(id, entry, due);
        id
    }

    /// Removes an entry; the next of its user's line may go.
    pub(super) fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.lines.remove(id)?;
        self.keys.remove(&entry.operation.key);
        Some(entry)
    }

    /// Counts and remembers a failed attempt. If it is the last one remembered and the entry was not leased since, it was
    /// reported twice.
    pub(super) fn fail(&mut self, id: u64, attempt: Attempt, due: UnixMillis) {
        let reported =
            self.lines.get(id).is_some_and(|waiting| !waiting.leased && waiting.entry.attempts.last() == Some(&attempt));
        if !reported {
            self.lines.fail(id, attempt, due);
        }
    }

    /// Adds a letter; gives its id.
    pub(super) fn put_letter(&mut self, entry: Entry, cause: FailureKind, at: UnixMillis) -> u64 {
        let id = self.next_id();
        self.letters.insert(id, DeadLetter { id, entry, cause, at });
        id
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
