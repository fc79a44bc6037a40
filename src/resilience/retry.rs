//! Retry: a hiccup of the vendor costs a moment, not a lead, and an outage is not multiplied.
//!
//! Retries that come back together, or too soon, are a second outage: hence exponential back-off, spread at random, a
//! Retry-After that is honoured, and a budget that stops all retries when most of them fail. What is retried at all stands
//! in the one table of failures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng;

use crate::outcome::FailureKind;

use super::limiter::LONGEST_PAUSE;
use super::policy::policy;
use super::settings::{Backoff, RetrySettings};

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again after this.
    RetryAfter(Duration),
    /// This kind of failure is not retried.
    NotRetried,
    /// All attempts are used.
    NoneLeft,
    /// The retry budget is at or below half.
    BudgetDenied,
    /// The vendor asked for a longer wait than we make: it is something for the queue, not before this.
    TooLong(Duration),
}

/// Decides about a further attempt. `attempts` have been made, and the last ended with `failure`; `asked` is the vendor's
/// Retry-After, where it could be read. `budget_allows` comes from [`RetryBudget::failed`].
pub fn next_attempt(
    settings: &RetrySettings,
    attempts: u32,
    failure: FailureKind,
    asked: Option<Duration>,
    budget_allows: bool,
    rng: &mut impl Rng,
) -> Next {
    if !policy(failure).retried {
        return Next::NotRetried;
    }
    if let Some(asked) = asked.filter(|asked| *asked > settings.max_delay.min(LONGEST_PAUSE)) {
        return Next::TooLong(asked);
    }
    if attempts > settings.max_retries {
        return Next::NoneLeft;
    }
    if !budget_allows {
        return Next::BudgetDenied;
    }
    let plain = match settings.backoff {
        Backoff::Decorrelated => decorrelated(settings, attempts, rng),
        _ => plain_wait(settings, attempts),
    };
    Next::RetryAfter(match asked {
        None => spread(plain, settings, rng),
        // Never before the vendor's time; past it, spread, because every caller was given the same time.
        Some(asked) => asked + spread(plain, settings, rng).saturating_sub(floor(plain, settings)),
    })
}

/// `base × 2^exponent`, at most `longest`.
pub(super) fn exponential(base: Duration, exponent: u32, longest: Duration) -> Duration {
    base.saturating_mul(1_u32.checked_shl(exponent).unwrap_or(u32::MAX)).min(longest)
}

/// The wait before the `attempts`th retry, not spread yet.
fn plain_wait(settings: &RetrySettings, attempts: u32) -> Duration {
    exponential(settings.base_delay, attempts.saturating_sub(1), settings.max_delay.min(LONGEST_PAUSE))
}

/// The longest that is waited before the `attempts`th retry, a Retry-After included.
pub(super) fn longest_wait(settings: &RetrySettings, attempts: u32) -> Duration {
    let plain = plain_wait(settings, attempts);
    let drawn = match settings.backoff {
        Backoff::None | Backoff::Full | Backoff::Equal => plain,
        Backoff::Proportional => plain.mul_f64(1.0 + settings.jitter.clamp(0.0, 10.0)),
        Backoff::Decorrelated => settings.max_delay.min(LONGEST_PAUSE),
    };
    let spread = drawn.saturating_sub(floor(plain, settings));
    drawn.max(settings.max_delay.min(LONGEST_PAUSE).saturating_add(spread))
}

/// The wait before the `attempts`th retry, each drawn between the first and three times the one before. The waits before it
/// are drawn anew rather than remembered: a queue that outlives the process keeps none.
fn decorrelated(settings: &RetrySettings, attempts: u32, rng: &mut impl Rng) -> Duration {
    let cap = settings.max_delay.min(LONGEST_PAUSE);
    let base = settings.base_delay.min(cap);
    (0..attempts.max(1)).fold(base, |previous, _| {
        let reach = previous.saturating_mul(3).min(LONGEST_PAUSE).saturating_sub(base);
        (base + reach.mul_f64(rng.random::<f64>())).min(cap)
    })
}

/// Spreads a wait.
fn spread(wait: Duration, settings: &RetrySettings, rng: &mut impl Rng) -> Duration {
    match settings.backoff {
        Backoff::None | Backoff::Decorrelated => wait,
        Backoff::Proportional => wait.mul_f64(1.0 + settings.jitter.clamp(0.0, 10.0) * rng.random::<f64>()),
        Backoff::Full => wait.mul_f64(rng.random::<f64>()),
        Backoff::Equal => wait.mul_f64(0.5 + 0.5 * rng.random::<f64>()),
    }
}

/// The shortest wait that [`spread`] gives.
fn floor(wait: Duration, settings: &RetrySettings) -> Duration {
    match settings.backoff {
        Backoff::None | Backoff::Proportional => wait,
        Backoff::Decorrelated => wait.min(settings.base_delay),
        Backoff::Full => Duration::ZERO,
        Backoff::Equal => wait / 2,
    }
}

/// Thousandths of a token, so that a ratio of 0.1 adds up exactly.
const TOKEN: u64 = 1_000;

