//! Counts over the last span of time, in a fixed number of buckets.
//!
//! A window that is cleared when it is read, or when its time is up, forgets an outage at the wrong moment; one that keeps
//! every call grows with the load. This one slides bucket by bucket, so it covers between `span × (1 − 1/buckets)` and
//! `span`, and its memory is fixed.

use std::time::Duration;

use tokio::time::Instant;

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All calls.
    pub(super) calls: u32,
    /// Those that failed.
    pub(super) failures: u32,
    /// Those that were slow.
    pub(super) slow: u32,
}

impl Tally {
    pub(super) fn add(&mut self, failed: bool, slow: bool) {
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(u32::from(failed));
        self.slow = self.slow.saturating_add(u32::from(slow));
    }

    pub(super) fn subtract(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failures = self.failures.saturating_sub(other.failures);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

/// A tally of the last span.
#[derive(Debug, Clone)]
pub(super) struct SlidingTally {
    origin: Instant,
    width_ns: u64,
    buckets: Vec<Tally>,
    newest: u64,
    total: Tally,
}

impl SlidingTally {
    pub(super) fn new(span: Duration, buckets: u32, origin: Instant) -> Self {
        let width_ns = (nanos(span) / u64::from(buckets.max(1))).max(1);
        Self { origin, width_ns, buckets: vec![Tally::default(); buckets.max(1) as usize], newest: 0, total: Tally::default() }
    }

    pub(super) fn record(&mut self, now: Instant, failed: bool, slow: bool) {
        self.slide(now);
        let slot = self.slot(self.newest);
        self.buckets[slot].add(failed, slow);
        self.total.add(failed, slow);
    }

    pub(super) fn tally(&mut self, now: Instant) -> Tally {
        self.slide(now);
        self.total
    }

    pub(super) fn clear(&mut self) {
        self.buckets.fill(Tally::default());
        self.total = Tally::default();
    }

    /// Drops what has left the window. A `now` from a moment ago (two threads) counts into the newest bucket.
    fn slide(&mut self, now: Instant) {
        let index = nanos(now.saturating_duration_since(self.origin)) / self.width_ns;
        if index <= self.newest {
            return;
        }
        let passed = (index - self.newest).min(self.buckets.len() as u64);
        for step in 1..=passed {
            let slot = self.slot(self.newest + step);
            self.total.subtract(std::mem::take(&mut self.buckets[slot]));
        }
        self.newest = index;
    }

    fn slot(&self, index: u64) -> usize {
        (index % self.buckets.len() as u64) as usize
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slides_and_does_not_jump() {
        let start = Instant::now();
        let mut tally = SlidingTally::new(Duration::from_secs(20), 20, start);
        for second in 0..40 {
            tally.record(start + Duration::from_secs(second), second % 2 == 0, false);
        }
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(tally.tally(at(39)), Tally { calls: 20, failures: 10, slow: 0 });
        assert_eq!(tally.tally(at(45)), Tally { calls: 14, failures: 7, slow: 0 });
        assert_eq!(tally.tally(at(45)), Tally { calls: 14, failures: 7, slow: 0 }, "reading changes nothing");
        assert_eq!(tally.tally(at(58)).calls, 1);
        assert_eq!(tally.tally(at(59)).calls, 0);
        assert_eq!(tally.tally(at(1_000_000)).calls, 0);
    }

    #[test]
    fn a_time_from_a_moment_ago_still_counts() {
        let start = Instant::now();
        let mut tally = SlidingTally::new(Duration::from_secs(20), 20, start);
        tally.record(start + Duration::from_secs(10), false, false);
        tally.record(start + Duration::from_secs(9), true, true);
        assert_eq!(tally.tally(start + Duration::from_secs(10)), Tally { calls: 2, failures: 1, slow: 1 });
    }
}
