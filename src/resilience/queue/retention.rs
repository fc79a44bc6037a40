//! Retention: a key is remembered for longer than its operation may still be tried.
//!
//! A memory of keys that is shorter than the retries forgets an operation while a copy of it is still on its way, and the
//! copy is then a second effect at the vendor. So how long an operation may be tried is computed from the settings, and a
//! memory that is shorter is refused before it can forget anything.

use std::time::Duration;

use crate::resilience::limiter::LONGEST_PAUSE;
use crate::resilience::retry::{exponential, longest_wait};
use crate::resilience::settings::{FallbackStep, IdempotencySettings, PipelineSettings};

impl PipelineSettings {
    /// The longest time from an operation's first attempt to its last answer: every quick retry and every attempt from the
    /// queue at its longest wait, each with its waits for a turn and a place and its timeout. At most a hundred years.
    ///
    /// It does not count what has no bound that is ours: how long a breaker stays open, a pause that the vendor asks for
    /// beyond the longest of our own, and redrives by hand, each of which begins the queue's part anew.
    pub fn retry_horizon(&self) -> Duration {
        let turn = self.limiter.map_or(self.retry.max_delay, |limiter| limiter.max_wait);
        let place = self.in_flight.map_or(Duration::ZERO, |in_flight| in_flight.max_wait);
        let attempt = [self.timeout, turn, place].into_iter().fold(Duration::ZERO, Duration::saturating_add);
        let retries = self.retry.max_retries;
        let quick = (1..=retries)
            .map(|retry| longest_wait(&self.retry, retry))
            .fold(attempt.saturating_mul(retries.saturating_add(1)), Duration::saturating_add);
        let quick = self.retry.deadline.map_or(quick, |deadline| quick.min(deadline.saturating_add(attempt)));
        let attempts = if self.fallback.steps.contains(&FallbackStep::Queue) { self.fallback.queue_attempts.max(1) } else { 0 };
        let attempt = attempt.saturating_add(self.fallback.drain_pacing);
        // Beyond the longest pause all waits are equal.
        let doubling = attempts.min(64);
        let waits = (0..doubling)
            .map(|doublings| exponential(self.fallback.queue_base_delay, doublings, LONGEST_PAUSE))
            .fold(LONGEST_PAUSE.saturating_mul(attempts - doubling), Duration::saturating_add);
        quick.saturating_add(waits).saturating_add(attempt.saturating_mul(attempts)).min(LONGEST_PAUSE * 36_525)
    }

    /// The shortest memory of keys that is long enough, when the one of these settings is not.
    pub fn longer_retention(&self) -> Option<Duration> {
        let IdempotencySettings { ttl, .. } = self.idempotency?;
        let horizon = self.retry_horizon();
        (ttl < horizon).then_some(horizon)
    }
}

#[cfg(test)]
mod tests {
    use crate::outcome::Vendor;
    use crate::resilience::settings::{Backoff, FallbackSettings, RetrySettings};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_defaults_remember_for_long_enough() {
        for settings in [PipelineSettings::of(Vendor::Clay), PipelineSettings::of(Vendor::CustomerIo)] {
            // 4 + 5 attempts of 10 s and a turn of up to 30 s; retries after at most 30 s and their jitter; 31 minutes of
            // waits in the queue; five turns of 200 ms.
            let expected = 9 * 40 * SECOND + 3 * 30 * SECOND + SECOND.mul_f64(2.1) + 31 * 60 * SECOND + SECOND;
            assert_eq!(settings.retry_horizon(), expected);
            assert_eq!(settings.longer_retention(), None);
        }
    }

    #[test]
    fn more_attempts_from_the_queue_need_a_longer_memory() {
        let fallback = FallbackSettings { queue_attempts: 6, ..FallbackSettings::default() };
        let settings = PipelineSettings { fallback, ..PipelineSettings::of(Vendor::Clay) };
        assert_eq!(settings.longer_retention(), Some(settings.retry_horizon()));
        let longer = IdempotencySettings { ttl: settings.retry_horizon(), ..IdempotencySettings::default() };
        assert_eq!(PipelineSettings { idempotency: Some(longer), ..settings.clone() }.longer_retention(), None);
        assert_eq!(PipelineSettings { idempotency: None, ..settings }.longer_retention(), None, "nothing is remembered");
    }

    #[test]
    fn without_a_queue_only_the_quick_retries_count_and_a_deadline_ends_them() {
        let fallback = FallbackSettings { steps: vec![FallbackStep::Local], ..FallbackSettings::default() };
        let retry = RetrySettings { backoff: Backoff::None, ..RetrySettings::default() };
        let settings = PipelineSettings { fallback, retry, ..PipelineSettings::of(Vendor::Clay) };
        assert_eq!(settings.retry_horizon(), 4 * 40 * SECOND + 3 * 30 * SECOND);
        let retry = RetrySettings { deadline: Some(20 * SECOND), ..retry };
        assert_eq!(PipelineSettings { retry, ..settings }.retry_horizon(), 60 * SECOND);
    }

    #[test]
    fn settings_that_mean_for_ever_are_no_panic() {
        let retry = RetrySettings {
            max_retries: u32::MAX >> 8,
            base_delay: Duration::MAX,
            max_delay: Duration::MAX,
            ..RetrySettings::default()
        };
        let fallback =
            FallbackSettings { queue_attempts: u32::MAX, queue_base_delay: Duration::MAX, ..FallbackSettings::default() };
        let settings = PipelineSettings {
            retry: RetrySettings { max_retries: 100, ..retry },
            fallback,
            ..PipelineSettings::of(Vendor::Clay)
        };
        assert_eq!(settings.retry_horizon(), LONGEST_PAUSE * 36_525);
    }
}