/// The retry budget of gRPC's proposal A6: a failure takes a token, a success gives a share of one back, and nothing is
/// retried at or below half. A failure takes its token when it happens, so retries that wait in back-off count already.
#[derive(Debug)]
pub struct RetryBudget {
    full: u64,
    gain: u64,
    tokens: AtomicU64,
}

impl RetryBudget {
    /// A full budget, or none.
    pub fn new(settings: &RetrySettings) -> Option<Self> {
        let full = u64::from(settings.budget_tokens?) * TOKEN;
        let gain = (settings.budget_ratio.clamp(0.0, 1_000.0) * TOKEN as f64).round() as u64;
        Some(Self { full, gain, tokens: AtomicU64::new(full) })
    }

    /// A call succeeded.
    pub fn succeeded(&self) {
        // A full budget is the rule: a load, no write that users share.
        if self.tokens.load(Ordering::Relaxed) < self.full {
            self.update(|tokens| (tokens + self.gain).min(self.full));
        }
    }

    /// A call failed in a way that would be retried. True when a retry is allowed.
    pub fn failed(&self) -> bool {
        self.update(|tokens| tokens.saturating_sub(TOKEN)) * 2 > self.full
    }

    /// Changes the tokens, and gives what they are then.
    fn update(&self, change: impl Fn(u64) -> u64) -> u64 {
        let before = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| Some(change(tokens)));
        change(before.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use crate::resilience::retry_after::parse_retry_after;
    use crate::resilience::wall::DayClock;
    use crate::seed::Seed;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn with(backoff: Backoff) -> RetrySettings {
        RetrySettings { backoff, ..RetrySettings::default() }
    }

    fn waits(settings: &RetrySettings, attempts: u32, draws: u32) -> Vec<Duration> {
        let mut rng = Seed(7).stream("retry test");
        let next = |_| match next_attempt(settings, attempts, FailureKind::ServerError, None, true, &mut rng) {
            Next::RetryAfter(wait) => wait,
            other => panic!("{other:?}"),
        };
        (0..draws).map(next).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let settings = RetrySettings { max_retries: 100, ..with(Backoff::None) };
        let waits: Vec<u64> = (1..=8).map(|attempts| waits(&settings, attempts, 1)[0].as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(exponential(SECOND, u32::MAX, 30 * SECOND), 30 * SECOND);
    }

    #[test]
    fn waits_are_spread_over_the_whole_of_their_range() {
        for (backoff, low, high) in [(Backoff::Proportional, 4.0, 5.2), (Backoff::Full, 0.0, 4.0), (Backoff::Equal, 2.0, 4.0)] {
            let waits: Vec<f64> = waits(&with(backoff), 3, 1_000).iter().map(Duration::as_secs_f64).collect();
            let (least, most) = waits.iter().fold((f64::MAX, 0.0_f64), |(a, b), &w| (a.min(w), b.max(w)));
            let slack = (high - low) / 50.0;
            assert!(least >= low && least < low + slack, "{backoff:?}: {least}");
            assert!(most <= high && most > high - slack, "{backoff:?}: {most}");
        }
    }

    fn backoffs() -> impl Strategy<Value = RetrySettings> {
        prop_oneof![
            Just(with(Backoff::None)),
            (0.0..10.0_f64).prop_map(|jitter| RetrySettings { jitter, ..with(Backoff::Proportional) }),
            Just(with(Backoff::Full)),
            Just(with(Backoff::Equal)),
            Just(with(Backoff::Decorrelated)),
        ]
    }

    proptest! {
        #[test]
        fn every_wait_is_within_the_bounds_of_its_kind(
            backoff in backoffs(), attempts in 1_u32..40, base_ms in 0_u64..5_000, above_ms in 0_u64..60_000, seed in any::<u64>(),
        ) {
            let (base_delay, max_delay) = (Duration::from_millis(base_ms), Duration::from_millis(base_ms + above_ms));
            let settings = RetrySettings { max_retries: 100, base_delay, max_delay, ..backoff };
            let mut rng = Seed(seed).stream("retry property");
            let Next::RetryAfter(wait) = next_attempt(&settings, attempts, FailureKind::Timeout, None, true, &mut rng) else {
                panic!("it is retried")
            };
            let plain = base_delay.saturating_mul(2_u32.saturating_pow(attempts - 1)).min(max_delay);
            let (least, most) = match settings.backoff {
                Backoff::None => (plain, plain),
                Backoff::Proportional => (plain, plain.mul_f64(1.0 + settings.jitter)),
                Backoff::Full => (Duration::ZERO, plain),
                Backoff::Equal => (plain / 2, plain),
                Backoff::Decorrelated => (base_delay, base_delay.saturating_mul(3_u32.saturating_pow(attempts)).min(max_delay)),
            };
            // Arithmetic of fractions rounds to the nanosecond.
            let nano = Duration::from_nanos(1);
            prop_assert!(wait + nano >= least && wait <= most + nano, "{:?} not in {:?} to {:?}", wait, least, most);
            prop_assert!(wait <= longest_wait(&settings, attempts) + nano);
        }

        #[test]
        fn never_before_the_vendor_s_time_and_not_long_after_it(
            backoff in backoffs(), attempts in 1_u32..10, asked_s in 0_u32..=30, seed in any::<u64>(),
        ) {
            let (settings, asked) = (RetrySettings { max_retries: 100, ..backoff }, asked_s * SECOND);
            let mut rng = Seed(seed).stream("retry property");
            let Next::RetryAfter(wait) = next_attempt(&settings, attempts, FailureKind::RateLimited, Some(asked), true, &mut rng)
            else { panic!("it is retried") };
            prop_assert!(wait >= asked, "{:?} before {:?}", wait, asked);
            prop_assert!(wait <= longest_wait(&settings, attempts) + Duration::from_nanos(1), "{:?}", wait);
        }
    }

    #[test]
    fn decorrelated_waits_grow_from_the_first_to_the_longest_and_fill_their_range() {
        let settings = RetrySettings { max_retries: 100, ..with(Backoff::Decorrelated) };
        let seconds = |attempts| -> Vec<f64> { waits(&settings, attempts, 2_000).iter().map(Duration::as_secs_f64).collect() };
        let first = seconds(1);
        let mean = first.iter().sum::<f64>() / 2_000.0;
        assert!((mean - 2.0).abs() < 0.05, "uniform between 1 s and 3 s: {mean}");
        let tenth = seconds(10);
        assert!(tenth.iter().all(|wait| (1.0..=30.0).contains(wait)));
        let capped = tenth.iter().filter(|wait| **wait == 30.0).count();
        assert!((100..1_500).contains(&capped), "{capped} of 2,000 at the cap");
    }

    #[test]
    fn three_retries_and_no_more() {
        let mut rng = Seed(7).stream("retry test");
        let mut decide =
            |attempts, failure, allowed| next_attempt(&with(Backoff::None), attempts, failure, None, allowed, &mut rng);
        assert_eq!(decide(3, FailureKind::Timeout, true), Next::RetryAfter(4 * SECOND));
        assert_eq!(decide(4, FailureKind::Timeout, true), Next::NoneLeft);
        assert_eq!(decide(1, FailureKind::Timeout, false), Next::BudgetDenied);
        assert_eq!(decide(1, FailureKind::ClientError, true), Next::NotRetried);
        assert_eq!(decide(1, FailureKind::BreakerOpen, true), Next::NotRetried);
    }

    #[test]
    fn row_27_the_budget_denies_at_half_and_allows_just_above() {
        let settings = RetrySettings { budget_tokens: Some(10), budget_ratio: 0.1, ..RetrySettings::default() };
        let budget = RetryBudget::new(&settings).expect("a budget");
        let allowed: Vec<bool> = (0..5).map(|_| budget.failed()).collect();
        assert_eq!(allowed, [true, true, true, true, false], "9, 8, 7, 6, and denied at 5.0");
        let allows = |budget: &RetryBudget| budget.tokens.load(Ordering::Relaxed) * 2 > budget.full;
        assert!(!allows(&budget));
        budget.succeeded();
        assert!(allows(&budget), "5.1");
        for _ in 0..1_000 {
            budget.succeeded();
        }
        assert!((0..4).all(|_| budget.failed()) && !budget.failed(), "it never holds more than it began with");
    }

    #[test]
    fn without_tokens_there_is_no_budget() {
        assert!(RetryBudget::new(&RetrySettings::default()).is_none());
    }

    #[test]
    fn row_29_retry_after_as_a_date_as_garbage_and_beyond_the_cap() {
        let now = Instant::now();
        let clock = DayClock { start_wall: "2026-03-01T12:00:00Z".parse().expect("a date"), start: now };
        let decide = |header: &str, backoff| {
            let asked = parse_retry_after(header).wait(&clock, now);
            let mut rng = Seed(7).stream("retry test");
            next_attempt(&with(backoff), 2, FailureKind::RateLimited, asked, true, &mut rng)
        };
        let exact = Backoff::None;
        assert_eq!(decide("Sun, 01 Mar 2026 12:00:20 GMT", exact), Next::RetryAfter(20 * SECOND), "until the date");
        assert_eq!(decide("Sun, 01 Mar 2026 11:00:00 GMT", exact), Next::RetryAfter(Duration::ZERO), "a date that has passed");
        assert_eq!(decide("soon", exact), Next::RetryAfter(2 * SECOND), "back-off");
        assert_eq!(decide("30", exact), Next::RetryAfter(30 * SECOND), "at the cap");
        assert_eq!(decide("86400", exact), Next::TooLong(86_400 * SECOND), "beyond it");
        for backoff in [Backoff::Proportional, Backoff::Full, Backoff::Equal, Backoff::Decorrelated] {
            let Next::RetryAfter(wait) = decide("20", backoff) else { panic!("not retried") };
            let most = if backoff == Backoff::Decorrelated { 28 } else { 22 };
            assert!(wait > 20 * SECOND && wait <= most * SECOND, "{backoff:?}: {wait:?}");
        }
    }
}
