//! Settings of the circuit breaker.

use std::time::Duration;

use mock_server::percentage::percent_schema;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, some_period, without_defaults};

/// When a circuit breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawBreaker", transform = without_defaults)]
pub struct BreakerSettings {
    /// Whether it is in force; `in_force` when left out.
    pub mode: BreakerMode,
    /// Which calls it looks at; `consecutive` when left out.
    pub window: Window,
    /// Window `consecutive`: failures in a row that open it; 5 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub failures: u32,
    /// Window `count`: how many calls; 10 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub calls: u32,
    /// Window `time`: how long; 20s when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub span: Duration,
    /// Fewest calls in the window before a rate means anything; 5 when left out. Not for `consecutive`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub minimum_calls: u32,
    /// Failures in percent that open it; "50%" when left out. Not for `consecutive`.
    #[schemars(schema_with = "percent_schema")]
    pub failure_rate: f64,
    /// A call that takes longer is slow; none is when left out.
    #[serde(deserialize_with = "some_period")]
    #[schemars(with = "Period")]
    pub slow_call: Option<Duration>,
    /// Slow calls in percent that open it; "50%" when left out.
    #[schemars(schema_with = "percent_schema")]
    pub slow_rate: f64,
    /// How long it stays open; 30s when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub cooldown: Duration,
    // So that many instances do not probe together.
    /// The cool-down is lengthened by a random share of up to this fraction; 0 when left out.
    #[schemars(range(min = 0, max = 10))]
    pub cooldown_jitter: f64,
    /// Calls that may be in flight at once while half-open; 3 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub half_open_permits: u32,
    /// Successes while half-open that close it; 3 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub success_threshold: u32,
    // Past it the breaker opens again.
    /// Longest time in half-open without a decision; 1m when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub half_open_max: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            mode: BreakerMode::InForce,
            window: Window::Consecutive,
            failures: 5,
            calls: 10,
            span: Duration::from_secs(20),
            minimum_calls: 5,
            failure_rate: 50.0,
            slow_call: None,
            slow_rate: 50.0,
            cooldown: Duration::from_secs(30),
            cooldown_jitter: 0.0,
            half_open_permits: 3,
            success_threshold: 3,
            half_open_max: Duration::from_secs(60),
        }
    }
}

// resilience4j has the same four.
/// Whether a breaker is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RawBreakerMode")]
pub enum BreakerMode {
    /// It opens and closes.
    InForce,
    /// Everything passes, nothing is counted.
    Disabled,
    /// Everything passes and is counted; what it would do is reported as an event.
    MetricsOnly,
    /// Nothing passes.
    ForcedOpen,
}

/// The calls that a breaker looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RawWindow")]
pub enum Window {
    /// `failures` in a row.
    Consecutive,
    /// The last `calls`.
    Count,
    /// The calls of the last `span`.
    Time,
}
