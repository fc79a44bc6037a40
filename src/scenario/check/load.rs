//! How much load: each executor with its own keys and k6's defaults.

use std::time::Duration;

use crate::config::KeyPath;
use crate::plan::{LoadPlan, Stage};
use crate::scenario::model::{ExecutorKind, Load, ThinkTime};
use crate::scenario::raw::{RawExecutor, RawScenario, RawThinkTime, RawThinkTimeModel};

use crate::config::Checker;

/// k6's `gracefulStop` when none is given.
const GRACEFUL_STOP: Duration = Duration::from_secs(30);
/// k6's `maxDuration` when none is given.
const MAX_DURATION: Duration = Duration::from_secs(600);
/// Users beyond any single machine: a typo rather than a plan.
const MOST_USERS: u32 = 100_000;

impl RawExecutor {
    fn as_str(self) -> &'static str {
        match self {
            Self::RampingVus => "ramping-vus",
            Self::ConstantVus => "constant-vus",
            Self::SharedIterations => "shared-iterations",
            Self::PerVuIterations => "per-vu-iterations",
        }
    }

    /// The keys that it takes beside those that all take.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::RampingVus => &["stages", "startVUs"],
            Self::ConstantVus => &["vus", "duration"],
            Self::SharedIterations | Self::PerVuIterations => &["vus", "iterations", "maxDuration"],
        }
    }
}

