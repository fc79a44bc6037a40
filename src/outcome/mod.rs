//! What can become of a request and of a lead: the words that samples, breakers, queues and reports share.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

mod peer;
mod per_vendor;
mod vendor;
mod words;

pub use peer::Peer;
pub use per_vendor::PerVendor;
pub use vendor::{AccessKey, CLAY_RESOURCE, Credential, OperationKind, Payload, Route, RoutePath, Vendor};
pub(crate) use words::words;

/// Why a request or an iteration failed. A request without one succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The connection was refused: nothing listens at the address.
    ConnectionRefused,
    /// The connection ended before a whole answer had come.
    ConnectionLost,
    /// No whole answer within the deadline.
    Timeout,
    /// An answer that is not HTTP, or whose body could not be read.
    BadAnswer,
    /// 429.
    RateLimited,
    /// 402: the vendor says that the credits are gone.
    CreditsExhausted,
    /// 401 or 403.
    Unauthorized,
    /// Any other 4xx.
    ClientError,
    /// 5xx.
    ServerError,
    /// The circuit breaker rejected the call: nothing was sent.
    BreakerOpen,
    /// The credit budget rejected the call: nothing was sent.
    BudgetExhausted,
    /// The client-side rate limiter could not admit the call in time: nothing was sent.
    LimiterFull,
    /// No place among the attempts under way became free in time: nothing was sent.
    InFlightFull,
    /// Client-side throttling rejected the call, for the vendor accepts too few: nothing was sent.
    Throttled,
    /// An earlier operation of the same user waits in the queue, and this one behind it: nothing was sent.
    HeldInOrder,
    /// The transaction panicked.
    Panicked,
    /// The run ended before the iteration did.
    Interrupted,
}

words! {
    FailureKind {
        ConnectionRefused "connection_refused",
        ConnectionLost "connection_lost",
        Timeout "timeout",
        BadAnswer "bad_answer",
        RateLimited "rate_limited",
        CreditsExhausted "credits_exhausted",
        Unauthorized "unauthorized",
        ClientError "client_error",
        ServerError "server_error",
        BreakerOpen "breaker_open",
        BudgetExhausted "budget_exhausted",
        LimiterFull "limiter_full",
        InFlightFull "in_flight_full",
        Throttled "throttled",
        HeldInOrder "held_in_order",
        Panicked "panicked",
        Interrupted "interrupted",
    }
}

impl FailureKind {
    /// The kind of failure that an HTTP status stands for; `None` below 400.
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            0..=399 => None,
            401 | 403 => Some(Self::Unauthorized),
            402 => Some(Self::CreditsExhausted),
            429 => Some(Self::RateLimited),
            400..=499 => Some(Self::ClientError),
            _ => Some(Self::ServerError),
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an operation is when everything has come to rest. Each acknowledged one is in exactly one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestingState {
    /// In the queue, to be sent when the vendor can take it.
    Queued,
    /// The vendor accepted it.
    Delivered,
    /// Answered from the cache or by a local guess; it is not sent any more.
    Degraded,
    /// Among the dead letters.
    DeadLettered,
    /// Dropped by a policy that somebody chose, with its reason.
    Rejected,
}

words! {
    RestingState {
        Queued "queued",
        Delivered "delivered",
        Degraded "degraded",
        DeadLettered "dead_lettered",
        Rejected "rejected",
    }
}

/// What the leads that a load submitted were answered, one lead an iteration. One may be several operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadCounts {
    /// Submitted to a service, or to the pipelines.
    pub submitted: u64,
    /// Accepted: from then on they must not be lost.
    pub accepted: u64,
    /// Refused: nobody has them but who submitted them.
    pub refused: u64,
}

impl LeadCounts {
    /// Those without an answer, or with one that leaves open whether they were taken.
    pub fn unanswered(&self) -> u64 {
        self.submitted.saturating_sub(self.accepted + self.refused)
    }
}

/// What became of the operations that were handed to the pipelines: those of one lead are up to three. When everything is at
/// rest, `submitted` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCounts {
    /// Handed to a pipeline.
    pub submitted: u64,
    /// Accepted by the vendor, at once or from the queue.
    pub delivered: u64,
    /// Not sent, for the same operation had been delivered or was in the queue already.
    pub duplicate: u64,
    /// Answered from the cache or by a local guess, and not queued.
    pub degraded: u64,
    /// In the fallback queue.
    pub queued: u64,
    /// In the dead letters.
    pub dead_lettered: u64,
    /// Refused for good, and said so to the caller: the vendor called it invalid, or nothing could hold it.
    pub rejected: u64,
    /// Still under way when counted, or cut off by the end of the run: never acknowledged, so not lost.
    pub unacknowledged: u64,
    /// Acknowledged and in none of the places above. Anything but zero is a defect.
    pub lost: u64,
}

impl AddAssign for OperationCounts {
    fn add_assign(&mut self, other: Self) {
        // Taken apart by name, so that a place that is added to the struct cannot be forgotten here.
        let Self { submitted, delivered, duplicate, degraded, queued, dead_lettered, rejected, unacknowledged, lost } = other;
        self.submitted += submitted;
        self.delivered += delivered;
        self.duplicate += duplicate;
        self.degraded += degraded;
        self.queued += queued;
        self.dead_lettered += dead_lettered;
        self.rejected += rejected;
        self.unacknowledged += unacknowledged;
        self.lost += lost;
    }
}
