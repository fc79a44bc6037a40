//! Rate limiter: we don't send faster than the vendor takes, and not at all when it asked for a pause.
//!
//! A client that finds a vendor's limit by running into it wastes its requests on 429s, and one that sends on during a
//! Retry-After is soon blocked. The rate is held by GCRA (the token bucket as one number: the theoretical arrival time of
//! the next request). The pause gate is there without a configured rate too. After a pause the bucket is empty, so that
//! waiting requests go at the rate and not in one burst.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use super::settings::LimiterSettings;

/// A pause longer than this is cut: a mistaken Retry-After must not end the sending for good.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

/// No turn within the longest wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no turn within the longest wait")]
pub struct LimiterFull {
    /// When a turn would be free.
    pub retry_at: Instant,
}

/// The limiter of one vendor.
#[derive(Debug)]
pub struct Limiter {
    /// Time between two requests; zero for no rate.
    interval: Duration,
    /// How far the theoretical arrival time may run ahead: a burst.
    tolerance: Duration,
    longest_wait: Duration,
    turns: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    theoretical_arrival: Instant,
    paused_until: Instant,
}

impl Limiter {
    /// A limiter with a full bucket. Without settings it has no rate, and at a pause one waits at most `longest_pause_wait`.
    pub fn new(settings: Option<LimiterSettings>, longest_pause_wait: Duration, now: Instant) -> Self {
        let turns = Mutex::new(Turns { theoretical_arrival: now, paused_until: now });
        match settings {
            None => Self { interval: Duration::ZERO, tolerance: Duration::ZERO, longest_wait: longest_pause_wait, turns },
            Some(LimiterSettings { rate, burst, max_wait }) => {
                // One a day at the slowest, so that a rate that is not positive cannot divide by zero.
                let seconds = if rate > 0.0 { (1.0 / rate).clamp(1e-9, 86_400.0) } else { 86_400.0 };
                let interval = Duration::from_secs_f64(seconds);
                Self { interval, tolerance: interval.saturating_mul(burst.max(1) - 1), longest_wait: max_wait, turns }
            }
        }
    }

    /// Waits for a turn, from `asked` on, which is now.
    ///
    /// # Errors
    /// When there is none within the longest wait, or a pause that began meanwhile lasts longer than that.
    pub async fn admit(&self, asked: Instant) -> Result<(), LimiterFull> {
        let latest = asked + self.longest_wait;
        let mut now = asked;
        loop {
            let turn = self.take_turn(now, latest)?;
            if turn <= now {
                return Ok(());
            }
            sleep_until(turn).await;
            now = Instant::now();
            if !self.is_paused(now) {
                return Ok(());
            }
        }
    }

    /// Takes the next turn, and says when it is.
    fn take_turn(&self, now: Instant, latest: Instant) -> Result<Instant, LimiterFull> {
        let mut turns = self.turns.lock();
        let mut turn = now.max(turns.paused_until);
        if !self.interval.is_zero() {
            let arrival = turns.theoretical_arrival;
            turn = turn.max(arrival.checked_sub(self.tolerance).unwrap_or(now));
            if turn <= latest {
                turns.theoretical_arrival = arrival.max(turn) + self.interval;
            }
        }
        if turn > latest { Err(LimiterFull { retry_at: turn }) } else { Ok(turn) }
    }

    /// The vendor asked for a pause of `wait` from `now`: no request gets a turn before it is over. True when this makes the
    /// pause longer than it was.
    pub fn pause(&self, now: Instant, wait: Duration) -> bool {
        let until = now + wait.min(LONGEST_PAUSE);
        let mut turns = self.turns.lock();
        if until <= turns.paused_until {
            return false;
        }
        turns.paused_until = until;
        turns.theoretical_arrival = turns.theoretical_arrival.max(until + self.tolerance);
        true
    }

