//! `/stats`: the gauges at one instant, as JSON. A harness reads it once a second.

use serde::{Deserialize, Serialize};

use crate::outcome::PerVendor;
use crate::resilience::PipelineGauges;

/// The service's state at one instant. Leads and callbacks are counted from its start. What another service leaves out is 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Microseconds since the service's start.
    pub elapsed_us: u64,
    /// Whether leads are taken.
    pub ready: bool,
    /// Leads made durable.
    pub accepted: u64,
    /// Leads that were known already.
    pub duplicate: u64,
    /// Leads refused because of what they said.
    pub refused: u64,
    /// Leads for which there was no room or no store.
    pub unavailable: u64,
    /// Callbacks with new data.
    pub callbacks: u64,
    /// Records of the store that cannot be read and were set aside; `plimsoll queue ls` names them.
    pub quarantined: u64,
    /// Milliseconds that this machine's clock is ahead of the store's, where it has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_clock_skew_ms: Option<i64>,
    /// Errors of the store since the start.
    pub store_faults: u64,
    /// Towards each vendor.
    #[serde(flatten)]
    pub vendors: PerVendor<PipelineGauges>,
}
