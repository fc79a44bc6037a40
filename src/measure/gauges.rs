//! What is read once a second rather than recorded a request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::BreakerState;
use crate::outcome::{OperationCounts, Vendor};

/// State of the integration at one instant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauges {
    /// Virtual users that iterate now.
    pub users: u32,
    /// The most of them at once within the second: those who were done before it ended had been there. Judged while the run
    /// is in memory, and not kept.
    #[serde(skip)]
    pub peak_users: u32,
    /// Operations in the fallback queues.
    pub queue_depth: u64,
    /// Operations in the dead letters.
    pub dead_letters: u64,
    /// What Clay's account was charged so far, and will be for the rows that it holds; `None` where Clay is not simulated.
    pub credits_used: Option<u64>,
    /// Clay credits that the pipelines' budgets count so far: charged by their own reckoning, or set aside.
    pub credits_reserved: u64,
    /// Requests sent and not yet answered.
    pub in_flight: u64,
    /// The circuit breaker of each vendor that has one.
    pub breakers: BTreeMap<Vendor, BreakerState>,
    /// What became of the operations so far.
    pub operations: OperationCounts,
}

/// What one process used in one second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// `harness` (the load and, without a service, the integration), `integration` (a service that the run started) or
    /// `simulator`.
    pub role: String,
    /// CPU time as a percentage of the whole machine: 100 is every core busy.
    pub cpu_percent: f64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
}
