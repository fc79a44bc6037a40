//! Settings of each pattern; the defaults are those of the reliability-patterns documents.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Period, period, some_period, without_defaults};
use crate::outcome::{PerVendor, Vendor};

/// Everything about one vendor's pipeline. A pattern that is `None` is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineSettings {
    /// Duplicates are not sent.
    pub idempotency: Option<IdempotencySettings>,
    /// Spending is bounded.
    pub credits: Option<CreditSettings>,
    /// The rate is bounded.
    pub limiter: Option<LimiterSettings>,
    /// The attempts in flight at once are bounded.
    pub in_flight: Option<InFlightSettings>,
    /// Calls are rejected here, at random, while the vendor accepts too few.
    pub throttle: Option<ThrottleSettings>,
    /// Failures are tried again.
    pub retry: RetrySettings,
    /// A vendor that fails is left alone for a while.
    pub breaker: Option<BreakerSettings>,
    /// Longest wait for one attempt's answer.
    pub timeout: Duration,
    /// What happens when the vendor did not answer.
    pub fallback: FallbackSettings,
    /// How the health is graded.
    pub health: HealthSettings,
}

impl PipelineSettings {
    /// The defaults for a vendor.
    pub fn of(vendor: Vendor) -> Self {
        Self {
            idempotency: Some(IdempotencySettings::default()),
            credits: vendor.charges_credits().then(CreditSettings::default),
            limiter: None,
            in_flight: None,
            throttle: None,
            retry: RetrySettings::default(),
            breaker: Some(BreakerSettings::default()),
            timeout: Duration::from_secs(10),
            fallback: FallbackSettings::default(),
            health: HealthSettings::default(),
        }
    }

    /// The same settings on a timetable stretched by `factor` (0.1: everything happens in a tenth of the time).
    ///
    /// It scales the waits that belong to the timetable: cool-downs, back-off, queue delays and pacing, windows of time. It
    /// leaves what is measured in real time or is not a time: timeouts and deadlines, slow calls, the limiter, the memory of keys, counts. Only
    /// where a stretched timetable outgrows the memory of keys, that grows with it.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        let stretch = |wait: &mut Duration| *wait = stretched(*wait, factor);
        if let Some(credits) = &mut scaled.credits {
            stretch(&mut credits.cooldown);
        }
        if let Some(breaker) = &mut scaled.breaker {
            stretch(&mut breaker.cooldown);
            stretch(&mut breaker.half_open_max);
            stretch(&mut breaker.span);
        }
        stretch(&mut scaled.retry.base_delay);
        stretch(&mut scaled.retry.max_delay);
        if let Some(throttle) = &mut scaled.throttle {
            stretch(&mut throttle.window);
        }
        stretch(&mut scaled.fallback.queue_base_delay);
        stretch(&mut scaled.fallback.drain_pacing);
        stretch(&mut scaled.fallback.redrive_pacing);
        stretch(&mut scaled.health.window);
        if self.longer_retention().is_none()
            && let Some(longer) = scaled.longer_retention()
            && let Some(idempotency) = &mut scaled.idempotency
        {
            idempotency.ttl = longer;
        }
        scaled
    }
}

/// `wait × factor`, at most a hundred years; the wait itself for a factor that is not positive.
fn stretched(wait: Duration, factor: f64) -> Duration {
    if !(factor.is_finite() && factor > 0.0) {
        return wait;
    }
    Duration::from_secs_f64((wait.as_secs_f64() * factor).min(100.0 * 365.0 * 86_400.0))
}

// What a file may hold is these types: their texts are those of its schema, their names and bounds those of its keys. What a
// file leaves out is as in their defaults.

/// Which operations count as done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawIdempotency", transform = without_defaults)]
pub struct IdempotencySettings {
    // The least recently used goes first.
    /// Most keys remembered; 100,000 when left out.
    #[schemars(with = "u32", range(min = 1, max = 100_000_000))]
    pub capacity: usize,
    /// How long a key is remembered, at least as long as its operation may be tried; 1h when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub ttl: Duration,
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self { capacity: 100_000, ttl: Duration::from_secs(3_600) }
    }
}

/// A budget of vendor credits a day, and a breaker on failures that cost them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawCredits", transform = without_defaults)]
pub struct CreditSettings {
    /// Most credits a day; 500 when left out.
    pub daily_limit: u64,
    // Reserved before sending, settled after.
    /// Credits that one lead costs; 6 when left out.
    pub per_lead: u64,
    /// Failures in a row that open its breaker; 5 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub failure_threshold: u32,
    /// How long it stays open; 15m when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub cooldown: Duration,
    // The day rolls over at midnight there.
    /// Where a day starts, in minutes from UTC; 0 when left out.
    #[schemars(range(min = -1440, max = 1440))]
    pub utc_offset_minutes: i32,
}

impl Default for CreditSettings {
    fn default() -> Self {
        Self {
            daily_limit: 500,
            per_lead: 6,
            failure_threshold: 5,
            cooldown: Duration::from_secs(15 * 60),
            utc_offset_minutes: 0,
        }
    }
}

