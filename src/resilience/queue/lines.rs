//! The order of a queue in memory: each user's entries in a line, and the first of each line by when it is due.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::entry::{Attempt, Entry, Leased};
use crate::resilience::wall::UnixMillis;

/// The entries of a queue.
#[derive(Debug, Default)]
pub(super) struct Lines {
    entries: HashMap<u64, Waiting>,
    /// Each user's entries in their order.
    users: HashMap<String, VecDeque<u64>>,
    /// The first of each line, by when it is due. A leased one is due when its lease expires.
    firsts: BTreeSet<(UnixMillis, u64)>,
}

/// An entry in the queue.
#[derive(Debug)]
struct Waiting {
    entry: Entry,
    due: UnixMillis,
}

impl Lines {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Everything in the queue, by key: an order that depends on nothing but what is in it.
    pub(super) fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.entries.values().map(|waiting| &waiting.entry).collect();
        entries.sort_by(|a, b| a.operation.key.cmp(&b.operation.key));
        entries
    }

    pub(super) fn holds(&self, user: &str) -> bool {
        self.users.contains_key(user)
    }

    pub(super) fn next_due(&self) -> Option<UnixMillis> {
        self.firsts.first().map(|&(due, _)| due)
    }

    /// Puts an entry at the end of its user's line.
    pub(super) fn push(&mut self, id: u64, entry: Entry, due: UnixMillis) {
        let line = self.users.entry(entry.operation.user.clone()).or_default();
        line.push_back(id);
        if line.len() == 1 {
            self.firsts.insert((due, id));
        }
        self.entries.insert(id, Waiting { entry, due });
    }

    /// Removes an entry; the next of its user's line may go.
    pub(super) fn remove(&mut self, id: u64) -> Option<Entry> {
        let Waiting { entry, due } = self.entries.remove(&id)?;
        let user = &entry.operation.user;
        if let Some(line) = self.users.get_mut(user) {
            line.retain(|&other| other != id);
            let next = line.front().copied();
            if self.firsts.remove(&(due, id))
                && let Some(next) = next
                && let Some(waiting) = self.entries.get(&next)
            {
                self.firsts.insert((waiting.due, next));
            }
            if next.is_none() {
                self.users.remove(user);
            }
        }
        Some(entry)
    }

    /// Leases the entry that has been due for the longest.
    pub(super) fn lease(&mut self, now: UnixMillis, lease_end: UnixMillis) -> Option<Leased> {
        let &(due, id) = self.firsts.first()?;
        if due > now {
            return None;
        }
        self.reschedule(id, lease_end);
        Some(Leased { id, entry: self.entries.get(&id)?.entry.clone() })
    }

    /// Counts and remembers a failed attempt.
    pub(super) fn fail(&mut self, id: u64, attempt: Attempt, due: UnixMillis) {
        if let Some(waiting) = self.entries.get_mut(&id) {
            waiting.entry.retry_count += 1;
            waiting.entry.remember(attempt);
        }
        self.reschedule(id, due);
    }

    /// Ends an entry's lease, and makes it due at `due`.
    pub(super) fn reschedule(&mut self, id: u64, due: UnixMillis) {
        if let Some(waiting) = self.entries.get_mut(&id) {
            // Only the first of a line is in the set.
            if self.firsts.remove(&(waiting.due, id)) {
                self.firsts.insert((due, id));
            }
            waiting.due = due;
        }
    }
}
