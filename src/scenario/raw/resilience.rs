//! The pipeline in front of each vendor.

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::{Period, Switch};

/// The pipelines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawResilience {
    /// The one in front of Clay.
    pub(in crate::scenario) clay: Option<RawPipeline>,
    /// The one in front of Customer.io.
    pub(in crate::scenario) customer_io: Option<RawPipeline>,
}

/// One vendor's pipeline. What is left out keeps its default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawPipeline {
    /// Duplicates are not sent.
    pub(in crate::scenario) idempotency: Option<Switch<RawIdempotency>>,
    /// A budget of vendor credits a day.
    pub(in crate::scenario) credits: Option<Switch<RawCredits>>,
    /// A client-side rate limit; none when left out.
    pub(in crate::scenario) limiter: Option<Switch<RawLimiter>>,
    /// A bound on the attempts under way at once; none when left out.
    pub(in crate::scenario) in_flight: Option<Switch<RawInFlight>>,
    /// Calls are rejected here, at random, while the vendor accepts too few; none is when left out.
    pub(in crate::scenario) throttle: Option<Switch<RawThrottle>>,
    /// Failures are tried again.
    pub(in crate::scenario) retry: Option<Switch<RawRetry>>,
    /// A vendor that fails is left alone for a while.
    pub(in crate::scenario) breaker: Option<Switch<RawBreaker>>,
    /// The longest wait for one attempt's answer; 10s when left out.
    pub(in crate::scenario) timeout: Option<Period>,
    /// How to go on without the vendor, in this order: "cache", "queue", "local", "drop". Past the last, the dead letters.
    pub(in crate::scenario) fallback: Option<Vec<RawFallbackStep>>,
    /// The fallback queue.
    pub(in crate::scenario) queue: Option<RawQueue>,
    /// How the share of successes is graded.
    pub(in crate::scenario) health: Option<RawHealth>,
}

/// Which operations count as done already.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawIdempotency {
    /// Most keys remembered; 100,000 when left out.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(in crate::scenario) capacity: Option<u32>,
    /// How long a key is remembered, at least as long as its operation may be tried; 1h when left out.
    pub(in crate::scenario) ttl: Option<Period>,
}

/// A budget of vendor credits a day, and a breaker on failures that cost them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawCredits {
    /// Most credits a day; 500 when left out.
    pub(in crate::scenario) daily_limit: Option<u64>,
    /// Credits that one lead costs; 6 when left out.
    pub(in crate::scenario) per_lead: Option<u64>,
    /// Failures in a row that open its breaker; 5 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) failure_threshold: Option<u32>,
    /// How long it stays open; 15m when left out.
    pub(in crate::scenario) cooldown: Option<Period>,
    /// Where a day starts, in minutes from UTC; 0 when left out.
    #[schemars(range(min = -1440, max = 1440))]
    pub(in crate::scenario) utc_offset_minutes: Option<i32>,
}

/// A client-side rate limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawLimiter {
    /// Requests a second.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(in crate::scenario) rate: f64,
    /// Requests that may go at once; 1 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) burst: Option<u32>,
    /// Longest wait for a turn; 1s when left out. A call that would wait longer goes to the fallback.
    pub(in crate::scenario) max_wait: Option<Period>,
}

/// A bound on the attempts under way at once, as a client's pool of connections.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawInFlight {
    /// Most attempts under way; 20 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) max: Option<u32>,
    /// Longest wait for a place; 1s when left out. A call that would wait longer goes to the fallback.
    pub(in crate::scenario) max_wait: Option<Period>,
}

/// Client-side throttling: rejects with probability max(0, (requests - ratio * accepts) / (requests + 1)).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawThrottle {
    /// Requests made for one that the vendor accepts; 2 when left out. Smaller rejects sooner.
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::scenario) ratio: Option<f64>,
    /// The span over which both are counted; 2m when left out.
    pub(in crate::scenario) window: Option<Period>,
}

/// When and how often an attempt is repeated.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawRetry {
    /// Attempts after the first; 3 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub(in crate::scenario) max_retries: Option<u32>,
    /// Wait before the first retry, doubled for each further one; 1s when left out.
    pub(in crate::scenario) base_delay: Option<Period>,
    /// Longest wait; 30s when left out.
    pub(in crate::scenario) max_delay: Option<Period>,
    /// How the wait d is spread; `proportional` when left out.
    pub(in crate::scenario) backoff: Option<RawBackoff>,
    /// `proportional`: the largest addition, as a fraction of the wait; 0.3 when left out.
    #[schemars(range(min = 0, max = 10))]
    pub(in crate::scenario) jitter: Option<f64>,
    /// Tokens of the retry budget: a failure takes one, and no retry is made at or below half. None when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) budget_tokens: Option<u32>,
    /// What a success gives back to the budget; 0.1 when left out.
    #[schemars(range(min = 0, max = 1000))]
    pub(in crate::scenario) budget_ratio: Option<f64>,
    /// Longest time from the first attempt to the last answer; no bound of its own when left out.
    pub(in crate::scenario) deadline: Option<Period>,
}

