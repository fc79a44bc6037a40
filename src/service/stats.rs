//! `/stats`: the gauges at one instant, as JSON. A harness reads it once a second.

use serde::{Deserialize, Serialize};

use crate::event::BreakerState;
use crate::outcome::{LeadCounts, PerVendor};
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
    /// Towards each vendor.
    #[serde(flatten)]
    pub vendors: PerVendor<VendorStats>,
}

/// One vendor's pipeline at one instant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VendorStats {
    /// Operations in its queue.
    pub queue_depth: u64,
    /// Operations among its dead letters.
    pub dead_letters: u64,
    /// Attempts sent and not yet answered.
    pub in_flight: u64,
    /// Credits charged since the start; 0 without a budget.
    pub credits_used: u64,
    /// Credits that the budget has left today; `None` without a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_left: Option<u64>,
    /// The circuit breaker, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerState>,
    /// The credit budget's breaker, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_breaker: Option<BreakerState>,
    /// What became of operations since the start; queued and dead letters as they are.
    pub leads: LeadCounts,
}

impl VendorStats {
    pub(super) fn of(gauges: &PipelineGauges, credits_left: Option<u64>) -> Self {
        Self {
            queue_depth: gauges.queue_depth,
            dead_letters: gauges.dead_letters,
            in_flight: gauges.in_flight,
            credits_used: gauges.credits_used,
            credits_left,
            breaker: gauges.breaker,
            credit_breaker: gauges.credit_breaker,
            leads: gauges.counts,
        }
    }
}