/// A client-side rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimiterSettings {
    /// Requests a second.
    pub rate: f64,
    /// Requests that may go at once.
    pub burst: u32,
    /// Longest wait for a turn; a call that would wait longer is not sent.
    pub max_wait: Duration,
}

/// A bound on the attempts in flight at once, as a client's pool of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawInFlight", transform = without_defaults)]
pub struct InFlightSettings {
    /// Most attempts in flight; 20 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max: u32,
    /// Longest wait for a place; 1s when left out. A call that would wait longer goes to the fallback.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub max_wait: Duration,
}

impl Default for InFlightSettings {
    fn default() -> Self {
        Self { max: 20, max_wait: Duration::from_secs(1) }
    }
}

// The rule of Site Reliability Engineering, chapter "Handling Overload".
/// Client-side throttling: rejects with probability max(0, (requests - ratio * accepts) / (requests + 1)).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawThrottle", transform = without_defaults)]
pub struct ThrottleSettings {
    /// Requests made for one that the vendor accepts; 2 when left out. Smaller rejects sooner.
    #[schemars(range(min = 1, max = 1000))]
    pub ratio: f64,
    /// The span over which both are counted; 2m when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub window: Duration,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        Self { ratio: 2.0, window: Duration::from_secs(120) }
    }
}

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
    /// Failures in percent that open it; 50 when left out. Not for `consecutive`.
    #[schemars(range(min = 0.1, max = 100))]
    pub failure_rate: f64,
    /// A call that takes longer is slow; none is when left out.
    #[serde(deserialize_with = "some_period")]
    #[schemars(with = "Period")]
    pub slow_call: Option<Duration>,
    /// Slow calls in percent that open it; 50 when left out.
    #[schemars(range(min = 0.1, max = 100))]
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

/// How the share of successes is graded.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RawHealth", transform = without_defaults)]
pub struct HealthSettings {
    /// The sliding window; 5m when left out.
    #[serde(deserialize_with = "period")]
    #[schemars(with = "Period")]
    pub window: Duration,
    /// Above this percentage: healthy; 95 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub healthy_above: f64,
    /// Above this percentage: degraded, else unhealthy; 80 when left out.
    #[schemars(range(min = 0, max = 100))]
    pub degraded_above: f64,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self { window: Duration::from_secs(300), healthy_above: 95.0, degraded_above: 80.0 }
    }
}

/// Settings of the pipelines.
pub type Resilience = PerVendor<PipelineSettings>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timetable_is_scaled_and_a_timeout_is_not() {
        let mut whole = PipelineSettings::of(Vendor::Clay);
        whole.breaker = Some(BreakerSettings {
            window: Window::Time,
            span: Duration::from_secs(20),
            slow_call: Some(Duration::from_secs(4)),
            ..BreakerSettings::default()
        });
        whole.limiter = Some(LimiterSettings { rate: 10.0, burst: 20, max_wait: Duration::from_secs(5) });
        let tenth = whole.scaled(0.1);

        let breaker = tenth.breaker.expect("a breaker");
        assert_eq!((breaker.window, breaker.span), (Window::Time, Duration::from_secs(2)));
        assert_eq!(breaker.cooldown, Duration::from_secs(3));
        assert_eq!(breaker.half_open_max, Duration::from_secs(6));
        assert_eq!(tenth.credits.expect("credits").cooldown, Duration::from_secs(90));
        assert_eq!(tenth.retry.base_delay, Duration::from_millis(100));
        assert_eq!(tenth.retry.max_delay, Duration::from_secs(3));
        assert_eq!(tenth.fallback.queue_base_delay, Duration::from_secs(6));
        assert_eq!(tenth.fallback.drain_pacing, Duration::from_millis(20));
        assert_eq!(tenth.health.window, Duration::from_secs(30));

        assert_eq!(breaker.slow_call, Some(Duration::from_secs(4)));
        assert_eq!(tenth.timeout, whole.timeout);
        assert_eq!(tenth.limiter, whole.limiter);
        assert_eq!(tenth.idempotency, whole.idempotency);
        assert_eq!(tenth.retry.max_retries, whole.retry.max_retries);
    }

    #[test]
    fn a_timetable_that_is_stretched_keeps_a_memory_of_keys_that_is_long_enough() {
        let stretched = PipelineSettings::of(Vendor::Clay).scaled(10.0);
        assert_eq!(stretched.longer_retention(), None);
        assert_eq!(stretched.idempotency.map(|idempotency| idempotency.ttl), Some(stretched.retry_horizon()));
    }

    #[test]
    fn a_factor_that_is_no_factor_changes_nothing() {
        let settings = PipelineSettings::of(Vendor::Clay);
        for factor in [0.0, -1.0, f64::NAN, f64::INFINITY, 1.0] {
            assert_eq!(settings.scaled(factor), settings, "{factor}");
        }
    }
}
