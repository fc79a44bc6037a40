//! The pipeline in front of each vendor.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::config::{Period, Switch, vendors_schema};
use crate::outcome::PerVendor;
use crate::resilience::{BreakerMode, FallbackStep};

/// The pipelines.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct RawResilience {
    #[serde(flatten)]
    #[schemars(schema_with = "pipelines")]
    pub(crate) pipelines: PerVendor<Option<RawPipeline>>,
}

fn pipelines(generator: &mut SchemaGenerator) -> Schema {
    vendors_schema::<RawPipeline>(generator, |vendor| format!("The one in front of {vendor}."))
}

/// One vendor's pipeline. What is left out keeps its default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPipeline {
    /// Duplicates are not sent.
    pub(crate) idempotency: Option<Switch<RawIdempotency>>,
    /// A budget of vendor credits a day.
    pub(crate) credits: Option<Switch<RawCredits>>,
    /// A client-side rate limit; none when left out.
    pub(crate) limiter: Option<Switch<RawLimiter>>,
    /// A bound on the attempts in flight at once; none when left out.
    pub(crate) in_flight: Option<Switch<RawInFlight>>,
    /// Calls are rejected here, at random, while the vendor accepts too few; none is when left out.
    pub(crate) throttle: Option<Switch<RawThrottle>>,
    /// Failures are tried again.
    pub(crate) retry: Option<Switch<RawRetry>>,
    /// A vendor that fails is left alone for a while.
    pub(crate) breaker: Option<Switch<RawBreaker>>,
    /// The longest wait for one attempt's answer; 10s when left out.
    pub(crate) timeout: Option<Period>,
    /// How to go on without the vendor, in this order: "cache", "queue", "local", "drop". Past the last, the dead letters.
    pub(crate) fallback: Option<Vec<FallbackStep>>,
    /// The fallback queue.
    pub(crate) queue: Option<RawQueue>,
    /// How the share of successes is graded.
    pub(crate) health: Option<RawHealth>,
}

/// Which operations count as done already.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawIdempotency {
    /// Most keys remembered; 100,000 when left out.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(crate) capacity: Option<u32>,
    /// How long a key is remembered, at least as long as its operation may be tried; 1h when left out.
    pub(crate) ttl: Option<Period>,
}

/// A budget of vendor credits a day, and a breaker on failures that cost them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCredits {
    /// Most credits a day; 500 when left out.
    pub(crate) daily_limit: Option<u64>,
    /// Credits that one lead costs; 6 when left out.
    pub(crate) per_lead: Option<u64>,
    /// Failures in a row that open its breaker; 5 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) failure_threshold: Option<u32>,
    /// How long it stays open; 15m when left out.
    pub(crate) cooldown: Option<Period>,
    /// Where a day starts, in minutes from UTC; 0 when left out.
    #[schemars(range(min = -1440, max = 1440))]
    pub(crate) utc_offset_minutes: Option<i32>,
}

/// A client-side rate limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLimiter {
    /// Requests a second.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(crate) rate: f64,
    /// Requests that may go at once; 1 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) burst: Option<u32>,
    /// Longest wait for a turn; 1s when left out. A call that would wait longer goes to the fallback.
    pub(crate) max_wait: Option<Period>,
}

/// A bound on the attempts in flight at once, as a client's pool of connections.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawInFlight {
    /// Most attempts in flight; 20 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) max: Option<u32>,
    /// Longest wait for a place; 1s when left out. A call that would wait longer goes to the fallback.
    pub(crate) max_wait: Option<Period>,
}

/// Client-side throttling: rejects with probability max(0, (requests - ratio * accepts) / (requests + 1)).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawThrottle {
    /// Requests made for one that the vendor accepts; 2 when left out. Smaller rejects sooner.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) ratio: Option<f64>,
    /// The span over which both are counted; 2m when left out.
    pub(crate) window: Option<Period>,
}

