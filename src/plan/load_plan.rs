//! The stages of a load and what they mean at a time.
//!
//! The arithmetic is k6's (`lib/executor/ramping_vus.go`, `getRawExecutionSteps`), to the nanosecond: a ramp is a straight
//! line, and the number of users changes only when the line reaches a whole number. So a ramp up is rounded down (a user
//! joins when the line has reached it) and a ramp down is rounded up (a user leaves when the line has left it). A stage
//! of no length is a jump. The plan's end is not part of it: from there on no user is planned.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ramp::Ramp;

/// One stage: a linear ramp from the target before it to its own. A zero-length stage is a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// How long it takes.
    pub duration: Duration,
    /// Users at its end.
    pub target: u32,
}

/// Users over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadPlan {
    start: u32,
    stages: Vec<Stage>,
}

impl LoadPlan {
    /// A plan that starts with `start` users and goes through `stages`.
    pub fn new(start: u32, stages: Vec<Stage>) -> Self {
        Self { start, stages }
    }

    /// A plan of `users` all the time.
    pub fn constant(users: u32, duration: Duration) -> Self {
        Self::new(users, vec![Stage { duration, target: users }])
    }

    /// The stages.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Users at the start.
    pub fn start_users(&self) -> u32 {
        self.start
    }

    /// The length of all stages together.
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|stage| stage.duration).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// The most users that the plan ever goes towards, an upper bound at every time.
    pub fn max_users(&self) -> u32 {
        self.ramps().map(|ramp| ramp.from.max(ramp.to)).max().unwrap_or(0)
    }

    /// The time of all users together, in seconds.
    pub fn user_seconds(&self) -> f64 {
        let each = |ramp: Ramp| (f64::from(ramp.from) + f64::from(ramp.to)) / 2.0 * (ramp.end - ramp.start).as_secs_f64();
        self.ramps().map(each).sum()
    }

    /// Users planned at `at`, from the start of the load; 0 from the plan's end on.
    pub fn users_at(&self, at: Duration) -> u32 {
        self.ramps().find(|ramp| ramp.contains(at)).map_or(0, |ramp| ramp.users_at(at))
    }

    /// The first time, not before `from`, at which user number `user` (from 0) is planned to be active: it is whenever
    /// [`LoadPlan::users_at`] is greater than its number. `None` if it never is again.
    pub fn next_active(&self, user: u32, from: Duration) -> Option<Duration> {
        self.ramps().filter(|ramp| ramp.end > from).find_map(|ramp| ramp.next_active(user, from))
    }

    /// The first time, not before `from`, at which user number `user` (from 0) is planned not to be active: the plan's
    /// end at the latest.
    pub fn next_inactive(&self, user: u32, from: Duration) -> Duration {
        let within = self.ramps().filter(|ramp| ramp.end > from).find_map(|ramp| ramp.next_inactive(user, from));
        within.unwrap_or_else(|| self.duration().max(from))
    }

    /// When an iteration that user number `user` (from 0) begins at `at` is cut off: `ramp_down` after the plan stops needing
    /// the user, unless it needs it again by then, and `stop` after the plan's end at the latest.
    pub fn cut_off(&self, user: u32, at: Duration, ramp_down: Duration, stop: Duration) -> Duration {
        let end = self.duration();
        let last = end.saturating_add(stop);
        let mut leaves = self.next_inactive(user, at);
        while leaves < end {
            let cut_off = leaves.saturating_add(ramp_down);
            match self.next_active(user, leaves) {
                Some(again) if again <= cut_off => leaves = self.next_inactive(user, again),
                _ => return cut_off.min(last),
            }
        }
        last
    }

    /// The same plan, beginning after `wait`.
    pub fn delayed(&self, wait: Duration) -> Self {
        if wait.is_zero() {
            return self.clone();
        }
        let before = [(wait, 0), (Duration::ZERO, self.start)].map(|(duration, target)| Stage { duration, target });
        Self { start: 0, stages: before.into_iter().chain(self.stages.iter().copied()).collect() }
    }

    /// The same plan in `factor` times the time: 0.1 for a tenth. The users stay the same.
    pub fn scaled(&self, factor: f64) -> Self {
        let scaled = |stage: &Stage| Stage { duration: stage.duration.mul_f64(factor), target: stage.target };
        Self { start: self.start, stages: self.stages.iter().map(scaled).collect() }
    }

    /// The stages that take time, each with where it starts. Jumps show in what the next one starts from.
    fn ramps(&self) -> impl Iterator<Item = Ramp> + '_ {
        let mut start = Duration::ZERO;
        let mut from = self.start;
        let all = self.stages.iter().map(move |stage| {
            let end = start.saturating_add(stage.duration);
            let ramp = Ramp { start, end, from, to: stage.target };
            start = end;
            from = stage.target;
            ramp
        });
        all.filter(|ramp| ramp.end > ramp.start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(count: f64) -> Duration {
        Duration::from_secs_f64(count)
    }

    fn plan(start: u32, stages: &[(f64, u32)]) -> LoadPlan {
        LoadPlan::new(start, stages.iter().map(|&(length, target)| Stage { duration: seconds(length), target }).collect())
    }

    /// The stages of the load-scale document.
    fn clay_ramp() -> LoadPlan {
        plan(0, &[(120.0, 10), (300.0, 10), (120.0, 50), (300.0, 50), (120.0, 0)])
    }

    #[test]
    fn the_documents_ramp_is_followed() {
        let plan = clay_ramp();
        assert_eq!(plan.duration(), seconds(960.0));
        assert_eq!(plan.max_users(), 50);
        // (at, users); 420 + 3 s is the first of 40 steps that are 3 s long.
        let expected = [
            (0.0, 0),
            (11.999, 0),
            (12.0, 1),
            (119.999, 9),
            (120.0, 10),
            (422.999, 10),
            (423.0, 11),
            (540.0, 50),
            (840.0, 50),
            (842.399, 50),
            (842.4, 49),
            (959.999, 1),
            (960.0, 0),
        ];
        for (at, users) in expected {
            assert_eq!(plan.users_at(seconds(at)), users, "users at {at}");
        }
    }

    /// k6's own example of raw steps (`TestRampingVUsConfigExecutionPlanExample`).
    #[test]
    fn the_steps_are_those_of_k6() {
        let plan = plan(4, &[(2.0, 6), (5.0, 1), (4.0, 5), (4.0, 1), (3.0, 4), (2.0, 4), (0.0, 1), (3.0, 1)]);
        let steps = [
            (0, 4),
            (1, 5),
            (2, 6),
            (3, 5),
            (4, 4),
            (5, 3),
            (6, 2),
            (7, 1),
            (8, 2),
            (9, 3),
            (10, 4),
            (11, 5),
            (12, 4),
            (13, 3),
            (14, 2),
            (15, 1),
            (16, 2),
            (17, 3),
            (18, 4),
            (20, 1),
            (23, 0),
        ];
        for (index, &(at, users)) in steps.iter().enumerate() {
            assert_eq!(plan.users_at(Duration::from_secs(at)), users, "at {at} s");
            if index > 0 {
                let before = Duration::from_secs(at) - Duration::from_nanos(1);
                assert_eq!(plan.users_at(before), steps[index - 1].1, "just before {at} s");
            }
        }
    }

    #[test]
    fn a_stage_of_no_length_is_a_jump() {
        let plan = plan(0, &[(0.0, 20), (10.0, 20), (0.0, 5), (10.0, 5)]);
        assert_eq!([0.0, 9.999, 10.0, 19.999, 20.0].map(|at| plan.users_at(seconds(at))), [20, 20, 5, 5, 0]);
        assert_eq!(plan.next_active(19, Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(plan.next_inactive(19, Duration::ZERO), seconds(10.0));
        assert_eq!(plan.next_active(19, seconds(10.0)), None);
        assert_eq!(plan.next_inactive(0, Duration::ZERO), seconds(20.0));
    }

    #[test]
    fn a_plan_of_no_length_has_nobody() {
        for plan in [plan(3, &[]), plan(3, &[(0.0, 7)])] {
            assert_eq!(plan.users_at(Duration::ZERO), 0);
            assert_eq!(plan.max_users(), 0);
            assert_eq!(plan.next_active(0, Duration::ZERO), None);
            assert_eq!(plan.next_inactive(0, seconds(1.0)), seconds(1.0));
        }
    }

    #[test]
    fn a_scaled_plan_takes_another_time_with_the_same_users() {
        let tenth = clay_ramp().scaled(0.1);
        assert_eq!(tenth.duration(), seconds(96.0));
        assert_eq!(tenth.max_users(), 50);
        assert_eq!(tenth.users_at(seconds(1.2)), 1);
    }

    fn any_plan() -> impl Strategy<Value = LoadPlan> {
        let stage = (prop_oneof![Just(0_u64), 1_u64..20_000_000], 0_u32..200)
            .prop_map(|(us, target)| Stage { duration: Duration::from_micros(us), target });
        (0_u32..200, prop::collection::vec(stage, 0..8)).prop_map(|(start, stages)| LoadPlan::new(start, stages))
    }

    fn plan_and_time() -> impl Strategy<Value = (LoadPlan, Duration)> {
        (any_plan(), 0_u64..100_000_000).prop_map(|(plan, us)| {
            let length = plan.duration().as_micros() as u64;
            (plan, Duration::from_micros(us % (length + 2)))
        })
    }

    /// The straight line that the users follow; `None` from the end on.
    fn line_at(plan: &LoadPlan, at: Duration) -> Option<f64> {
        let mut start = Duration::ZERO;
        let mut from = f64::from(plan.start_users());
        for stage in plan.stages() {
            let to = f64::from(stage.target);
            if at < start + stage.duration {
                return Some(from + (to - from) * (at - start).as_secs_f64() / stage.duration.as_secs_f64());
            }
            start += stage.duration;
            from = to;
        }
        None
    }

    /// The stage that `at` is in; the last one from the end on.
    fn stage_at(plan: &LoadPlan, at: Duration) -> usize {
        let length = |end: &mut Duration, stage: &Stage| {
            *end += stage.duration;
            Some(*end)
        };
        let passed = plan.stages().iter().scan(Duration::ZERO, length).take_while(|end| *end <= at).count();
        passed.min(plan.stages().len().saturating_sub(1))
    }

    proptest! {
        #[test]
        fn users_stay_within_one_of_the_line_and_under_the_maximum((plan, at) in plan_and_time()) {
            let users = plan.users_at(at);
            prop_assert!(users <= plan.max_users());
            match line_at(&plan, at) {
                Some(line) => prop_assert!((f64::from(users) - line).abs() < 1.0 + 1e-6, "{users} users, line {line}"),
                None => prop_assert_eq!(users, 0),
            }
        }

        #[test]
        fn within_a_stage_users_change_in_one_direction((plan, at) in plan_and_time(), step in 0_u64..5_000_000) {
            let later = at + Duration::from_micros(step);
            let stage = stage_at(&plan, at);
            if later < plan.duration() && stage_at(&plan, later) == stage {
                let from = if stage == 0 { plan.start_users() } else { plan.stages()[stage - 1].target };
                let (before, after) = (plan.users_at(at), plan.users_at(later));
                if plan.stages()[stage].target >= from {
                    prop_assert!(before <= after);
                } else {
                    prop_assert!(before >= after);
                }
            }
        }

        #[test]
        fn a_user_is_active_from_exactly_when_it_is_said((plan, at) in plan_and_time(), user in 0_u32..200) {
            let active = |at| plan.users_at(at) > user;
            match plan.next_active(user, at) {
                Some(next) => {
                    prop_assert!(next >= at && active(next));
                    prop_assert!(next == at || !active(next - Duration::from_nanos(1)));
                    prop_assert_eq!(next == at, active(at));
                }
                None => prop_assert!(!active(at)),
            }
        }

        #[test]
        fn a_user_is_inactive_from_exactly_when_it_is_said((plan, at) in plan_and_time(), user in 0_u32..200) {
            let active = |at| plan.users_at(at) > user;
            let next = plan.next_inactive(user, at);
            prop_assert!(next >= at && !active(next));
            prop_assert!(next == at || active(next - Duration::from_nanos(1)));
            prop_assert_eq!(next == at, !active(at));
        }

        #[test]
        fn nothing_is_missed_between_now_and_the_next_change((plan, at) in plan_and_time(), user in 0_u32..200, share in 0.0..1.0) {
            let active = |at| plan.users_at(at) > user;
            let end = plan.duration().max(at);
            let next = if active(at) { plan.next_inactive(user, at) } else { plan.next_active(user, at).unwrap_or(end) };
            let between = at + (next - at).mul_f64(share);
            if between < next {
                prop_assert_eq!(active(between), active(at));
            }
        }
    }
}
