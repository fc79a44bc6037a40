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

    /// The user's pause after an iteration. It ends early when the plan no longer needs the user, who is idle from then on, and
    /// when the load ends.
    pub(super) async fn pause(&self, seat: &mut Seat, pause: Duration, changed: impl Fn(bool)) {
        let end = self.clock.now().saturating_add(pause);
        self.sleep_until(self.clock.instant(end.min(seat.active_until))).await;
        if end > seat.active_until {
            set_active(seat, false, &changed);
        }
    }

    /// Sleeps, and says whether the load still runs.
    async fn sleep_until(&self, deadline: Instant) -> bool {
        tokio::select! {
            biased;
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::*;
    use crate::plan::Stage;
    use crate::seed::Seed;

    fn plan(stages: &[(u64, u32)]) -> LoadPlan {
        LoadPlan::new(0, stages.iter().map(|&(s, target)| Stage { duration: Duration::from_secs(s), target }).collect())
    }

    fn turns(kind: ExecutorKind, plan: &LoadPlan) -> (Arc<Turns>, LoadClock, Stop) {
        let (clock, stop) = (LoadClock::start(), Stop::default());
        (Arc::new(Turns::new(kind, plan.clone(), clock, stop.clone())), clock, stop)
    }

    /// Runs every user of a plan with iterations of 100 ms, and gives the number of active users at each tenth of a second.
    async fn active_users(plan: &LoadPlan) -> Vec<(Duration, u32)> {
        let (turns, clock, stop) = turns(ExecutorKind::RampingVus, plan);
        let active = Arc::new(AtomicU32::new(0));
        for index in 0..plan.max_users() {
            let (turns, active) = (Arc::clone(&turns), Arc::clone(&active));
            tokio::spawn(async move {
                let mut seat = Seat::new(User::new(index, Seed(1)));
                let changed = |now| _ = active.fetch_add(if now { 1 } else { u32::MAX }, Ordering::Relaxed);
                while turns.wait(&mut seat, changed).await == Turn::Go {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        let mut seen = Vec::new();
        while clock.now() < plan.duration() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            seen.push((clock.now(), active.load(Ordering::Relaxed)));
        }
        stop.raise(Level::Finish);
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn users_follow_the_plan_within_one_user() {
        let plan = plan(&[(4, 10), (3, 10), (0, 3), (2, 3), (5, 20), (4, 0)]);
        for (at, active) in active_users(&plan).await {
            // An iteration that is under way when its user is ramped down ends first: a tenth of a second.
            let before = plan.users_at(at.saturating_sub(Duration::from_millis(200)));
            let planned = plan.users_at(at);
            let (low, high) = (planned.min(before), planned.max(before));
            assert!(active + 1 >= low && active <= high + 1, "{active} users at {at:?}, planned {low} to {high}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_that_pauses_leaves_when_the_plan_does_not_need_it() {
        let plan = plan(&[(0, 1), (10, 1), (0, 0), (10, 0)]);
        let (turns, clock, _) = turns(ExecutorKind::RampingVus, &plan);
        let mut seat = Seat::new(User::new(0, Seed(1)));
        assert_eq!(turns.wait(&mut seat, |_| ()).await, Turn::Go);
        turns.pause(&mut seat, Duration::from_secs(3), |_| ()).await;
        assert_eq!((clock.now().as_secs(), seat.active()), (3, true));
        turns.pause(&mut seat, Duration::from_secs(60), |_| ()).await;
        assert_eq!((clock.now().as_secs(), seat.active()), (10, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_that_was_ramped_down_comes_back_with_the_next_ramp() {
        let seen = active_users(&plan(&[(0, 2), (2, 2), (0, 0), (2, 0), (0, 2), (2, 2)])).await;
        let at = |seconds: f64| seen.iter().find(|(at, _)| at.as_secs_f64() >= seconds).map(|(_, active)| *active);
        assert_eq!((at(1.0), at(3.0), at(5.0)), (Some(2), Some(0), Some(2)));
    }

    async fn iterations(kind: ExecutorKind, users: u32) -> (u64, bool) {
        let plan = LoadPlan::constant(users, Duration::from_secs(600));
        let (turns, _, stop) = turns(kind, &plan);
        let count = Cell::new(0);
        let user = |index| {
            let (turns, count) = (Arc::clone(&turns), &count);
            async move {
                let mut seat = Seat::new(User::new(index, Seed(1)));
                while turns.wait(&mut seat, |_| ()).await == Turn::Go {
                    count.set(count.get() + 1);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        futures_util::future::join_all((0..users).map(user)).await;
        (count.get(), stop.running())
    }

    #[tokio::test(start_paused = true)]
    async fn a_fixed_number_of_iterations_is_done_exactly_and_ends_the_load() {
        assert_eq!(iterations(ExecutorKind::SharedIterations { iterations: 101 }, 7).await, (101, false));
        assert_eq!(iterations(ExecutorKind::PerVuIterations { iterations: 13 }, 7).await, (91, false));
    }
}
