//! The calls that a closed breaker looks at: failures in a row, the last calls, or the calls of the last seconds.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::resilience::settings::{BreakerSettings, Window as Shape};
use crate::resilience::sliding::{SlidingTally, Tally};

use super::cause::Cause;

/// Buckets of a time window: it slides in steps of a twentieth.
const TIME_BUCKETS: u32 = 20;

#[derive(Debug)]
pub(super) enum Window {
    Consecutive { limit: u32, run: u32 },
    Count { size: usize, calls: VecDeque<(bool, bool)>, tally: Tally },
    Time(SlidingTally),
}

impl Window {
    pub(super) fn new(settings: &BreakerSettings, now: Instant) -> Self {
        match settings.window {
            Shape::Consecutive => Self::Consecutive { limit: settings.failures.max(1), run: 0 },
            Shape::Count => Self::Count { size: settings.calls.max(1) as usize, calls: VecDeque::new(), tally: Tally::default() },
            Shape::Time => Self::Time(SlidingTally::new(settings.span, TIME_BUCKETS, now)),
        }
    }

    pub(super) fn record(&mut self, now: Instant, failed: bool, slow: bool) {
        match self {
            // Without a rate, a slow call can only count as a whole one: it is a failure in the row.
            Self::Consecutive { run, .. } => *run = if failed || slow { run.saturating_add(1) } else { 0 },
            Self::Count { size, calls, tally } => {
                if calls.len() == *size
                    && let Some((failed, slow)) = calls.pop_front()
                {
                    tally.subtract(Tally { calls: 1, failures: failed.into(), slow: slow.into() });
                }
                calls.push_back((failed, slow));
                tally.add(failed, slow);
            }
            Self::Time(sliding) => sliding.record(now, failed, slow),
        }
    }

    pub(super) fn tally(&mut self, now: Instant) -> Tally {
        match self {
            Self::Consecutive { run, .. } => Tally { calls: *run, failures: *run, slow: 0 },
            Self::Count { tally, .. } => *tally,
            Self::Time(sliding) => sliding.tally(now),
        }
    }

    /// Fewest calls that a rate is computed from; a count window that is smaller than the minimum is enough when full.
    pub(super) fn minimum(&self, settings: &BreakerSettings) -> u32 {
        match self {
            Self::Consecutive { .. } => 1,
            Self::Count { size, .. } => settings.minimum_calls.clamp(1, u32::try_from(*size).unwrap_or(u32::MAX)),
            Self::Time(_) => settings.minimum_calls.max(1),
        }
    }

    /// Why the breaker must open now, if it must.
    pub(super) fn verdict(&mut self, settings: &BreakerSettings, now: Instant) -> Option<Cause> {
        if let Self::Consecutive { limit, run } = *self {
            return (run >= limit).then_some(Cause::FailuresInARow(run));
        }
        let Tally { calls, failures, slow } = self.tally(now);
        if calls < self.minimum(settings) {
            return None;
        }
        let reached = |part: u32, limit: f64| f64::from(part) * 100.0 >= limit * f64::from(calls);
        if reached(failures, settings.failure_rate) {
            return Some(Cause::FailureRate { calls, failures, limit: settings.failure_rate });
        }
        let slower_than = settings.slow_call?;
        reached(slow, settings.slow_rate).then_some(Cause::SlowRate { calls, slow, slower_than, limit: settings.slow_rate })
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Consecutive { run, .. } => *run = 0,
            Self::Count { calls, tally, .. } => {
                calls.clear();
                *tally = Tally::default();
            }
            Self::Time(sliding) => sliding.clear(),
        }
    }
}
