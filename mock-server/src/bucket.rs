//! A token bucket: at most `burst` requests at once and `rate` a second in the long run.
//!
//! It is kept as one number, the time at which the bucket would be full again (the generic cell rate algorithm, ITU-T
//! I.371). Nothing has to be refilled, and the wait until the next token is exact, so a Retry-After is never too early.

use std::time::Duration;

/// A token bucket on a clock of the caller's. It starts full.
#[derive(Debug, Clone)]
pub(crate) struct TokenBucket {
    /// Nanoseconds that one token takes to come back. Nanoseconds rather than seconds, because whole numbers of them are
    /// exact in a double for 104 days.
    interval: f64,
    /// How far ahead of now the bucket may be, in nanoseconds: burst − 1 intervals.
    tolerance: f64,
    /// When the bucket will be full, in nanoseconds on the caller's clock.
    full_at: f64,
}

/// Rounding of one nanosecond, the clock's resolution, is forgiven: a client that waits exactly as long as it was asked to gets through.
const RESOLUTION: f64 = 1.0;

impl TokenBucket {
    /// A full bucket of `burst` tokens (at least 1) that gains `rate` tokens a second. A rate that is not positive
    /// never gives a token back.
    pub(crate) fn new(rate: f64, burst: u32) -> Self {
        let interval = if rate > 0.0 { 1e9 / rate } else { f64::INFINITY };
        let tolerance = if burst > 1 { interval * f64::from(burst - 1) } else { 0.0 };
        Self { interval, tolerance, full_at: 0.0 }
    }

    /// Takes a token at the time `now`.
    ///
    /// # Errors
    ///
    /// Without a token: how long to wait until there is one, if no other request takes it. At most a year.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        const YEAR: f64 = 365.0 * 86_400.0 * 1e9;
        let now = now.as_nanos() as f64;
        let full_at = self.full_at.max(now);
        let wait = full_at - now - self.tolerance;
        if wait <= RESOLUTION {
            self.full_at = full_at + self.interval;
            return Ok(());
        }
        // A rate of 0 makes `wait` infinite, or NaN where the tolerance is infinite too.
        let wait = if wait.is_finite() { wait.min(YEAR) } else { YEAR };
        // Half a nanosecond less, so that the noise of rounding does not make it a nanosecond more.
        Err(Duration::from_nanos((wait - 0.5).ceil() as u64))
    }

    /// Whole tokens that there are at `now`, and how long until the bucket is full again.
    pub(crate) fn level(&self, now: Duration) -> (u32, Duration) {
        let ahead = (self.full_at - now.as_nanos() as f64).max(0.0);
        let capacity = if self.interval.is_finite() { self.tolerance / self.interval + 1.0 } else { 1.0 };
        let used = if ahead > 0.0 { (ahead - RESOLUTION).max(0.0) / self.interval } else { 0.0 };
        // A bucket that never refills has one token, until that is taken.
        let used = if ahead.is_infinite() { capacity } else { used.ceil() };
        let full_in = Duration::try_from_secs_f64(ahead / 1e9).unwrap_or(Duration::MAX);
        ((capacity - used).round().max(0.0) as u32, full_in)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_burst_passes_at_once_and_then_one_an_interval() {
        let mut bucket = TokenBucket::new(10.0, 3);
        assert_eq!([0, 0, 0].map(|at| bucket.take(ms(at))), [Ok(()); 3]);
        assert_eq!(bucket.take(ms(0)), Err(ms(100)));
        assert_eq!(bucket.take(ms(40)), Err(ms(60)));
        assert_eq!(bucket.take(ms(100)), Ok(()));
        assert_eq!(bucket.take(ms(100)), Err(ms(100)));
    }

    #[test]
    fn idle_time_saves_no_more_than_the_burst() {
        let mut bucket = TokenBucket::new(10.0, 2);
        let passed = (0..10).filter(|_| bucket.take(Duration::from_secs(3600)).is_ok()).count();
        assert_eq!(passed, 2);
    }

    #[test]
    fn a_rate_of_nothing_gives_the_first_token_only() {
        let mut bucket = TokenBucket::new(0.0, 1);
        assert_eq!(bucket.take(ms(0)), Ok(()));
        assert!(bucket.take(Duration::from_secs(1_000_000)).is_err());
    }

    #[test]
    fn the_level_falls_with_every_token_and_rises_again() {
        let mut bucket = TokenBucket::new(10.0, 3);
        let mut levels = vec![bucket.level(ms(0)).0];
        for _ in 0..3 {
            assert_eq!(bucket.take(ms(0)), Ok(()));
            levels.push(bucket.level(ms(0)).0);
        }
        assert_eq!(levels, [3, 2, 1, 0]);
        assert_eq!(bucket.level(ms(99)), (0, ms(201)));
        assert_eq!(bucket.level(ms(100)), (1, ms(200)));
        assert_eq!(bucket.level(ms(5_000)), (3, ms(0)));
        let mut never = TokenBucket::new(0.0, 1);
        assert_eq!(never.level(ms(0)).0, 1);
        assert_eq!(never.take(ms(0)), Ok(()));
        assert_eq!(never.level(ms(0)).0, 0);
    }

    proptest! {
        /// Whatever the arrivals, no window lets more than burst + rate × time (± 1) through.
        #[test]
        fn never_more_than_burst_and_rate(
            rate in 0.5_f64..2_000.0,
            burst in 1_u32..50,
            gaps in proptest::collection::vec(0_u64..40_000, 1..600),
        ) {
            let mut bucket = TokenBucket::new(rate, burst);
            let mut now = Duration::ZERO;
            let mut passed = Vec::new();
            for gap in gaps {
                now += Duration::from_micros(gap);
                if bucket.take(now).is_ok() {
                    passed.push(now);
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let allowed = f64::from(burst) + rate * (*to - *from).as_secs_f64();
                    prop_assert!((last - first + 1) as f64 <= allowed + 1e-3, "{} in {:?}", last - first + 1, *to - *from);
                }
            }
        }

        /// Under demand that never pauses, exactly burst + rate × time (± 1) come through: no token is lost either. (A bucket
        /// of one token alone loses what drips in between the token's return and the next request: it has no room for it.)
        #[test]
        fn and_never_less_under_demand(rate in 0.5_f64..500.0, burst in 2_u32..50, step_us in 50_u64..1_000) {
            let mut bucket = TokenBucket::new(rate, burst);
            let steps = 4_000_u64;
            let passed = (0..steps).filter(|step| bucket.take(Duration::from_micros(step * step_us)).is_ok()).count();
            let seconds = Duration::from_micros((steps - 1) * step_us).as_secs_f64();
            // Where the demand is below the rate, everything passes.
            let demand = (steps as f64).min(f64::from(burst) + rate * seconds);
            prop_assert!((passed as f64 - demand).abs() <= 1.0, "{passed} passed, {demand} expected");
        }

        /// A client that waits as long as it was asked to gets through, one that comes a microsecond earlier does not.
        #[test]
        fn the_wait_is_exact(rate in 0.5_f64..2_000.0, burst in 1_u32..50, start_us in 0_u64..10_000_000_000) {
            let mut bucket = TokenBucket::new(rate, burst);
            let start = Duration::from_micros(start_us);
            for _ in 0..burst {
                prop_assert_eq!(bucket.take(start), Ok(()));
            }
            let wait = bucket.take(start).unwrap_err();
            prop_assert!(bucket.clone().take(start + wait - Duration::from_micros(1)).is_err());
            prop_assert_eq!(bucket.take(start + wait), Ok(()));
        }
    }
}
