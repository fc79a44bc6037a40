//! One vendor's queue and dead letters: what waits, in which order, and what was given up.

use std::collections::{BTreeMap, HashMap, HashSet};

use plimsoll::outcome::FailureKind;
use plimsoll::resilience::{Attempt, CreditState, DeadLetter, Entry, Leased, UnixMillis};

/// A vendor's part of the store. Every method is one change under the store's lock.
#[derive(Debug, Default)]
pub(super) struct VendorBacklog {
    last_id: u64,
    /// What is queued. A user's entries are in the order of their ids.
    pub(super) waiting: BTreeMap<u64, Waiting>,
    /// The entry of each operation that is queued, by the operation's key.
    keys: HashMap<String, u64>,
    pub(super) letters: BTreeMap<u64, DeadLetter>,
    pub(super) credits: Option<CreditState>,
}

/// An entry in the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) entry: Entry,
    pub(super) due: UnixMillis,
    leased: bool,
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
        self.waiting.insert(id, Waiting { entry, due, leased: false });
        id
    }

    /// The first of each user's line, by when it is due. A leased one is due when its lease expires.
    fn first(&self) -> Option<(UnixMillis, u64)> {
        let mut users = HashSet::new();
        let firsts = self.waiting.iter().filter(|(_, waiting)| users.insert(&waiting.entry.operation.user));
        firsts.map(|(&id, waiting)| (waiting.due, id)).min()
    }

    pub(super) fn next_due(&self) -> Option<UnixMillis> {
        self.first().map(|(due, _)| due)
    }

    /// Leases the entry that has been due for the longest.
    pub(super) fn lease(&mut self, now: UnixMillis, lease_end: UnixMillis) -> Option<Leased> {
        let (_, id) = self.first().filter(|(due, _)| *due <= now)?;
        let waiting = self.waiting.get_mut(&id)?;
        (waiting.due, waiting.leased) = (lease_end, true);
        Some(Leased { id, entry: waiting.entry.clone() })
    }

    pub(super) fn holds(&self, user: &str) -> bool {
        self.waiting.values().any(|waiting| waiting.entry.operation.user == user)
    }

    /// Removes an entry; the next of its user's line may go.
    pub(super) fn remove(&mut self, id: u64) -> Option<Entry> {
        let Waiting { entry, .. } = self.waiting.remove(&id)?;
        self.keys.remove(&entry.operation.key);
        Some(entry)
    }

    /// Counts and remembers a failed attempt. If it is the last one remembered and the entry was not leased since, it was
    /// reported twice.
    pub(super) fn fail(&mut self, id: u64, attempt: Attempt, due: UnixMillis) {
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        if waiting.leased || waiting.entry.attempts.last() != Some(&attempt) {
            waiting.entry.retry_count += 1;
            waiting.entry.remember(attempt);
            self.release(id, due);
        }
    }

    /// Ends an entry's lease, and makes it due at `due`.
    pub(super) fn release(&mut self, id: u64, due: UnixMillis) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            (waiting.due, waiting.leased) = (due, false);
        }
    }

    /// Adds a letter; gives its id.
    pub(super) fn put_letter(&mut self, entry: Entry, cause: FailureKind, at: UnixMillis) -> u64 {
        let id = self.next_id();
        self.letters.insert(id, DeadLetter { id, entry, cause, at });
        id
    }

    /// Letters by the name of their last failure.
    pub(super) fn letters_by_cause(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for letter in self.letters.values() {
            *counts.entry(letter.cause.as_str().to_owned()).or_insert(0) += 1;
        }
        counts
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