/// When and how often an attempt is repeated.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRetry {
    /// Attempts after the first; 3 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) max_retries: Option<u32>,
    /// Wait before the first retry, doubled for each further one; 1s when left out.
    pub(crate) base_delay: Option<Period>,
    /// Longest wait; 30s when left out.
    pub(crate) max_delay: Option<Period>,
    /// How the wait d is spread; `proportional` when left out.
    pub(crate) backoff: Option<RawBackoff>,
    /// `proportional`: the largest addition, as a fraction of the wait; 0.3 when left out.
    #[schemars(range(min = 0, max = 10))]
    pub(crate) jitter: Option<f64>,
    /// Tokens of the retry budget: a failure takes one, and no retry is made at or below half. None when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) budget_tokens: Option<u32>,
    /// What a success gives back to the budget; 0.1 when left out.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) budget_ratio: Option<f64>,
    /// Longest time from the first attempt to the last answer; no bound of its own when left out.
    pub(crate) deadline: Option<Period>,
}

/// How a wait d is spread, so that callers do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawBackoff {
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
pub(crate) struct RawBreaker {
    /// Whether it is in force; `in_force` when left out.
    pub(crate) mode: Option<BreakerMode>,
    /// Which calls it looks at; `consecutive` when left out.
    pub(crate) window: Option<RawWindow>,
    /// Window `consecutive`: failures in a row that open it; 5 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) failures: Option<u32>,
    /// Window `count`: how many calls; 10 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) calls: Option<u32>,
    /// Window `time`: how long; 20s when left out.
    pub(crate) span: Option<Period>,
    /// Fewest calls in the window before a rate means anything; 5 when left out. Not for `consecutive`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) minimum_calls: Option<u32>,
    /// Failures in percent that open it; 50 when left out. Not for `consecutive`.
    #[schemars(range(min = 0.1, max = 100))]
    pub(crate) failure_rate: Option<f64>,
    /// A call that takes longer is slow; none is when left out.
    pub(crate) slow_call: Option<Period>,
    /// Slow calls in percent that open it; 50 when left out.
    #[schemars(range(min = 0.1, max = 100))]
    pub(crate) slow_rate: Option<f64>,
    /// How long it stays open; 30s when left out.
    pub(crate) cooldown: Option<Period>,
    /// The cool-down is lengthened by a random share of up to this fraction; 0 when left out.
    #[schemars(range(min = 0, max = 10))]
    pub(crate) cooldown_jitter: Option<f64>,
    /// Calls that may be in flight at once while half-open; 3 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) half_open_permits: Option<u32>,
    /// Successes while half-open that close it; 3 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) success_threshold: Option<u32>,
    /// Longest time in half-open without a decision; 1m when left out.
    pub(crate) half_open_max: Option<Period>,
}

/// The calls that a breaker looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawWindow {
    /// `failures` in a row.
    Consecutive,
    /// The last `calls`.
    Count,
    /// The calls of the last `span`.
    Time,
}

/// The fallback queue and the dead letters.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawQueue {
    /// Attempts from the queue before an operation is dead-lettered; 5 when left out.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) attempts: Option<u32>,
    /// Wait after the first failed attempt, doubled for each further one; 1m when left out.
    pub(crate) base_delay: Option<Period>,
    /// Most operations in the queue; 100,000 when left out.
    pub(crate) capacity: Option<u32>,
    /// Pause between two operations that failed before, when the queue is drained; 200ms when left out.
    pub(crate) drain_pacing: Option<Period>,
    /// Pause between two dead letters that are redriven; 500ms when left out.
    pub(crate) redrive_pacing: Option<Period>,
    /// Most dead letters kept; 100,000 when left out.
    pub(crate) dead_letter_capacity: Option<u32>,
    /// Most answers in the cache of the fallback; 10,000 when left out.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(crate) cache_capacity: Option<u32>,
}

/// How the share of successes is graded.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHealth {
    /// The sliding window; 5m when left out.
    pub(crate) window: Option<Period>,
    /// Above this percentage: healthy; 95 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) healthy_above: Option<f64>,
    /// Above this percentage: degraded, else unhealthy; 80 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) degraded_above: Option<f64>,
}
