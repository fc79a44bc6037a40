//! The next entries of a vendor's queue, read ahead, so that a lease costs no query and memory does not grow with the queue.
//!
//! A queue of a million entries does not belong into memory, and a query for each lease makes the drain wait for the disk.
//! So the first of those that may be leased (the first of each user's line, by when it is due) are held here up to a
//! horizon: every such entry whose turn is not behind it is here, and what is behind it is in the file only. Leases are
//! held here and nowhere else: the file belongs to one process, and after a restart everything is due again.

use std::collections::{BTreeMap, HashMap};

use crate::resilience::{Entry, Leased, UnixMillis};

/// When an entry is due, and its place among those due at once.
pub(super) type Turn = (UnixMillis, u64);

/// Entries that are read at once, and about half of the most that are held.
pub(super) const PAGE: usize = 512;
/// Most bytes of payload that are held, unless a single entry has more.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// An entry that may be leased.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) id: u64,
    pub(super) turn: Turn,
    /// Length of its payload as JSON.
    pub(super) bytes: usize,
    pub(super) entry: Entry,
}

/// What the window knows about a question.
#[derive(Debug, PartialEq)]
pub(super) enum Known<T> {
    /// The answer.
    Yes(T),
    /// What is behind the horizon must be read first.
    ReadMore,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Window {
    ready: BTreeMap<Turn, Head>,
    /// By the end of the lease.
    leased: BTreeMap<Turn, Head>,
    /// In which of both an entry is, and under what.
    turns: HashMap<u64, (bool, Turn)>,
    /// The last turn that was read; `None` when everything is here.
    horizon: Option<Turn>,
    pub(super) bytes: usize,
    page: usize,
    /// A read of more entries is under way.
    pub(super) reading: bool,
    /// Entries in the queue, whether here or not.
    pub(super) queued: u64,
    /// Dead letters.
    pub(super) dead: u64,
}

impl Window {
    /// Knows the counts, and nothing of the entries yet. `page`: entries that are read at once.
    pub(super) fn new(queued: u64, dead: u64, page: usize) -> Self {
        let horizon = (queued > 0).then_some((0, 0));
        Self { horizon, page, queued, dead, ..Self::default() }
    }

    /// Takes the entry whose turn it is, until `lease_end`.
    pub(super) fn lease(&mut self, now: UnixMillis, lease_end: UnixMillis) -> Known<Option<Leased>> {
        let Known::Yes(first) = self.first() else { return Known::ReadMore };
        let Some((over, turn)) = first.filter(|(_, turn)| turn.0 <= now) else { return Known::Yes(None) };
        let head = if over { self.leased.remove(&turn) } else { self.ready.remove(&turn) };
        let Some(head) = head else { return Known::Yes(None) };
        if !over {
            self.bytes -= head.bytes;
        }
        let leased = Leased { id: head.id, entry: head.entry.clone() };
        let until = (lease_end, head.turn.1);
        self.turns.insert(head.id, (true, until));
        self.leased.insert(until, head);
        Known::Yes(Some(leased))
    }

    /// When the lease of an entry ends, if it is leased.
    pub(super) fn lease_end(&self, id: u64) -> Option<UnixMillis> {
        self.turns.get(&id).filter(|(leased, _)| *leased).map(|(_, turn)| turn.0)
    }

    /// When the next entry can be leased.
    pub(super) fn next_due(&self) -> Known<Option<UnixMillis>> {
        match self.first() {
            Known::Yes(first) => Known::Yes(first.map(|(_, turn)| turn.0)),
            Known::ReadMore => Known::ReadMore,
        }
    }

    /// The next turn, and whether it is that of a lease that ends.
    fn first(&self) -> Known<Option<(bool, Turn)>> {
        let ready = self.ready.first_key_value().map(|(turn, _)| (false, *turn));
        if ready.is_none() && self.horizon.is_some() {
            return Known::ReadMore;
        }
        let over = self.leased.first_key_value().map(|(turn, _)| (true, *turn));
        Known::Yes(match (ready, over) {
            (Some(ready), Some(over)) => Some(if over.1 < ready.1 { over } else { ready }),
            (ready, over) => ready.or(over),
        })
    }

    /// True when it is time to read ahead; once for each time.
    pub(super) fn runs_low(&mut self) -> bool {
        let low = self.horizon.is_some() && self.ready.len() < self.page / 4 && !self.reading;
        self.reading |= low;
        low
    }

    /// An entry has become the first of its line, or has another turn now.
    pub(super) fn enter(&mut self, head: Head) {
        self.leave(head.id);
        if self.horizon.is_some_and(|horizon| head.turn > horizon) {
            return;
        }
        self.hold(head);
        if self.ready.len() > 2 * self.page || self.bytes > 2 * MOST_BYTES {
            self.narrow();
        }
    }

    /// An entry is not in the queue any more.
    pub(super) fn leave(&mut self, id: u64) {
        match self.turns.remove(&id) {
            Some((true, turn)) => drop(self.leased.remove(&turn)),
            Some((false, turn)) => {
                if let Some(head) = self.ready.remove(&turn) {
                    self.bytes -= head.bytes;
                }
            }
            None => {}
        }
    }

    /// From where to read on, and how many rows at most; `None` when there is nothing to read.
    pub(super) fn wanted(&self) -> Option<(Turn, usize)> {
        let horizon = self.horizon.filter(|_| self.ready.len() < self.page)?;
        Some((horizon, self.page + self.leased.len()))
    }

    /// More was read, up to `horizon`; `None` when that was all.
    pub(super) fn extend(&mut self, heads: Vec<Head>, horizon: Option<Turn>) {
        for head in heads {
            if !self.turns.contains_key(&head.id) {
                self.hold(head);
            }
        }
        self.horizon = horizon;
    }

    fn hold(&mut self, head: Head) {
        self.bytes += head.bytes;
        self.turns.insert(head.id, (false, head.turn));
        self.ready.insert(head.turn, head);
    }

    fn narrow(&mut self) {
        while self.ready.len() > 1
            && (self.ready.len() > self.page || self.bytes > MOST_BYTES)
            && let Some((_, head)) = self.ready.pop_last()
        {
            self.turns.remove(&head.id);
            self.bytes -= head.bytes;
        }
        self.horizon = self.ready.last_key_value().map(|(turn, _)| *turn);
    }
}
