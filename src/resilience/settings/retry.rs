//! Settings of retries and their back-off.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, some_period, without_defaults};

/// When and how often an attempt is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawRetry", transform = without_defaults)]
pub struct RetrySettings {
    /// Attempts after the first; 3 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub max_retries: u32,
    /// Wait before the first retry, doubled for each further one; 1s when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub base_delay: Duration,
    // A Retry-After beyond it is not waited for: the operation goes to the fallback.
    /// Longest wait; 30s when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub max_delay: Duration,
    // A vendor that asks for a year, by mistake or by a date of a wrong clock, must not stop its queue for a day.
    /// Longest Retry-After that is believed: a longer one is cut to it, and logged; 1h when left out, at most a day.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub max_retry_after: Duration,
    /// How the wait d is spread; `proportional` when left out.
    pub backoff: Backoff,
    /// `proportional`: the largest addition, as a fraction of the wait; 0.3 when left out.
    #[schemars(range(min = 0, max = 10))]
    pub jitter: f64,
    // gRPC A6.
    /// Tokens of the retry budget: a failure takes one, and no retry is made at or below half. None when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub budget_tokens: Option<u32>,
    /// What a success gives back to the budget; 0.1 when left out.
    #[schemars(range(min = 0, max = 1000))]
    pub budget_ratio: f64,
    // Past it the operation goes to the fallback.
    /// Longest time from the first attempt to the last answer; no bound of its own when left out.
    #[serde(deserialize_with = "some_period")]
    #[schemars(with = "Period")]
    pub deadline: Option<Duration>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(3_600),
            backoff: Backoff::Proportional,
            jitter: 0.3,
            budget_tokens: None,
            budget_ratio: 0.1,
            deadline: None,
        }
    }
}

/// How a wait d is spread, so that callers do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RawBackoff")]
pub enum Backoff {
    /// Exactly d.
    None,
    /// d and up to `jitter` of it more.
    Proportional,
    /// 0 to d.
    Full,
    /// Half of d to d.
    Equal,
    // At most the longest wait: `min(cap, random(base, prev × 3))` (AWS Architecture Blog, "Exponential Backoff And Jitter").
    /// From the first wait to three times the one before.
    Decorrelated,
}
