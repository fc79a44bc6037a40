//! What a caller asks of a vendor, and what became of it.

use std::time::Duration;

use mock_server::json::Json;
use serde::{Deserialize, Serialize};

use crate::outcome::FailureKind;
pub use crate::outcome::OperationKind;

use super::key::idempotency_key;

/// One operation: it can be sent, queued, stored and sent again, and is the same operation all the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// What to do.
    pub kind: OperationKind,
    /// The user that it is about: the person's identifier. Operations of one user keep their order in the queue.
    pub user: String,
    /// Its payload.
    pub data: Json,
    /// SHA-256 of {user, kind, data} as canonical JSON, in hex. Made once; it travels with the operation, and to the vendor
    /// in the header `Idempotency-Key`.
    pub key: String,
    /// The key of the lead that it is a part of; `None` for an operation by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// Which of its sender's callers it is for, in the sender's own numbers: its requests carry that caller's labels. Stores on
    /// disk forget it.
    #[serde(skip)]
    pub caller: u16,
    /// When the load wanted it sent, since the load began. An operation that waits in a queue forgets it: from then on its pace
    /// is the pipeline's.
    #[serde(skip)]
    pub due: Option<Duration>,
}

impl Operation {
    /// An operation with its key.
    pub fn new(kind: OperationKind, user: impl Into<String>, data: impl Into<Json>) -> Self {
        let (user, data) = (user.into(), data.into());
        let key = idempotency_key(kind, &user, &data);
        Self { kind, user, data, key, lead: None, caller: 0, due: None }
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The vendor itself.
    Vendor,
    /// An earlier answer of the vendor.
    Cache,
    /// None yet: the operation waits in the queue.
    Queued,
    /// A guess made here.
    Local,
}

impl Source {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Cache => "cache",
            Self::Queued => "queued",
            Self::Local => "local",
        }
    }
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Disposition {
    /// The vendor accepted it.
    Delivered {
        /// Attempts made, 1 for the first.
        attempts: u32,
    },
    /// It had been delivered before, or waits in the queue already: nothing was sent.
    Duplicate,
    /// The vendor could not be reached or was not asked; a fallback answered.
    Fallback {
        /// Which.
        source: Source,
        /// Why the vendor did not answer.
        cause: FailureKind,
    },
    /// Put among the dead letters.
    DeadLettered {
        /// The last failure.
        cause: FailureKind,
    },
    /// Refused for good, with nothing kept.
    Rejected {
        /// Why.
        cause: FailureKind,
    },
}
