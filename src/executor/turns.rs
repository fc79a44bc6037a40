//! Whose turn it is: a user iterates while the plan has more users than its number.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::stop::{Level, Stop};
use crate::clock::LoadClock;
use crate::journey::User;
use crate::plan::LoadPlan;
use crate::scenario::ExecutorKind;

/// A user with what it needs to know its turn.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) user: User,
    /// While the clock is before this, the user is active.
    active_until: Duration,
    active: bool,
    /// It has done all of its iterations.
    done: bool,
}

impl Seat {
    pub(super) fn new(user: User) -> Self {
        Self { user, active_until: Duration::ZERO, active: false, done: false }
    }

    pub(super) fn active(&self) -> bool {
        self.active
    }
}

/// Hands out turns.
#[derive(Debug)]
pub(super) struct Turns {
    plan: LoadPlan,
    clock: LoadClock,
    stop: Stop,
    quota: Quota,
    users: u32,
    users_done: AtomicU32,
}

#[derive(Debug)]
enum Quota {
    Unlimited,
    Shared(AtomicU64),
    Each(u64),
}

/// What changed for a user when it asked for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Iterate.
    Go,
    /// The load is at its end.
    Over,
}

impl Turns {
    pub(super) fn new(kind: ExecutorKind, plan: LoadPlan, clock: LoadClock, stop: Stop) -> Self {
        let quota = match kind {
            ExecutorKind::RampingVus | ExecutorKind::ConstantVus => Quota::Unlimited,
            ExecutorKind::SharedIterations { iterations } => Quota::Shared(AtomicU64::new(iterations)),
            ExecutorKind::PerVuIterations { iterations } => Quota::Each(iterations),
        };
        let users = plan.max_users();
        Self { plan, clock, stop, quota, users, users_done: AtomicU32::new(0) }
    }

    /// Waits until it is this user's turn; `changed` hears when it becomes active or idle.
    pub(super) async fn wait(&self, seat: &mut Seat, changed: impl Fn(bool)) -> Turn {
        loop {
            if !self.stop.running() {
                set_active(seat, false, &changed);
                return Turn::Over;
            }
            if seat.done {
                set_active(seat, false, &changed);
                self.stop.reached(Level::Finish).await;
                continue;
            }
            let now = self.clock.now();
            if now >= seat.active_until && !self.activate(seat, now, &changed).await {
                continue;
            }
            if self.take_iteration(seat) {
                seat.user.iterations += 1;
                return Turn::Go;
            }
            self.finish(seat);
        }
    }

    /// Waits for the plan to need this user, if it does not now. False when the wait was cut short by the end.
    async fn activate(&self, seat: &mut Seat, now: Duration, changed: &impl Fn(bool)) -> bool {
        let index = seat.user.index;
        let Some(from) = self.plan.next_active(index, now) else {
            set_active(seat, false, changed);
            self.stop.reached(Level::Finish).await;
            return false;
        };
        if from > now {
            set_active(seat, false, changed);
            if !self.sleep_until(self.clock.instant(from)).await {
                return false;
            }
        }
        seat.active_until = self.plan.next_inactive(index, from);
        set_active(seat, true, changed);
        true
    }

    /// Sleeps, and says whether the load still runs.
    pub(super) async fn sleep_until(&self, deadline: Instant) -> bool {
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => true,
            () = self.stop.reached(Level::Finish) => false,
        }
    }

    fn take_iteration(&self, seat: &Seat) -> bool {
        match &self.quota {
            Quota::Unlimited => true,
            Quota::Shared(left) => left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok(),
            Quota::Each(each) => seat.user.iterations < *each,
        }
    }

    /// This user has nothing left to do; when none has, the load ends.
    fn finish(&self, seat: &mut Seat) {
        seat.done = true;
        if self.users_done.fetch_add(1, Ordering::AcqRel) + 1 == self.users {
            self.stop.raise(Level::Finish);
        }
    }
}

fn set_active(seat: &mut Seat, active: bool, changed: &impl Fn(bool)) {
    if seat.active != active {
        seat.active = active;
        changed(active);
    }
}
