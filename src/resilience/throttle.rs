//! Client-side throttling: a vendor that is overloaded is not kept so by requests that it can only refuse.
//!
//! Refusing a request costs the vendor too, so one that is overloaded can spend all it has on saying no. Each client can
//! see that by itself: of the requests of the last minutes it compares those made with those accepted, and rejects here,
//! at random, what goes beyond a multiple of the accepted ones. Unlike a circuit breaker it lets the share through that
//! the vendor can take. The rule is that of Site Reliability Engineering (Beyer et al., 2016), chapter "Handling Overload":
//! rejected with probability `max(0, (requests − K × accepts) / (requests + 1))` over two minutes, K = 2. Requests that
//! are rejected here count as made, so that the pressure is known; those in flight count when their answers are there, for
//! else the first of a quiet morning, not answered yet, would have the second rejected.

use parking_lot::Mutex;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::event::EventKind;

use super::emitter::Emitter;
use super::settings::ThrottleSettings;
use super::sliding::SlidingTally;

/// Steps in which the window slides.
const BUCKETS: u32 = 60;

/// What throttling knows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ThrottleGauges {
    /// Requests of the window, those that were rejected here too.
    pub requests: u64,
    /// Those that the vendor accepted.
    pub accepts: u64,
    /// The probability with which the next one is rejected.
    pub rejection: f64,
    /// Requests rejected here since the start.
    pub rejected: u64,
}

/// The throttle of one vendor.
#[derive(Debug)]
pub(super) struct Throttle {
    settings: ThrottleSettings,
    emitter: Emitter,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    requests: SlidingTally,
    accepts: SlidingTally,
    rejected: u64,
    /// Whether it has reported that requests are rejected.
    active: bool,
    rng: ChaCha8Rng,
}

impl Throttle {
    pub(super) fn new(settings: ThrottleSettings, rng: ChaCha8Rng, emitter: Emitter, now: Instant) -> Self {
        let window = || SlidingTally::new(settings.window, BUCKETS, now);
        let seen = Seen { requests: window(), accepts: window(), rejected: 0, active: false, rng };
        Self { settings, emitter, seen: Mutex::new(seen) }
    }

    /// Whether a request may be made at `now`.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let (admitted, change) = {
            let mut seen = self.seen.lock();
            let gauges = self.read(&mut seen, now);
            let admitted = gauges.rejection <= 0.0 || seen.rng.random::<f64>() >= gauges.rejection;
            if !admitted {
                seen.requests.record(now, false, false);
                seen.rejected += 1;
            }
            let active = gauges.rejection > 0.0;
            let change = (active != seen.active).then_some(gauges);
            seen.active = active;
            (admitted, change)
        };
        if let Some(ThrottleGauges { requests, accepts, rejection, .. }) = change {
            self.emitter.emit(now, EventKind::Throttling { active: rejection > 0.0, requests, accepts });
        }
        admitted
    }

    /// A request that was made has its answer: the vendor took it up, or did not.
    pub(super) fn answered(&self, now: Instant, accepted: bool) {
        let mut seen = self.seen.lock();
        seen.requests.record(now, false, false);
        if accepted {
            seen.accepts.record(now, false, false);
        }
    }

    /// What it knows.
    pub(super) fn gauges(&self, now: Instant) -> ThrottleGauges {
        self.read(&mut self.seen.lock(), now)
    }

    fn read(&self, seen: &mut Seen, now: Instant) -> ThrottleGauges {
        let requests = u64::from(seen.requests.tally(now).calls);
        let accepts = u64::from(seen.accepts.tally(now).calls);
        let rejection = rejection(requests, accepts, self.settings.ratio);
        ThrottleGauges { requests, accepts, rejection, rejected: seen.rejected }
    }
}

/// The rule.
fn rejection(requests: u64, accepts: u64, ratio: f64) -> f64 {
    // Below 1 a vendor that accepts everything would be throttled.
    let beyond = requests as f64 - ratio.max(1.0) * accepts as f64;
    (beyond / (requests as f64 + 1.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::clock::LoadClock;
    use crate::event::NoEvents;
    use crate::outcome::Vendor;
    use crate::seed::Seed;

    fn throttle(ratio: f64, start: Instant) -> Throttle {
        let settings = ThrottleSettings { ratio, ..ThrottleSettings::default() };
        let emitter = Emitter::new(Vendor::Clay, LoadClock::start(), Arc::new(NoEvents));
        Throttle::new(settings, Seed(3).stream("throttle"), emitter, start)
    }

    /// Makes `count` requests a millisecond apart, of which the vendor accepts those of these numbers. Gives how many were made.
    fn load(throttle: &Throttle, from: Instant, count: u32, accepts: impl Fn(u32) -> bool) -> u32 {
        let mut made = 0;
        for index in 0..count {
            let now = from + Duration::from_millis(u64::from(index));
            if throttle.admits(now) {
                made += 1;
                throttle.answered(now, accepts(made));
            }
        }
        made
    }

    #[test]
    fn the_rule_is_the_book_s() {
        for (requests, accepts, expected) in
            [(0, 0, 0.0), (100, 100, 0.0), (100, 50, 0.0), (100, 25, 50.0 / 101.0), (99, 0, 0.99)]
        {
            assert_eq!(rejection(requests, accepts, 2.0), expected, "{accepts} of {requests}");
        }
        assert_eq!(rejection(100, 100, 0.1), 0.0, "a vendor that accepts all is never throttled");
    }

    #[test]
    fn a_vendor_that_accepts_most_is_not_throttled_and_one_that_accepts_a_tenth_is() {
        let start = Instant::now();
        assert_eq!(load(&throttle(2.0, start), start, 10_000, |made| made % 4 != 0), 10_000);
        let tenth = throttle(2.0, start);
        let made = load(&tenth, start, 100_000, |made| made % 10 == 0);
        let gauges = tenth.gauges(start + Duration::from_secs(100));
        // Fewer and fewer are made, for of those that are made only a tenth is accepted.
        assert!(made < 10_000, "{made}");
        assert_eq!(gauges.rejected, u64::from(100_000 - made));
        assert!(gauges.rejection > 0.9, "{gauges:?}");
    }

    #[test]
    fn a_vendor_that_takes_a_fixed_rate_gets_about_twice_that_and_no_more() {
        // 1,000 requests a second, of which the vendor accepts at most 100.
        let start = Instant::now();
        let throttle = throttle(2.0, start);
        let (mut made, mut accepted_this_second) = (0, 0);
        for ms in 0..240_000_u64 {
            let now = start + Duration::from_millis(ms);
            if ms % 1_000 == 0 {
                accepted_this_second = 0;
            }
            if throttle.admits(now) {
                made += u32::from(ms >= 120_000);
                accepted_this_second += 1;
                throttle.answered(now, accepted_this_second <= 100);
            }
        }
        let each_second = f64::from(made) / 120.0;
        assert!((190.0..230.0).contains(&each_second), "{each_second} a second");
    }

    #[test]
    fn requests_that_have_no_answer_yet_speak_against_nobody() {
        let start = Instant::now();
        let throttle = throttle(2.0, start);
        assert!((0..1_000).all(|_| throttle.admits(start)));
    }

    #[test]
    fn when_the_window_has_passed_it_is_forgotten() {
        let start = Instant::now();
        let throttle = throttle(2.0, start);
        load(&throttle, start, 1_000, |_| false);
        let later = start + Duration::from_secs(121);
        assert_eq!(throttle.gauges(later).rejection, 0.0);
        assert!(throttle.admits(later));
    }
}