impl Checker<'_> {
    pub(super) fn load(&mut self, raw: &RawScenario) -> Option<Load> {
        let executor = raw.executor?;
        let present = [
            ("stages", raw.stages.is_some()),
            ("startVUs", raw.start_vus.is_some()),
            ("vus", raw.vus.is_some()),
            ("duration", raw.duration.is_some()),
            ("iterations", raw.iterations.is_some()),
            ("maxDuration", raw.max_duration.is_some()),
        ];
        let owner = format!("executor `{}`", executor.as_str());
        self.refuse_keys(&KeyPath::default(), &owner, &present, executor.keys());
        let plan = match executor {
            RawExecutor::RampingVus => self.stages(raw),
            RawExecutor::ConstantVus => self.constant(raw),
            RawExecutor::SharedIterations | RawExecutor::PerVuIterations => self.iteration_bound(raw, executor),
        }?;
        let iterations = raw.iterations.unwrap_or(1);
        let kind = match executor {
            RawExecutor::RampingVus => ExecutorKind::RampingVus,
            RawExecutor::ConstantVus => ExecutorKind::ConstantVus,
            RawExecutor::SharedIterations => ExecutorKind::SharedIterations { iterations },
            RawExecutor::PerVuIterations => ExecutorKind::PerVuIterations { iterations },
        };
        let graceful_stop = raw.graceful_stop.map_or(GRACEFUL_STOP, |period| period.0);
        Some(Load { executor: kind, plan, graceful_stop })
    }

    fn stages(&mut self, raw: &RawScenario) -> Option<LoadPlan> {
        let place = KeyPath::of("stages");
        if self.document.is_damaged(&place) {
            return None;
        }
        let Some(stages) = raw.stages.as_ref().filter(|stages| !stages.is_empty()) else {
            let help = "add `stages = [{ duration = \"30s\", target = 10 }, …]`";
            self.error_at(self.required_span("stages"), "executor `ramping-vus` needs stages", help);
            return None;
        };
        self.check_user_count(raw.start_vus.unwrap_or(0), &KeyPath::of("startVUs"));
        for (index, stage) in stages.iter().enumerate() {
            self.check_user_count(stage.target, &place.item(index).key("target"));
        }
        let stages = stages.iter().map(|stage| Stage { duration: stage.duration.0, target: stage.target }).collect();
        let plan = LoadPlan::new(raw.start_vus.unwrap_or(0), stages);
        if plan.duration().is_zero() {
            self.error(&place, "the stages together take no time", "give at least one stage a duration above \"0s\"");
            return None;
        }
        if plan.max_users() == 0 {
            self.error(&place, "the stages never have a user", "give at least one stage a target above 0");
            return None;
        }
        Some(plan)
    }

    fn constant(&mut self, raw: &RawScenario) -> Option<LoadPlan> {
        let vus = self.vus(raw, Some("constant-vus"));
        let duration = match raw.duration {
            Some(period) => self.some_time(period.0, "duration"),
            None => {
                if !self.document.is_damaged(&KeyPath::of("duration")) {
                    self.error_at(
                        self.required_span("duration"),
                        "executor `constant-vus` needs a duration",
                        "add `duration = \"30s\"`",
                    );
                }
                None
            }
        };
        Some(LoadPlan::constant(vus?, duration?))
    }

    fn iteration_bound(&mut self, raw: &RawScenario, executor: RawExecutor) -> Option<LoadPlan> {
        let vus = self.vus(raw, None)?;
        let duration = self.some_time(raw.max_duration.map_or(MAX_DURATION, |period| period.0), "maxDuration")?;
        if self.document.is_damaged(&KeyPath::of("iterations")) {
            return None;
        }
        let iterations = raw.iterations.unwrap_or(1);
        let place = KeyPath::of("iterations");
        if iterations == 0 {
            self.error(&place, "no iterations: nothing would happen", "give at least 1");
            return None;
        }
        if executor == RawExecutor::SharedIterations && iterations < u64::from(vus) {
            let place = if raw.iterations.is_some() { place } else { KeyPath::of("vus") };
            let message = format!("{vus} users cannot share {iterations} iterations: some would have none");
            self.error(&place, message, format!("give at least {vus} iterations, or fewer `vus`"));
            return None;
        }
        Some(LoadPlan::constant(vus, duration))
    }

    /// The number of users; 1 when none is given, unless `needed_by` says that it must be.
    fn vus(&mut self, raw: &RawScenario, needed_by: Option<&str>) -> Option<u32> {
        let place = KeyPath::of("vus");
        let vus = match (raw.vus, needed_by) {
            _ if self.document.is_damaged(&place) => return None,
            (Some(vus), _) => vus,
            (None, None) => 1,
            (None, Some(executor)) => {
                self.error_at(self.required_span("vus"), format!("executor `{executor}` needs `vus`"), "add `vus = 10`");
                return None;
            }
        };
        if vus == 0 {
            self.error(&place, "no users: nothing would happen", "give at least 1");
            return None;
        }
        self.check_user_count(vus, &place);
        Some(vus)
    }

    fn check_user_count(&mut self, users: u32, place: &KeyPath) {
        if users > MOST_USERS {
            self.error(place, format!("{users} users are more than one machine can play"), format!("give at most {MOST_USERS}"));
        }
    }

    fn some_time(&mut self, duration: Duration, key: &str) -> Option<Duration> {
        if duration.is_zero() {
            self.error(&KeyPath::of(key), "no time: nothing would happen", "give one above \"0s\"");
            return None;
        }
        Some(duration)
    }

    /// Where to point when an executor's key is missing: the key's value if it is there and empty, else the executor.
    fn required_span(&self, key: &str) -> std::ops::Range<usize> {
        match self.document.value_span(&KeyPath::of(key)) {
            span if span.is_empty() => self.document.value_span(&KeyPath::of("executor")),
            span => span,
        }
    }

    pub(super) fn think_time(&mut self, raw: &RawScenario) -> ThinkTime {
        let place = KeyPath::of("think_time");
        match &raw.think_time {
            None => ThinkTime::None,
            Some(RawThinkTime::Fixed(period)) if period.0.is_zero() => ThinkTime::None,
            Some(RawThinkTime::Fixed(period)) => ThinkTime::Fixed(period.0),
            Some(RawThinkTime::Model(RawThinkTimeModel::Uniform(bounds))) => {
                self.check_bounds(*bounds, &place.key("uniform"));
                ThinkTime::Uniform { min: bounds[0].0, max: bounds[1].0 }
            }
            Some(RawThinkTime::Model(RawThinkTimeModel::Exponential(mean))) => ThinkTime::Exponential { mean: mean.0 },
            Some(RawThinkTime::Model(RawThinkTimeModel::Lognormal(percentiles))) => {
                self.check_percentiles(*percentiles, &place.key("lognormal"));
                ThinkTime::Lognormal { p50: percentiles.p50.0, p99: percentiles.p99.0 }
            }
        }
    }
}