    /// When the pause is over, if there is one.
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        let until = self.turns.lock().paused_until;
        (until > now).then_some(until)
    }

    /// When one may wait for a turn again, if all turns within the longest wait are taken.
    pub(super) fn full_until(&self, now: Instant) -> Option<Instant> {
        let next = self.turns.lock().theoretical_arrival.checked_sub(self.tolerance)?;
        let until = next.checked_sub(self.longest_wait)?;
        (!self.interval.is_zero() && until > now).then_some(until)
    }

    /// The longest that one waits for a turn.
    pub(super) fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.turns.lock().paused_until > now
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn limiter(rate: f64, burst: u32, max_wait: u64) -> Arc<Limiter> {
        let settings = LimiterSettings { rate, burst, max_wait: Duration::from_secs(max_wait) };
        Arc::new(Limiter::new(Some(settings), Duration::ZERO, Instant::now()))
    }

    /// The seconds at which `count` callers that all come now are let through.
    async fn admissions(limiter: &Arc<Limiter>, count: usize) -> Vec<f64> {
        let start = Instant::now();
        let calls: Vec<_> = (0..count)
            .map(|_| {
                let limiter = Arc::clone(limiter);
                tokio::spawn(async move { limiter.admit(Instant::now()).await.map(|()| start.elapsed().as_secs_f64()) })
            })
            .collect();
        let mut times = Vec::new();
        for call in calls {
            times.extend(call.await.expect("the call ends"));
        }
        times.sort_by(f64::total_cmp);
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let times = admissions(&limiter(10.0, 5, 60), 25).await;
        assert_eq!(times.len(), 25);
        assert!(times[4] < 0.001, "{times:?}");
        assert!((times[24] - 2.0).abs() < 0.005, "{times:?}");
        for window in times.windows(11).skip(5) {
            assert!(window[10] - window[0] > 0.99, "more than 10 a second: {times:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_would_wait_too_long_is_refused_at_once_and_takes_no_turn() {
        let limiter = limiter(10.0, 1, 1);
        let times = admissions(&limiter, 50).await;
        assert_eq!(times.len(), 11, "the one at once and those of the next second");
        let refusal = limiter.admit(Instant::now()).await;
        assert_eq!(refusal, Ok(()), "after a second there are turns again");
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_goes_during_a_pause_not_even_one_that_waited_before_it() {
        let limiter = limiter(10.0, 1, 60);
        let start = Instant::now();
        let early = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { admissions(&limiter, 5).await }
        });
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(limiter.pause(Instant::now(), Duration::from_secs(30)));
        let times = early.await.expect("they end");
        assert_eq!(times.iter().filter(|&&time| time < 0.15).count(), 2);
        assert!(times[2] >= 30.15, "{times:?}");
        assert!(start.elapsed() > Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_they_go_at_the_rate_and_not_in_a_burst() {
        let limiter = limiter(10.0, 20, 60);
        limiter.pause(Instant::now(), Duration::from_secs(10));
        let times = admissions(&limiter, 20).await;
        assert!((times[0] - 10.0).abs() < 0.005, "{times:?}");
        assert!((times[19] - 11.9).abs() < 0.005, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_only_a_pause_delays_requests() {
        let limiter = Arc::new(Limiter::new(None, Duration::from_secs(5), Instant::now()));
        assert!(admissions(&limiter, 100).await.iter().all(|&time| time == 0.0));
        limiter.pause(Instant::now(), Duration::from_secs(4));
        assert!(admissions(&limiter, 3).await.iter().all(|&time| (4.0..4.01).contains(&time)));
        let until = Instant::now() + Duration::from_secs(6);
        limiter.pause(Instant::now(), Duration::from_secs(6));
        assert_eq!(limiter.admit(Instant::now()).await, Err(LimiterFull { retry_at: until }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_pause_never_shortens_a_longer_one_and_a_huge_one_is_cut() {
        let limiter = Limiter::new(None, Duration::ZERO, Instant::now());
        let now = Instant::now();
        assert!(limiter.pause(now, Duration::from_secs(30)));
        assert!(!limiter.pause(now, Duration::from_secs(10)));
        assert_eq!(limiter.paused_until(now), Some(now + Duration::from_secs(30)));
        limiter.pause(now, Duration::MAX);
        assert_eq!(limiter.paused_until(now), Some(now + LONGEST_PAUSE));
    }

    #[test]
    fn a_rate_that_is_none_is_no_panic() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            let settings = LimiterSettings { rate, burst: 0, max_wait: Duration::ZERO };
            let now = Instant::now();
            let limiter = Limiter::new(Some(settings), Duration::ZERO, now);
            assert_eq!(limiter.take_turn(now, now), Ok(now), "{rate}");
        }
    }
}
