//! The ledger: of every request, what the faults intended, what happened, and whether the vendor committed an effect.
//!
//! A client that got no answer cannot know whether its request was carried out. The ledger knows, and so distinguishes a lost
//! lead from a lost answer. Entries are written once a request is over, whichever way.

mod file;
mod follow;
mod lines;
mod store;

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use file::{FileStatus, LedgerFile};
pub use follow::Follower;
pub(crate) use lines::lines;
pub use store::{Batch, Ledger};

use crate::fault::SimulatedVendor;
use crate::simulated::Effect;

/// How far an answer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its place in the ledger, from 1, in order of being written, which is the order in which requests ended. Given by the
    /// ledger.
    pub entry: u64,
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
    /// Microseconds from the request's end before which its answer asked the client not to come back (Retry-After); `None`
    /// where it asked for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_us: Option<u64>,
}

/// Bytes of a path that an entry keeps.
pub const LONGEST_PATH: usize = 256;
/// Bytes of an idempotency key that an entry keeps.
pub const LONGEST_KEY: usize = 128;
/// Entries that are kept in memory; older ones are forgotten, for memory has to stay flat.
pub const KEPT: usize = 10_000;
/// Bytes that the entries kept in memory may take together, about. Ten thousand of the usual kind take a fifth of it; those of
/// batches, with an effect for each of thousands of items, or of leads with names of 100 KB, take thousands of times as much.
pub const KEPT_BYTES: usize = 32 * 1024 * 1024;

impl Entry {
    /// Whether the vendor has carried the request out.
    pub fn committed(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Whether the vendor has carried the request out and the client can't know it: the case in which a client that repeats
    /// the request makes a duplicate.
    pub fn answer_was_lost(&self) -> bool {
        self.committed() && self.sent != Sent::Whole
    }

    /// Bytes of memory that it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let names = |names: &[String]| names.iter().map(|name| size_of::<String>() + name.len()).sum::<usize>();
        let effect = |effect: &Effect| size_of::<Effect>() + effect.subject.len() + text(&effect.id) + names(&effect.names);
        let faults = (self.intended.len() + self.actual.len()) * size_of::<Arc<str>>();
        let effects: usize = self.effects.iter().map(effect).sum();
        size_of::<Self>() + self.path.len() + self.method.len() + text(&self.idempotency_key) + faults + effects
    }

    /// Whether the fault of this name did happen to it.
    pub fn was_hit_by(&self, fault: &str) -> bool {
        self.actual.iter().any(|name| &**name == fault)
    }
}

#[cfg(test)]
pub(crate) mod tests;
