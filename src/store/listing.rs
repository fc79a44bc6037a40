//! What a listing of a store shows, whichever store it is.
//!
//! If each kind of store were listed in its own way, people who move from one to the other would misread it. So all stores
//! give these types, and the code that prints or exports them does not depend on the store.

use std::collections::BTreeMap;
use std::fmt;

use mock_server::json::Json;
use serde::Serialize;

use crate::outcome::{FailureKind, RestingState, Vendor};
use crate::resilience::{Attempt, Entry, Held, HeldNote, Operation, OperationKind, Settled, UnixMillis};

use super::LeadRecord;

/// What is in a store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreSummary {
    /// Leads that are kept.
    pub leads: u64,
    /// Those of them with an operation that is queued or among the dead letters.
    pub open_leads: u64,
    /// Records that cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
    /// Vendor by vendor, those with operations.
    pub vendors: Vec<VendorSummary>,
}

/// A record that cannot be read. It is set aside as it is, and nothing else waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// What it is: `lead`, `operation` or `enrichment`.
    pub record: &'static str,
    /// What it is known by in its store: the number of its row, or its key.
    pub id: String,
    /// Whose backlog it is of, where that is known.
    pub vendor: Option<Vendor>,
    /// The lead that it is of, where that is known.
    pub lead: Option<String>,
    /// Why it cannot be read.
    pub reason: String,
    /// When it was found.
    pub found_at: Option<UnixMillis>,
    /// What is there, field by field. What is not text is in hexadecimal.
    pub fields: BTreeMap<String, String>,
}

impl fmt::Display for Quarantined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.record, self.id.escape_debug())?;
        if let Some(vendor) = self.vendor {
            write!(f, " for {}", vendor.display_name())?;
        }
        if let Some(lead) = &self.lead {
            write!(f, " of lead {}", lead.escape_debug())?;
        }
        write!(f, " cannot be read: {}", self.reason.escape_debug())
    }
}

/// What is in the backlog of a vendor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VendorSummary {
    /// Whose.
    pub vendor: Vendor,
    /// Operations by where they are.
    pub places: BTreeMap<RestingState, u64>,
    /// When the oldest that is queued came.
    pub oldest_queued: Option<UnixMillis>,
    /// When the next is due.
    pub next_due: Option<UnixMillis>,
    /// Dead letters by the name of their last failure.
    pub dead_letters: BTreeMap<String, u64>,
    /// What holds those that are queued, as the service that works on them has written.
    pub held: Vec<HeldIn>,
}

/// A service that has written nothing for so many milliseconds is taken to be gone: it writes three times as often.
const FRESH_MS: u64 = 60_000;

/// What holds operations, in a process of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldIn {
    /// What the process is called, where it has a name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub replica: String,
    /// What holds them.
    #[serde(flatten)]
    pub held: Held,
}

impl HeldIn {
    /// What is still true of a process's note.
    pub(super) fn of(replica: &str, note: &HeldNote) -> Vec<Self> {
        let now = crate::clock::wall_clock().timestamp_millis().max(0) as u64;
        let is_so = |held: &&Held| note.at.saturating_add(FRESH_MS) > now && held.until.is_none_or(|until| until > now);
        note.held.iter().filter(is_so).map(|held| Self { replica: replica.to_owned(), held: *held }).collect()
    }
}

impl VendorSummary {
    /// Of a vendor without operations.
    pub(super) fn empty(vendor: Vendor) -> Self {
        let (places, dead_letters) = (BTreeMap::new(), BTreeMap::new());
        Self { vendor, places, oldest_queued: None, next_due: None, dead_letters, held: Vec::new() }
    }
}

/// An operation with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredOperation {
    /// Its number in the store. In a file it changes when the operation moves to the dead letters or back.
    pub id: u64,
    /// Whose backlog it is in.
    pub vendor: Vendor,
    /// What is done.
    pub operation: OperationKind,
    /// Where it is.
    pub place: RestingState,
    /// Its key.
    pub key: String,
    /// The key of its lead, if it is of one.
    pub lead: Option<String>,
    /// Whom it is about.
    pub user: String,
    /// Its payload.
    pub data: Json,
    /// When it came.
    pub came_at: UnixMillis,
    /// When it is tried next, while it is queued.
    pub due_at: Option<UnixMillis>,
    /// Failed attempts since it came or was redriven.
    pub retry_count: u32,
    /// How often it was brought back from the dead letters.
    pub redrives: u32,
    /// Failed attempts with when and why, oldest first.
    pub attempts: Vec<Attempt>,
    /// The last failure of a dead letter.
    pub cause: Option<FailureKind>,
    /// When a dead letter was given up.
    pub dead_at: Option<UnixMillis>,
    /// How it left, when it has.
    pub settled: Option<Settled>,
}

impl StoredOperation {
    /// An operation in this place, of which nothing is known but its entry.
    pub(super) fn new(id: u64, vendor: Vendor, place: RestingState, entry: Entry) -> Self {
        let Entry { operation, timestamp: came_at, retry_count, redrives, attempts } = entry;
        let Operation { kind: operation, user, data, key, lead, .. } = operation;
        let (due_at, cause, dead_at, settled) = (None, None, None, None);
        Self {
            id,
            vendor,
            operation,
            place,
            key,
            lead,
            user,
            data,
            came_at,
            due_at,
            retry_count,
            redrives,
            attempts,
            cause,
            dead_at,
            settled,
        }
    }
}

/// What a key or a number stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// A lead.
    Lead(Box<LeadRecord>),
    /// An operation.
    Operation(Box<StoredOperation>),
}
