//! The load of a run: what each of its scenarios plays, and when.

use std::sync::Arc;
use std::time::Duration;

use super::kind::{Drive, Executor};
use crate::plan::{LoadPlan, Planned, Segment, Stage};

/// What one scenario plays.
#[derive(Debug, Clone)]
pub struct ScenarioLoad {
    /// How much.
    pub executor: Arc<dyn Executor>,
    /// When it begins, from the start of the load.
    pub start_time: Duration,
    /// How long iterations under way may go on after the scenario's end before they are cut off.
    pub graceful_stop: Duration,
}

impl ScenarioLoad {
    /// Its end, from the start of the load.
    pub fn end(&self) -> Duration {
        self.start_time.saturating_add(self.executor.duration())
    }

    /// Its iterations, where they are fixed in number.
    pub fn planned_iterations(&self, segment: Segment) -> Option<u64> {
        let Drive::Closed { plan, iterations, .. } = self.executor.drive();
        iterations.planned(plan.max_users(), segment)
    }

    /// The time of all its users together, in seconds.
    pub fn user_seconds(&self) -> f64 {
        let Drive::Closed { plan, .. } = self.executor.drive();
        plan.user_seconds()
    }

    /// Its plan on the load's clock.
    pub(super) fn plan(&self) -> LoadPlan {
        let Drive::Closed { plan, .. } = self.executor.drive();
        plan.delayed(self.start_time)
    }

    /// The same in `factor` times the time.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self { executor: self.executor.scaled(factor), start_time: self.start_time.mul_f64(factor), ..self.clone() }
    }
}

/// A part of the load between two changes of its slope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// Its end, from the start of the load.
    pub end: Duration,
    /// Users that the plan goes towards at its end.
    pub target: u32,
}

/// The load of a run, or this process's segment of it.
#[derive(Debug, Clone)]
pub struct Load {
    /// Its scenarios.
    pub scenarios: Vec<ScenarioLoad>,
    /// The share of it that this process plays.
    pub segment: Segment,
}

impl Load {
    /// A load of one scenario.
    pub fn of(scenario: ScenarioLoad) -> Self {
        Self { scenarios: vec![scenario], segment: Segment::WHOLE }
    }

    /// What is planned at `at`.
    pub fn planned_at(&self, at: Duration) -> Planned {
        let running = self.scenarios.iter().filter_map(|scenario| Some((scenario, at.checked_sub(scenario.start_time)?)));
        running.fold(Planned::default(), |mut planned, (scenario, at)| {
            let before = planned.users;
            planned += self.segment.target(scenario.executor.target_at(at));
            if self.iterations_of(scenario).is_some() {
                planned.iteration_bound += planned.users - before;
            }
            planned
        })
    }

    /// When the last scenario ends.
    pub fn duration(&self) -> Duration {
        self.scenarios.iter().map(ScenarioLoad::end).max().unwrap_or_default()
    }

    /// Users of all scenarios together, whether or not at the same time.
    pub fn users(&self) -> u32 {
        let users = self.scenarios.iter().map(|scenario| self.segment.share(u64::from(scenario.plan().max_users())));
        users.sum::<u64>().try_into().unwrap_or(u32::MAX)
    }

    /// The longest graceful stop.
    pub fn graceful_stop(&self) -> Duration {
        self.scenarios.iter().map(|scenario| scenario.graceful_stop).max().unwrap_or_default()
    }

    /// The iterations of scenarios that do a fixed number of them; `None` where none does.
    pub fn planned_iterations(&self) -> Option<u64> {
        self.scenarios.iter().filter_map(|scenario| self.iterations_of(scenario)).reduce(u64::saturating_add)
    }

    /// This segment's iterations of a scenario that does a fixed number of them.
    pub(super) fn iterations_of(&self, scenario: &ScenarioLoad) -> Option<u64> {
        scenario.planned_iterations(self.segment)
    }

    /// Users at the start of the whole load.
    pub fn start_users(&self) -> u32 {
        match self.scenarios.as_slice() {
            [only] => only.plan().start_users(),
            _ => self.whole(Duration::ZERO),
        }
    }

    /// The stages of the one scenario; where there are several, the parts between all ends of stages.
    pub fn phases(&self) -> Vec<Phase> {
        let ends = |scenario: &ScenarioLoad| {
            let stage = |end: &mut Duration, stage: &Stage| {
                *end += stage.duration;
                Some(Phase { end: *end, target: stage.target })
            };
            scenario.plan().stages().iter().scan(Duration::ZERO, stage).collect::<Vec<_>>()
        };
        if let [only] = self.scenarios.as_slice() {
            return ends(only);
        }
        let mut times: Vec<Duration> = self.scenarios.iter().flat_map(ends).map(|phase| phase.end).collect();
        times.retain(|end| !end.is_zero());
        times.sort_unstable();
        times.dedup();
        let target = |end: Duration| self.whole(end.saturating_sub(Duration::from_nanos(1)));
        times.into_iter().map(|end| Phase { end, target: target(end) }).collect()
    }

    fn whole(&self, at: Duration) -> u32 {
        Self { segment: Segment::WHOLE, ..self.clone() }.planned_at(at).users
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::executor::kind::Iterations;
    use crate::executor::kind::testing::Any;

    fn scenario() -> impl Strategy<Value = ScenarioLoad> {
        let stage = (prop_oneof![Just(0_u64), 1_u64..20_000], 0_u32..50)
            .prop_map(|(ms, target)| Stage { duration: Duration::from_millis(ms), target });
        let iterations = prop_oneof![
            Just(Iterations::Unlimited),
            (50_u64..500).prop_map(Iterations::Shared),
            (0_u64..20).prop_map(Iterations::Each)
        ];
        (0_u64..30_000, 0_u32..50, prop::collection::vec(stage, 1..5), iterations).prop_map(
            |(start, users, stages, iterations)| {
                let plan = LoadPlan::new(users, stages);
                ScenarioLoad {
                    executor: Arc::new(Any(plan, iterations)),
                    start_time: Duration::from_millis(start),
                    graceful_stop: Duration::ZERO,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn segments_add_up_to_the_load(scenarios in prop::collection::vec(scenario(), 1..4), of in 1_u32..8, at in 0_u64..100_000) {
            let load = |segment| Load { scenarios: scenarios.clone(), segment };
            let segments: Vec<Load> = (0..of).map(|index| load(Segment::new(index, of).unwrap())).collect();
            let (whole, at) = (load(Segment::WHOLE), Duration::from_millis(at));
            prop_assert_eq!(segments.iter().map(|load| load.planned_at(at).users).sum::<u32>(), whole.planned_at(at).users);
            prop_assert_eq!(segments.iter().map(Load::users).sum::<u32>(), whole.users());
            let iterations = segments.iter().filter_map(Load::planned_iterations).sum::<u64>();
            let with_users = |scenario: &&ScenarioLoad| scenario.plan().max_users() > 0;
            let planned = whole.scenarios.iter().filter(with_users).filter_map(|scenario| whole.iterations_of(scenario));
            prop_assert_eq!(iterations, planned.sum::<u64>());
        }

        #[test]
        fn the_phases_of_several_scenarios_cover_the_load(scenarios in prop::collection::vec(scenario(), 2..4)) {
            let load = Load { scenarios, segment: Segment::WHOLE };
            let phases = load.phases();
            prop_assert!(phases.is_sorted_by(|a, b| a.end < b.end));
            prop_assert_eq!(phases.last().map_or(Duration::ZERO, |phase| phase.end), load.duration());
        }
    }
}
