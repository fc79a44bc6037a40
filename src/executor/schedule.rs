//! When a virtual user iterates: while its scenario's plan has more users than its number, and iterations are left.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::kind::{Drive, Iterations};
use super::load::{Load, ScenarioLoad};
use super::stop::{Level, Stop};
use super::user::User;
use crate::clock::LoadClock;
use crate::plan::LoadPlan;

/// A user with what it needs to follow the schedule.
#[derive(Debug)]
pub(super) struct ScheduledUser {
    pub(super) user: User,
    /// Its number among the users of its scenario.
    number: u32,
    /// While the clock is before this, the user is active.
    active_until: Duration,
    /// When an iteration that begins now is cut off. It lives as long as the user is active: a timer an iteration costs more.
    pub(super) cut_off: Pin<Box<Sleep>>,
    active: bool,
    /// It has nothing more to do.
    done: bool,
}

impl ScheduledUser {
    pub(super) fn new(user: User, number: u32) -> Self {
        let cut_off = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { user, number, active_until: Duration::ZERO, cut_off, active: false, done: false }
    }

    pub(super) fn active(&self) -> bool {
        self.active
    }

    /// `changed` hears when the user becomes active or idle.
    fn set_active(&mut self, active: bool, changed: &impl Fn(bool)) {
        if self.active != active {
            self.active = active;
            changed(active);
        }
    }
}

/// The schedule of one scenario.
#[derive(Debug)]
pub(super) struct Schedule {
    plan: LoadPlan,
    graceful_ramp_down: Duration,
    graceful_stop: Duration,
    clock: LoadClock,
    stop: Stop,
    iterations: Iterations,
    /// The iterations that it is to do, where their number is fixed.
    planned: Option<u64>,
    /// Those that have begun.
    begun: AtomicU64,
}

impl Schedule {
    pub(super) fn new(load: &Load, scenario: &ScenarioLoad, clock: LoadClock, stop: Stop) -> Self {
        let Drive::Closed { iterations, graceful_ramp_down, .. } = scenario.executor.drive();
        Self {
            plan: scenario.plan(),
            graceful_ramp_down,
            graceful_stop: scenario.graceful_stop,
            clock,
            stop,
            iterations,
            planned: load.iterations_of(scenario),
            begun: AtomicU64::new(0),
        }
    }

    /// Waits until the user is to iterate, and says when that was due; `None` once it has nothing more to do, with `left` users
    /// of the load that have, and at the load's end.
    pub(super) async fn wait(&self, user: &mut ScheduledUser, left: &AtomicU32, changed: impl Fn(bool)) -> Option<Duration> {
        loop {
            if !self.stop.running() {
                user.set_active(false, &changed);
                return None;
            }
            if user.done {
                user.set_active(false, &changed);
                self.stop.reached(Level::Finish).await;
                continue;
            }
            let mut due = self.clock.now();
            if due >= user.active_until {
                if !self.activate(user, due, &changed).await {
                    if self.stop.running() {
                        self.finish(user, left);
                    }
                    continue;
                }
                due = self.clock.now();
            }
            if self.take_iteration(&user.user) {
                user.user.iterations += 1;
                return Some(due);
            }
            self.finish(user, left);
        }
    }

    /// Waits for the plan to need this user, if it does not now. False when the scenario or the load ends first.
    async fn activate(&self, user: &mut ScheduledUser, now: Duration, changed: &impl Fn(bool)) -> bool {
        let next = self.plan.next_active(user.number, now);
        if next != Some(now) {
            user.set_active(false, changed);
            let until = next.unwrap_or_else(|| self.plan.duration());
            if !self.sleep_until(self.clock.instant(until)).await {
                return false;
            }
        }
        let Some(from) = next else { return false };
        user.active_until = self.plan.next_inactive(user.number, from);
        let cut_off = self.plan.cut_off(user.number, from, self.graceful_ramp_down, self.graceful_stop);
        user.cut_off.as_mut().reset(self.clock.instant(cut_off));
        user.set_active(true, changed);
        true
    }

