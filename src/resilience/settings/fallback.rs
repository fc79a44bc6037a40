//! Settings of the fallback: its steps, the queue and the dead letters.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, without_defaults};

/// The fallback queue and the dead letters.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawQueue", transform = without_defaults)]
pub struct FallbackSettings {
    /// Tried in this order; past the last, the operation is dead-lettered.
    #[serde(skip)]
    pub steps: Vec<FallbackStep>,
    // One that came into the queue untried has its first attempt and the retries of [`RetrySettings`] before them.
    /// Attempts from the queue before an operation is dead-lettered; 5 when left out.
    #[serde(rename = "attempts")]
    #[schemars(range(min = 1, max = 1000))]
    pub queue_attempts: u32,
    /// Wait after the first failed attempt, doubled for each further one; 1m when left out.
    #[serde(rename = "base_delay", deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub queue_base_delay: Duration,
    // Beyond it the operation goes to the next step.
    /// Most operations in the queue; 100,000 when left out.
    #[serde(rename = "capacity")]
    #[schemars(with = "u32")]
    pub queue_capacity: usize,
    // What never failed has none.
    /// Pause between two operations that failed before, when the queue is drained; 200ms when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub drain_pacing: Duration,
    /// Pause between two dead letters that are redriven; 500ms when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub redrive_pacing: Duration,
    // Beyond it the operation is rejected, which the caller sees.
    /// Most dead letters kept; 100,000 when left out.
    #[schemars(with = "u32")]
    pub dead_letter_capacity: usize,
    /// Most answers in the cache of the fallback; 10,000 when left out.
    #[schemars(with = "u32", range(min = 1, max = 100_000_000))]
    pub cache_capacity: usize,
}

impl Default for FallbackSettings {
    fn default() -> Self {
        Self {
            steps: vec![FallbackStep::Queue],
            queue_attempts: 5,
            queue_base_delay: Duration::from_secs(60),
            queue_capacity: 100_000,
            drain_pacing: Duration::from_millis(200),
            redrive_pacing: Duration::from_millis(500),
            dead_letter_capacity: 100_000,
            cache_capacity: 10_000,
        }
    }
}

/// One way to go on without the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RawFallbackStep")]
pub enum FallbackStep {
    /// The vendor's earlier answer for the same domain.
    Cache,
    /// Keep it and deliver it later.
    Queue,
    /// The company's name guessed from the domain.
    Local,
    /// Reject it, and say why.
    Drop,
}
