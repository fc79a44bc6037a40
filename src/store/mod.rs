//! Where leads are kept so that they outlive the process.
//!
//! A lead that was acknowledged and then only lived in memory is gone with the next restart. A store makes it durable before
//! it is acknowledged, keeps it until every operation of it is settled, and answers where each is.
//!
//! A lead is a few operations: enrich at Clay, identify and track at Customer.io. All enter the queues of their vendors in the
//! commit that accepts the lead; each vendor's pipeline drains its own through [`Backlog`]. Operations of one user leave a
//! vendor's queue in the order in which they came. A caller that lost the answer to a change may repeat it: nothing
//! happens twice.

pub mod bounds;
mod durability;
pub mod listing;
#[cfg(feature = "redis")]
pub mod redis;
mod runs;
pub mod sqlite;

use std::future::{Future, ready};

use mock_server::json::Json;
use serde::{Deserialize, Serialize};

use crate::outcome::{RestingState, Vendor};
use crate::resilience::{Attempt, Backlog, Operation, OperationKind, Settled, Source, StoreError, UnixMillis};

pub use bounds::Bounds;
pub use durability::Durability;
#[cfg(feature = "redis")]
pub use redis::RedisStore;
pub use runs::Runs;

/// A lead that is to be made durable.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLead {
    /// What it is known by: 64 hex digits of the key that its submitter gave, or `content-` and as many of its content.
    pub key: String,
    /// Whom it is about.
    pub user: String,
    /// What is known.
    pub data: Json,
    /// What is to be done, in this order within a vendor. Each names the lead by [`Operation::lead`], and its key is its own.
    pub operations: Vec<Operation>,
}

/// What became of a lead that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It is durable.
    New,
    /// A lead of this key is here already; nothing was changed.
    Known,
    /// There is no room; nothing was kept.
    Full,
}

/// What a fallback or a callback found out about a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enrichment {
    /// When.
    pub at: UnixMillis,
    /// Who said so.
    pub source: Source,
    /// What.
    pub data: Json,
}

/// What became of an enrichment that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is durable, with the operations that follow from it.
    New,
    /// The lead has been enriched by the same source with the same data; nothing was changed.
    Repeated,
    /// There is no such lead.
    UnknownLead,
}

/// A lead, where it is, and its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeadRecord {
    /// What it is known by.
    pub key: String,
    /// Whom it is about.
    pub user: String,
    /// What was known when it came.
    pub data: Json,
    /// When it was accepted.
    pub accepted_at: UnixMillis,
    /// Its operations, in the order in which they came.
    pub operations: Vec<OperationRecord>,
    /// What was found out, oldest first.
    pub enrichments: Vec<Enrichment>,
    /// Of both, those that cannot be read and are left out; see [`listing::Quarantined`].
    #[serde(default, skip_serializing_if = "is_none")]
    pub unreadable: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde passes it")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// One operation of a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// What is done.
    pub kind: OperationKind,
    /// Its key.
    pub key: String,
    /// Where it is.
    pub place: RestingState,
    /// When it is tried next, while it is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<UnixMillis>,
    /// Failed attempts, oldest first, the latest of them at most (see `queue::ATTEMPTS_REMEMBERED`).
    pub attempts: Vec<Attempt>,
    /// How often it was brought back from the dead letters.
    pub redrives: u32,
    /// How it left the queue, when it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

/// A durable store of leads. Clones share it.
pub trait LeadStore: Clone + Send + Sync + 'static {
    /// The queue and the dead letters of one vendor in it.
    type Backlog: Backlog;

    /// The queue and the dead letters of a vendor. All handles of one vendor are of the same queue.
    fn backlog(&self, vendor: Vendor) -> Self::Backlog;

    /// Makes leads durable, all in one commit, or none. One answer for each, in their order. Of equal keys in one call the
    /// first counts. A lead is [`Acceptance::Full`] when not all of its operations fit; those behind it may still fit.
    fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> impl Future<Output = Result<Vec<Acceptance>, StoreError>> + Send;

    /// The lead of this key, as long as it is kept.
    fn lead(&self, key: &str) -> impl Future<Output = Result<Option<LeadRecord>, StoreError>> + Send;

    /// At most `limit` leads behind the one of key `after`, in the order of their keys: for export and audit.
    fn leads(&self, after: Option<&str>, limit: usize) -> impl Future<Output = Result<Vec<LeadRecord>, StoreError>> + Send;

    /// Keeps what was found out about a lead, with the operations that follow from it, in one commit. An operation that the
    /// lead has already (by its key) does not enter again.
    fn enrich(
        &self,
        lead: &str,
        enrichment: Enrichment,
        follow_up: Vec<Operation>,
    ) -> impl Future<Output = Result<Recorded, StoreError>> + Send;

    /// Forgets leads whose every operation was delivered, degraded or rejected before `before`; gives how many. Dead letters
    /// and what is queued are never forgotten.
    fn forget_settled(&self, before: UnixMillis) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The latest time that is dated in the store, where it is cheap to read, or else `None`. A
    /// service that starts does not go back behind it: a clock that was set back would make everything that waits wait for
    /// as much longer, and begin a day of credits anew.
    fn latest(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send {
        ready(Ok(None))
    }

    /// What the store's own clock shows, where it has one that several processes share. A service that starts goes on from it.
    fn time(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send {
        ready(Ok(None))
    }

    /// Milliseconds that this machine's clock was ahead of the store's when they were compared last, where it has its own.
    fn clock_skew_ms(&self) -> Option<i64> {
        None
    }

    /// Notes that a service runs at `now`; gives the time since when services have run on this store for `age` milliseconds in
    /// all, see [`Runs`]. A store that ends with its process needs none: its clock cannot have jumped.
    fn ran(&self, now: UnixMillis, age: u64) -> impl Future<Output = Result<UnixMillis, StoreError>> + Send {
        ready(Ok(now.saturating_sub(age)))
    }

    /// Records that cannot be read and were set aside, so that the others go on; see [`listing::Quarantined`]. Cheap: it is
    /// read often.
    fn quarantined(&self) -> u64 {
        0
    }

    /// Why nothing is acknowledged at present, where something that a promise rests on does not hold any more.
    fn refusal(&self) -> Option<String> {
        None
    }

    /// Whether a commit works now, and what was acknowledged is where it was: for readiness.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends the store in order: everything that was handed in is durable, and files are closed.
    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
