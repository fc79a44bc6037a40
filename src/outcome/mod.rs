//! What can become of a request and of a lead: the words that samples, breakers, queues and reports share.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

mod failure;
mod peer;
mod per_vendor;
mod steps;
mod vendor;
mod words;

pub use failure::FailureKind;
pub use peer::Peer;
pub use per_vendor::PerVendor;
pub use steps::Steps;
pub use vendor::{AccessKey, CLAY_RESOURCE, Credential, OperationKind, Payload, Route, RoutePath, Says, Vendor};
pub(crate) use words::words;

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
    /// Refused: the sender still has them, and must submit them again.
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

impl OperationCounts {
    /// Acknowledged or refused, and not delivered: there is still work to do, or someone who waits in vain.
    pub fn left_undone(&self) -> u64 {
        self.queued + self.dead_lettered + self.rejected + self.lost
    }
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