    /// The user's pause after an iteration. It ends early when the plan no longer needs the user, who is idle from then on, and
    /// when the load ends.
    pub(super) async fn pause(&self, user: &mut ScheduledUser, pause: Duration, changed: impl Fn(bool)) {
        let end = self.clock.now().saturating_add(pause);
        self.sleep_until(self.clock.instant(end.min(user.active_until))).await;
        if end > user.active_until {
            user.set_active(false, &changed);
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

    fn take_iteration(&self, user: &User) -> bool {
        match self.iterations {
            Iterations::Unlimited => return true,
            Iterations::Each(each) if user.iterations >= each => return false,
            Iterations::Shared(_) | Iterations::Each(_) => {}
        }
        let planned = self.planned.unwrap_or(u64::MAX);
        let take = |begun| (begun < planned).then_some(begun + 1);
        self.begun.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_ok()
    }

    /// An iteration that was taken did not begin.
    pub(super) fn give_back(&self) {
        if self.planned.is_some() {
            self.begun.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Iterations of a fixed number that have not begun.
    pub(super) fn not_begun(&self) -> u64 {
        self.planned.map_or(0, |planned| planned.saturating_sub(self.begun.load(Ordering::Acquire)))
    }

    /// This user has nothing left to do; when none of the load has, it ends.
    fn finish(&self, user: &mut ScheduledUser, left: &AtomicU32) {
        user.done = true;
        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.stop.raise(Level::Finish);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::*;
    use crate::executor::kind::testing::Any;
    use crate::plan::Stage;
    use crate::seed::Seed;

    fn user(number: u32) -> ScheduledUser {
        ScheduledUser::new(User::new(number, 0, Seed(1)), number)
    }

    fn plan(stages: &[(u64, u32)]) -> LoadPlan {
        LoadPlan::new(0, stages.iter().map(|&(s, target)| Stage { duration: Duration::from_secs(s), target }).collect())
    }

    fn schedule(iterations: Iterations, plan: &LoadPlan) -> (Arc<Schedule>, LoadClock, Stop) {
        let (clock, stop) = (LoadClock::start(), Stop::default());
        let executor = Arc::new(Any(plan.clone(), iterations));
        let scenario = ScenarioLoad { executor, start_time: Duration::ZERO, graceful_stop: Duration::from_secs(3) };
        let schedule = Schedule::new(&Load::of(scenario.clone()), &scenario, clock, stop.clone());
        (Arc::new(schedule), clock, stop)
    }

    /// Runs every user of a plan with iterations of 100 ms, and gives the number of active users at each tenth of a second.
    async fn active_users(plan: &LoadPlan) -> Vec<(Duration, u32)> {
        let (schedule, clock, stop) = schedule(Iterations::Unlimited, plan);
        let left = Arc::new(AtomicU32::new(plan.max_users()));
        let active = Arc::new(AtomicU32::new(0));
        for index in 0..plan.max_users() {
            let (schedule, active, left) = (Arc::clone(&schedule), Arc::clone(&active), Arc::clone(&left));
            tokio::spawn(async move {
                let mut user = user(index);
                let changed = |now| _ = active.fetch_add(if now { 1 } else { u32::MAX }, Ordering::Relaxed);
                while schedule.wait(&mut user, &left, changed).await.is_some() {
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
        let (schedule, clock, _) = schedule(Iterations::Unlimited, &plan);
        let (mut user, left) = (user(0), AtomicU32::new(1));
        assert_eq!(schedule.wait(&mut user, &left, |_| ()).await, Some(Duration::ZERO));
        schedule.pause(&mut user, Duration::from_secs(3), |_| ()).await;
        assert_eq!((clock.now().as_secs(), user.active()), (3, true));
        schedule.pause(&mut user, Duration::from_secs(60), |_| ()).await;
        assert_eq!((clock.now().as_secs(), user.active()), (10, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_that_was_ramped_down_comes_back_with_the_next_ramp() {
        let seen = active_users(&plan(&[(0, 2), (2, 2), (0, 0), (2, 0), (0, 2), (2, 2)])).await;
        let at = |seconds: f64| seen.iter().find(|(at, _)| at.as_secs_f64() >= seconds).map(|(_, active)| *active);
        assert_eq!((at(1.0), at(3.0), at(5.0)), (Some(2), Some(0), Some(2)));
    }

    async fn iterations(iterations: Iterations, users: u32) -> (u64, bool) {
        let plan = LoadPlan::constant(users, Duration::from_secs(600));
        let (schedule, _, stop) = schedule(iterations, &plan);
        let left = AtomicU32::new(users);
        let count = Cell::new(0);
        let iterate = |index| {
            let (schedule, count, left) = (Arc::clone(&schedule), &count, &left);
            async move {
                let mut user = user(index);
                while schedule.wait(&mut user, left, |_| ()).await.is_some() {
                    count.set(count.get() + 1);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        futures_util::future::join_all((0..users).map(iterate)).await;
        (count.get(), stop.running())
    }

    #[tokio::test(start_paused = true)]
    async fn a_fixed_number_of_iterations_is_done_exactly_and_ends_the_load() {
        assert_eq!(iterations(Iterations::Shared(101), 7).await, (101, false));
        assert_eq!(iterations(Iterations::Each(13), 7).await, (91, false));
    }

    #[tokio::test(start_paused = true)]
    async fn an_iteration_is_cut_off_when_its_grace_is_over() {
        // Down to no users at 2 s, which comes back at 4 s, and at 14 s, which comes back too late.
        let plan = plan(&[(0, 1), (2, 1), (0, 0), (2, 0), (0, 1), (10, 1), (0, 0), (20, 0), (0, 1), (5, 1)]);
        let (schedule, clock, _) = schedule(Iterations::Unlimited, &plan);
        let (mut user, left) = (user(0), AtomicU32::new(1));
        for (begins, cut_off) in [(0, 17), (34, 42)] {
            assert_eq!(schedule.wait(&mut user, &left, |_| ()).await, Some(Duration::from_secs(begins)));
            user.cut_off.as_mut().await;
            assert_eq!(clock.now().as_secs(), cut_off);
        }
        assert_eq!((schedule.wait(&mut user, &left, |_| ()).await, left.into_inner()), (None, 0));
    }
}
