//! One vendor's queue and dead letters: what waits, in whose order, and what was given up.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::outcome::FailureKind;
use crate::resilience::{Attempt, CreditState, DeadLetter, Entry, Leased, UnixMillis};

/// A vendor's part of the store. Every method is one change, carried out under the store's lock.
#[derive(Debug, Default)]
pub(super) struct Lane {
    last_id: u64,
    waiting: HashMap<u64, Waiting>,
    /// The entry of each operation that is queued, by the operation's key.
    keys: HashMap<String, u64>,
    /// Each user's entries in their order.
    lines: HashMap<String, VecDeque<u64>>,
    /// The first of each line, by when it is due. A leased one is due when its lease is over.
    firsts: BTreeSet<(UnixMillis, u64)>,
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

impl Lane {
    pub(super) fn depth(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn get(&self, id: u64) -> Option<&Waiting> {
        self.waiting.get(&id)
    }

    pub(super) fn queued(&self, key: &str) -> Option<u64> {
        self.keys.get(key).copied()
    }

    pub(super) fn holds(&self, user: &str) -> bool {
        self.lines.contains_key(user)
    }

    pub(super) fn next_due(&self) -> Option<UnixMillis> {
        self.firsts.first().map(|&(due, _)| due)
    }

    /// Puts an entry at the end of its user's line; gives its id. An operation that is queued already stays where it is.
    pub(super) fn push(&mut self, entry: Entry, due: UnixMillis) -> u64 {
        if let Some(id) = self.queued(&entry.operation.key) {
            return id;
        }
        let id = self.next_id();
        let line = self.lines.entry(entry.operation.user.clone()).or_default();
        line.push_back(id);
        if line.len() == 1 {
            self.firsts.insert((due, id));
        }
        self.keys.insert(entry.operation.key.clone(), id);
        self.waiting.insert(id, Waiting { entry, due, leased: false });
        id
    }

    /// Takes an entry out; the next of its user's line may go.
    pub(super) fn remove(&mut self, id: u64) -> Option<Entry> {
        let Waiting { entry, due, .. } = self.waiting.remove(&id)?;
        self.keys.remove(&entry.operation.key);
        let user = &entry.operation.user;
        if let Some(line) = self.lines.get_mut(user) {
            line.retain(|&other| other != id);
            let next = line.front().copied();
            if self.firsts.remove(&(due, id))
                && let Some(next) = next
                && let Some(waiting) = self.waiting.get(&next)
            {
                self.firsts.insert((waiting.due, next));
            }
            if next.is_none() {
                self.lines.remove(user);
            }
        }
        Some(entry)
    }

    pub(super) fn lease(&mut self, now: UnixMillis, lease_end: UnixMillis) -> Option<Leased> {
        let &(due, id) = self.firsts.first()?;
        if due > now {
            return None;
        }
        self.reschedule(id, lease_end);
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.leased = true;
        }
        self.get(id).map(|waiting| Leased { id, entry: waiting.entry.clone() })
    }

    pub(super) fn reschedule(&mut self, id: u64, due: UnixMillis) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            // Only the first of a line is in the set.
            if self.firsts.remove(&(waiting.due, id)) {
                self.firsts.insert((due, id));
            }
            waiting.due = due;
            waiting.leased = false;
        }
    }

    /// Counts and remembers a failed attempt. One that is remembered as the last already was reported twice, if nobody took
    /// the entry since.
    pub(super) fn fail(&mut self, id: u64, attempt: Attempt, due: UnixMillis) {
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        if !waiting.leased && waiting.entry.attempts.last() == Some(&attempt) {
            return;
        }
        waiting.entry.retry_count += 1;
        waiting.entry.remember(attempt);
        self.reschedule(id, due);
    }

    /// Puts a letter down; gives its id.
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