/// How a wait d is spread, so that callers do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawBackoff {
    /// Exactly d.
    None,
    /// d and up to `jitter` of it more.
    Proportional,
    /// 0 to d.
    Full,
    /// Half of d to d.
    Equal,
    /// From the first wait to three times the one before.
    Decorrelated,
}

/// When a circuit breaker opens and closes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawBreaker {
    /// Whether it is in force; `in_force` when left out.
    pub(in crate::scenario) mode: Option<RawBreakerMode>,
    /// Which calls it looks at; `consecutive` when left out.
    pub(in crate::scenario) window: Option<RawWindow>,
    /// Window `consecutive`: failures in a row that open it; 5 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) failures: Option<u32>,
    /// Window `count`: how many calls; 10 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) calls: Option<u32>,
    /// Window `time`: how long; 20s when left out.
    pub(in crate::scenario) span: Option<Period>,
    /// Fewest calls in the window before a rate means anything; 5 when left out. Not for `consecutive`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) minimum_calls: Option<u32>,
    /// Failures in percent that open it; 50 when left out. Not for `consecutive`.
    #[schemars(range(min = 0.1, max = 100))]
    pub(in crate::scenario) failure_rate: Option<f64>,
    /// A call that takes longer is slow; none is when left out.
    pub(in crate::scenario) slow_call: Option<Period>,
    /// Slow calls in percent that open it; 50 when left out.
    #[schemars(range(min = 0.1, max = 100))]
    pub(in crate::scenario) slow_rate: Option<f64>,
    /// How long it stays open; 30s when left out.
    pub(in crate::scenario) cooldown: Option<Period>,
    /// The cool-down is lengthened by a random share of up to this fraction; 0 when left out.
    #[schemars(range(min = 0, max = 10))]
    pub(in crate::scenario) cooldown_jitter: Option<f64>,
    /// Calls that may be under way at once while half-open; 3 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) half_open_permits: Option<u32>,
    /// Successes while half-open that close it; 3 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::scenario) success_threshold: Option<u32>,
    /// Longest time in half-open without a decision; 1m when left out.
    pub(in crate::scenario) half_open_max: Option<Period>,
}

/// Whether a breaker is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawBreakerMode {
    /// It opens and closes.
    InForce,
    /// Everything passes, nothing is counted.
    Disabled,
    /// Everything passes and is counted; what it would do is told as an event.
    MetricsOnly,
    /// Nothing passes.
    ForcedOpen,
}

/// The calls that a breaker looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawWindow {
    /// `failures` in a row.
    Consecutive,
    /// The last `calls`.
    Count,
    /// The calls of the last `span`.
    Time,
}

/// One way to go on without the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawFallbackStep {
    /// The vendor's earlier answer for the same domain.
    Cache,
    /// Keep it and deliver it later.
    Queue,
    /// The company's name guessed from the domain.
    Local,
    /// Reject it, and say why.
    Drop,
}

/// The fallback queue and the dead letters.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawQueue {
    /// Attempts from the queue before an operation is dead-lettered; 5 when left out.
    #[schemars(range(min = 1, max = 1000))]
    pub(in crate::scenario) attempts: Option<u32>,
    /// Wait after the first failed attempt, doubled for each further one; 1m when left out.
    pub(in crate::scenario) base_delay: Option<Period>,
    /// Most operations in the queue; 100,000 when left out.
    pub(in crate::scenario) capacity: Option<u32>,
    /// Pause between two operations that failed before, when the queue is drained; 200ms when left out.
    pub(in crate::scenario) drain_pacing: Option<Period>,
    /// Pause between two dead letters that are redriven; 500ms when left out.
    pub(in crate::scenario) redrive_pacing: Option<Period>,
    /// Most dead letters kept; 100,000 when left out.
    pub(in crate::scenario) dead_letter_capacity: Option<u32>,
    /// Most answers in the cache of the fallback; 10,000 when left out.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(in crate::scenario) cache_capacity: Option<u32>,
}

/// How the share of successes is graded.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct RawHealth {
    /// The sliding window; 5m when left out.
    pub(in crate::scenario) window: Option<Period>,
    /// Above this percentage: healthy; 95 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub(in crate::scenario) healthy_above: Option<f64>,
    /// Above this percentage: degraded, else unhealthy; 80 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub(in crate::scenario) degraded_above: Option<f64>,
}
