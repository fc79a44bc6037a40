//! One ramp of a plan, in exact integer arithmetic: rounding a time to a float would let a user come a step too early.

use std::time::Duration;

/// A stage that takes time. Its end belongs to what follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    pub(super) start: Duration,
    pub(super) end: Duration,
    /// Users at its start.
    pub(super) from: u32,
    /// Users at its end.
    pub(super) to: u32,
}

impl Ramp {
    pub(super) fn contains(&self, at: Duration) -> bool {
        self.start <= at && at < self.end
    }

    /// Users at a time within it: steps that the line has completed, up or down.
    pub(super) fn users_at(&self, at: Duration) -> u32 {
        let height = u128::from(self.from.abs_diff(self.to));
        let steps = height * (at - self.start).as_nanos() / (self.end - self.start).as_nanos();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        if self.rises() { self.from + steps } else { self.from - steps }
    }

    /// The first time in it, not before `from`, at which user number `user` is active.
    pub(super) fn next_active(&self, user: u32, from: Duration) -> Option<Duration> {
        let first = from.max(self.start);
        if self.users_at(first) > user {
            return Some(first);
        }
        if !self.rises() || user >= self.to {
            return None;
        }
        self.time_of_step(user + 1 - self.from)
    }

    /// The first time in it, not before `from`, at which user number `user` is not active.
    pub(super) fn next_inactive(&self, user: u32, from: Duration) -> Option<Duration> {
        let first = from.max(self.start);
        if self.users_at(first) <= user {
            return Some(first);
        }
        if self.rises() || user < self.to {
            return None;
        }
        self.time_of_step(self.from - user)
    }

    /// When the line completes its `step`th step; `None` for the last, which is at the end and belongs to what follows.
    fn time_of_step(&self, step: u32) -> Option<Duration> {
        let height = u128::from(self.from.abs_diff(self.to));
        let nanos = (self.end - self.start).as_nanos() * u128::from(step);
        let at = self.start + Duration::from_nanos(u64::try_from(nanos.div_ceil(height)).unwrap_or(u64::MAX));
        (at < self.end).then_some(at)
    }

    fn rises(&self) -> bool {
        self.to >= self.from
    }
}
