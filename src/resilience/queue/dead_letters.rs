//! Dead letters: what can't be delivered is put aside with its reason, and never dropped in silence.
//!
//! A queue that retries for ever hides broken leads among healthy ones, and one that gives up quietly loses them. Here they
//! stay until an operator fixes the cause and redrives or exports them, each with when and why every attempt failed.

use std::collections::BTreeMap;
use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::outcome::FailureKind;

use super::entry::{Entry, StoreError};
use crate::resilience::wall::UnixMillis;

/// How often an entry may be redriven; one that failed as often needs a person.
pub const MOST_REDRIVES: u32 = 3;

/// An operation that could not be delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// What it is known by here.
    pub id: u64,
    /// The operation and its history.
    pub entry: Entry,
    /// The last failure.
    pub cause: FailureKind,
    /// When it was given up.
    pub at: UnixMillis,
}

/// What the pipeline needs of a place for dead letters.
pub trait DeadLetters: Send + Sync + 'static {
    /// Puts an operation aside. False when there is no room: nothing was kept.
    fn put(&self, entry: Entry, cause: FailureKind, at: UnixMillis) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// At most `limit` letters with an id above `after`, by id: for export, page by page.
    fn page(&self, after: u64, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send;

    /// Letters by the name of their last failure.
    fn by_cause(&self) -> impl Future<Output = Result<BTreeMap<String, u64>, StoreError>> + Send;

    /// Removes a letter for good. False when there is none of that id.
    fn remove(&self, id: u64) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
