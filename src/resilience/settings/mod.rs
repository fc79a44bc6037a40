//! Settings of each pattern; the defaults are those of the reliability-patterns documents.
//!
//! What a file may hold is these types: their texts are those of its schema, their names and bounds those of its keys. What a
//! file leaves out is as in their defaults.

mod breaker;
mod credits;
mod fallback;
mod health;
mod idempotency;
mod in_flight;
mod limiter;
mod retry;
mod throttle;

use std::time::Duration;

use crate::outcome::{PerVendor, Vendor};

pub use breaker::{BreakerMode, BreakerSettings, Window};
pub use credits::CreditSettings;
pub use fallback::{FallbackSettings, FallbackStep};
pub use health::HealthSettings;
pub use idempotency::IdempotencySettings;
pub use in_flight::InFlightSettings;
pub use limiter::LimiterSettings;
pub use retry::{Backoff, RetrySettings};
pub use throttle::ThrottleSettings;

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
