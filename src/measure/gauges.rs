//! What is read once a second rather than recorded a request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::BreakerState;
use crate::outcome::Vendor;

/// State of the integration at one instant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauges {
    /// Virtual users that iterate now.
    pub users: u32,
    /// Operations in the fallback queues.
    pub queue_depth: u64,
    /// Operations in the dead letters.
    pub dead_letters: u64,
    /// Clay credits charged so far.
    pub credits_used: u64,
    /// Requests sent and not yet answered.
    pub in_flight: u64,
    /// The circuit breaker of each vendor that has one.
    pub breakers: BTreeMap<Vendor, BreakerState>,
    /// What became of the leads so far.
    pub leads: LeadCounts,
}

/// What became of the operations that journeys handed to the pipelines. When everything is at rest,
/// `submitted` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadCounts {
    /// Handed to a pipeline.
    pub submitted: u64,
    /// Accepted by the vendor, at once or from the queue.
    pub delivered: u64,
    /// Not sent, for the same operation had been delivered already.
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

/// What one process used in one second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// `harness` (load and, by default, the integration) or `simulator`.
    pub role: String,
    /// CPU time as a percentage of the whole machine: 100 is every core busy.
    pub cpu_percent: f64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
}
