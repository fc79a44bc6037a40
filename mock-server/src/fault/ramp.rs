//! How strong a fault is at a moment: a ramp at its start, one at its end, and its full strength between them.
//!
//! What fails slowly teaches other things than what fails at once: a client whose breaker opens at a failure rate should open
//! it when the rate is crossed, and not long before or after.

use std::time::Duration;

use tokio::time::Instant;

/// A fault's strength over time, 0 to 1. It grows and shrinks linearly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    began: Instant,
    ends: Option<Instant>,
    up: Duration,
    down: Duration,
}

impl Ramp {
    /// Of a fault that began at `began`, lasts so long, grows over `up` and shrinks over `down`.
    pub(super) fn new(began: Instant, lasts: Option<Duration>, up: Duration, down: Duration) -> Self {
        Self { began, ends: lasts.and_then(|lasts| began.checked_add(lasts)), up, down }
    }

    /// The strength at `now`.
    pub(crate) fn strength(&self, now: Instant) -> f64 {
        if self.up.is_zero() && self.down.is_zero() {
            return 1.0;
        }
        let grown = part(now.saturating_duration_since(self.began), self.up);
        let left = self.ends.map_or(1.0, |ends| part(ends.saturating_duration_since(now), self.down));
        grown.min(left)
    }
}

fn part(time: Duration, of: Duration) -> f64 {
    if time >= of { 1.0 } else { time.as_secs_f64() / of.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn strength_grows_stays_and_shrinks() {
        let began = Instant::now();
        let ramp = Ramp::new(began, Some(s(20)), s(4), s(10));
        let strengths = [0, 1, 4, 10, 15, 20, 25].map(|at| ramp.strength(began + s(at)));
        assert_eq!(strengths, [0.0, 0.25, 1.0, 1.0, 0.5, 0.0, 0.0]);
        assert_eq!(ramp.strength(began.checked_sub(s(1)).unwrap_or(began)), 0.0);
    }

    #[test]
    fn without_ramps_the_strength_is_full_from_the_start() {
        let began = Instant::now();
        let ramp = Ramp::new(began, Some(s(20)), s(0), s(0));
        assert_eq!([0, 10, 20].map(|at| ramp.strength(began + s(at))), [1.0; 3]);
    }

    #[test]
    fn a_fault_without_an_end_only_grows() {
        let began = Instant::now();
        let ramp = Ramp::new(began, None, s(4), s(0));
        assert_eq!([0, 2, 1_000_000].map(|at| ramp.strength(began + s(at))), [0.0, 0.5, 1.0]);
    }
}
