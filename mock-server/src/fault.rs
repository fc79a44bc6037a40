//! What can be broken, where and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latency::LatencyModel;

/// One of the simulated vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimulatedVendor {
    /// Clay.
    Clay,
    /// Customer.io.
    CustomerIo,
}

/// A fault with its time and its scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its name, unique in the timetable.
    pub name: String,
    /// Whom it hits; `None` for both vendors.
    pub vendor: Option<SimulatedVendor>,
    /// Routes that it hits, by name (`clay.webhook`); empty for all.
    pub routes: Vec<String>,
    /// Start, from the beginning of the load.
    pub at: Duration,
    /// Length.
    pub lasts: Duration,
    /// Share of the requests that it hits, 0 to 1.
    pub share: f64,
    /// What it does.
    pub kind: FaultKind,
}

/// What a fault does to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The vendor is gone.
    Outage {
        /// In which way.
        how: Outage,
    },
    /// A status instead of the answer.
    Error {
        /// The status, 400 to 599.
        status: u16,
        /// The body; `None` for the vendor's own error body for that status.
        body: Option<String>,
    },
    /// 429 beyond a token bucket.
    RateLimit {
        /// Requests a second.
        rate: f64,
        /// Requests at once.
        burst: u32,
        /// How Retry-After is given.
        retry_after: RetryAfterStyle,
    },
    /// Answers come later, by a delay added to the vendor's own latency.
    Latency {
        /// The delay added.
        model: LatencyModel,
    },
}

/// Ways of being gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// Nobody listens: connections are refused, open ones closed. Only for a whole vendor and every request.
    Refuse,
    /// Connections are accepted and closed without an answer.
    Close,
    /// 503.
    Unavailable,
}

/// Ways to say when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterStyle {
    /// Whole seconds, rounded up, so that it is never too early.
    Seconds,
    /// An HTTP date.
    Date,
    /// Not at all.
    None,
}
