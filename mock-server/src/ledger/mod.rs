//! The ledger: of every request, what the faults intended, what happened, and whether the vendor committed an effect.
//!
//! A client that got no answer cannot know whether its request was carried out. The ledger knows, and so tells a lost lead
//! from a lost answer. Entries are written once a request is over, whichever way.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::fault::SimulatedVendor;
use crate::vendor::Effect;

/// How far an answer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// All of it was handed to the connection.
    Whole,
    /// A part of it.
    Partly,
    /// Nothing of it.
    Nothing,
}

/// One request, from its arrival to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The request's number, from 1 in order of arrival at the simulator, both vendors together.
    pub request: u64,
    /// Microseconds from the simulator's start to the request's arrival.
    pub at_us: u64,
    /// Microseconds from its arrival to its end.
    pub took_us: u64,
    /// Whom it was sent to.
    pub vendor: SimulatedVendor,
    /// The route's name (`clay.webhook`); `none` where it matched no route.
    pub route: Cow<'static, str>,
    /// The method.
    pub method: Cow<'static, str>,
    /// The path, still percent-encoded and cut to [`LONGEST_PATH`] bytes; without the query, which may hold secrets.
    pub path: String,
    /// Its `Idempotency-Key` header, if it had one, cut to [`LONGEST_KEY`] bytes.
    pub idempotency_key: Option<String>,
    /// The faults that were meant to hit it, by name, in the order in which they compose.
    pub intended: Vec<Arc<str>>,
    /// Those of them that did happen. One that was meant to cut the answer after 1,000 bytes does not, where the answer is
    /// shorter or the client has gone.
    pub actual: Vec<Arc<str>>,
    /// What it changed at the vendor; empty where it changed nothing.
    pub effects: Vec<Effect>,
    /// The status of the answer that was given or meant to be given; `None` where there was none.
    pub status: Option<u16>,
    /// How far the answer got.
    pub sent: Sent,
}

/// Bytes of a path that an entry keeps.
pub const LONGEST_PATH: usize = 256;
/// Bytes of an idempotency key that an entry keeps.
pub const LONGEST_KEY: usize = 128;
/// Entries that are kept in memory; older ones are forgotten, for memory has to stay flat.
pub const KEPT: usize = 10_000;

/// Every request's entry: the latest ones in memory, all of them to whoever follows.
pub struct Ledger {
    start: Instant,
    requests: AtomicU64,
    kept: Mutex<VecDeque<Arc<Entry>>>,
    followers: broadcast::Sender<Arc<Entry>>,
}

impl Ledger {
    /// An empty ledger whose clock starts now.
    pub(crate) fn new() -> Self {
        let (followers, _) = broadcast::channel(4096);
        Self { start: Instant::now(), requests: AtomicU64::new(0), kept: Mutex::default(), followers }
    }

    /// The number of the next request.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The zero of `at_us`.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Writes down a request that is over.
    pub(crate) fn write(&self, entry: Entry) {
        let entry = Arc::new(entry);
        let forgotten = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let forgotten = if kept.len() >= KEPT { kept.pop_front() } else { None };
            kept.push_back(entry.clone());
            forgotten
        };
        drop(forgotten);
        if self.followers.receiver_count() > 0 {
            // Without a follower left there is nobody to tell.
            let _ = self.followers.send(entry);
        }
    }

    /// The entries that are still kept, oldest first.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Entries from now on. A follower that falls 4,096 behind is told how many it has missed.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.followers.subscribe()
    }

    /// Forgets every entry; numbers go on.
    pub(crate) fn clear(&self) {
        let forgotten = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        drop(forgotten);
    }
}
