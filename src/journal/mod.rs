//! The journals that an audit of a run reads: lines of JSON on disk.
//!
//! A pipeline that counts its own leads proves nothing: it does not count what it forgot. So the driver keeps a journal of
//! what was submitted and acknowledged, the simulated vendors keep a ledger of what had an effect
//! (`mock_server::ledger::Entry`), and the service lists the resting state of each operation. An audit reads nothing else.
//!
//! The three are joined by the operation's key, which travels in the header `Idempotency-Key`, or, for services that send none,
//! by the lead's user, which must then be its own for each lead.
//!
//! Lines are numbered (`"line":1`; `entry` in the ledger), and the last one is their count, `{"entries":1656}`: a journal that was cut shows
//! it. One that lacks entries has a line `{"missed":3}` where they are missing.

mod read;
mod vendors;
mod whole;
mod write;

pub use read::{JournalError, JournalReader, Line};
pub use vendors::{VendorEffect, VendorEntry};
pub use whole::JournalLines;
pub use write::{Journal, JournalSender, JournalWritten};

use serde::{Deserialize, Serialize};

use crate::outcome::{FailureKind, RestingState};

/// File name of the driver's journal in a run's directory.
pub const DRIVER: &str = "submitted.ndjson";
/// File name of the vendors' ledger.
pub const VENDORS: &str = "vendors.ndjson";
/// File name of the resting states.
pub const PLACES: &str = "places.ndjson";

/// One submission, as the driver knows it. Written before it is sent, and again when the answer arrived, so that a driver
/// that dies leaves a submission without an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "book", rename_all = "snake_case")]
pub enum DriverEntry {
    /// It is about to be sent.
    Submitted {
        /// The lead's (or, submitted to a pipeline directly, the operation's) key.
        key: String,
        /// The user that it is about.
        user: String,
        /// What was submitted: `lead`, `enrich`, `identify`, `track`.
        what: String,
        /// Microseconds since the load began.
        at_us: u64,
    },
    /// The answer came.
    Answered {
        /// The key.
        key: String,
        /// Microseconds since the load began.
        at_us: u64,
        /// The answer.
        answer: Answered,
    },
}

/// What an answer to a submission says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answered {
    /// It is acknowledged: from now on it must not be lost.
    Acknowledged,
    /// It was acknowledged before.
    Duplicate,
    /// It was refused: nothing may come of it.
    Refused {
        /// The HTTP status, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Why, where the pipeline gave a cause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<FailureKind>,
    },
    /// No answer came: it may have been accepted or not.
    Unknown,
}

/// Where one operation is at rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestingEntry {
    /// The operation's key.
    pub key: String,
    /// The key of the lead that it belongs to; for an operation that was submitted by itself, its own.
    pub lead: String,
    /// Whom it is about.
    pub user: String,
    /// `enrich`, `identify` or `track`.
    pub operation: String,
    /// Where it is.
    pub place: RestingState,
    /// Attempts that were made for it.
    pub attempts: u32,
    /// How often it was brought back from the dead letters: one that was may come after later ones of its user.
    #[serde(default)]
    pub redrives: u32,
}
