//! The scenarios of a test plan: the `[scenarios]`, or the one whose keys stand at the top of the file.

use std::time::Duration;

use mock_server::latency::LatencyModel;

use crate::config::{Checker, KeyPath};
use crate::executor::{ExecutorKeys, Load, ScenarioLoad};
use crate::measure::{DEFAULT_SCENARIO, UserTags};
use crate::plan::Segment;
use crate::scenario::model::{Scenario, ThinkTime, WeightedJourney};
use crate::scenario::raw::{RawScenario, RawTestPlan, RawThinkTime, RawThinkTimeModel};

/// k6's `gracefulStop` when none is given.
const GRACEFUL_STOP: Duration = Duration::from_secs(30);

/// A scenario, as far as it is right.
pub(super) struct Judged {
    /// The table that it is written in.
    pub(super) table: KeyPath,
    pub(super) journeys: Option<Vec<WeightedJourney>>,
    pub(super) name: String,
    load: Option<ScenarioLoad>,
    think_time: ThinkTime,
}

impl Judged {
    pub(super) fn scenario(self) -> Option<Scenario> {
        Some(Scenario { name: self.name, load: self.load?, journeys: self.journeys?, think_time: self.think_time })
    }
}

/// The load of all scenarios; `None` when one is wrong.
pub(super) fn load(scenarios: &[Judged]) -> Option<Load> {
    let scenarios = scenarios.iter().map(|scenario| scenario.load.clone()).collect::<Option<_>>()?;
    Some(Load { scenarios, segment: Segment::WHOLE })
}

/// The journeys of all scenarios; `None` when one is wrong.
pub(super) fn journeys(scenarios: &[Judged]) -> Option<Vec<WeightedJourney>> {
    let journeys = scenarios.iter().map(|scenario| scenario.journeys.clone()).collect::<Option<Vec<_>>>()?;
    Some(journeys.into_iter().flatten().collect())
}

/// Whether a test plan and its directory of results, or a scenario in it, can be called this.
pub(in crate::scenario) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl Checker<'_> {
    pub(super) fn scenarios(&mut self, raw: &RawTestPlan) -> Vec<Judged> {
        let top = KeyPath::default();
        let Some(scenarios) = &raw.scenarios else {
            return vec![self.scenario(DEFAULT_SCENARIO, &raw.only, top)];
        };
        let of_a_scenario = ["executor", "startTime", "gracefulStop", "think_time", "journeys", "tags"];
        let document = self.document;
        for key in of_a_scenario.into_iter().chain(ExecutorKeys::all()).filter(|key| document.has(&top.key(key))) {
            let span = document.key_span(&top.key(key));
            let help = "move it into a scenario, as in `[scenarios.baseline]`, or leave out `[scenarios]`";
            self.error_at(span, format!("`{key}` cannot stand beside `[scenarios]`"), help);
        }
        let place = top.key("scenarios");
        if scenarios.is_empty() && !self.document.is_damaged(&place) {
            self.error(&place, "there is no scenario", "add one, as in `[scenarios.baseline]`");
        }
        let mut judged = Vec::new();
        for (name, raw) in scenarios {
            let table = place.key(name);
            if !is_name(name) {
                let message = format!("`{}` cannot be a scenario's name", name.escape_debug());
                let span = self.document.key_span(&table);
                self.error_at(span, message, "use 1 to 64 letters, digits, `-` and `_`, as in `[scenarios.baseline]`");
            }
            judged.push(self.scenario(name, raw, table));
        }
        self.bound_tag_sets(judged.iter().filter_map(|scenario| scenario.journeys.as_ref()).flatten(), &place);
        judged
    }

    fn scenario(&mut self, name: &str, raw: &RawScenario, table: KeyPath) -> Judged {
        let executor = raw.executor.as_ref().and_then(|executor| executor.check(self, &table, &raw.keys));
        let load = executor.map(|executor| ScenarioLoad {
            executor,
            start_time: raw.start_time.map_or(Duration::ZERO, |period| period.0),
            graceful_stop: raw.graceful_stop.map_or(GRACEFUL_STOP, |period| period.0),
        });
        let think_time = self.think_time(raw.think_time.as_ref(), &table);
        let tags = self.tags(raw.tags.as_ref(), &table.key("tags"), &UserTags::default());
        let journeys = self.journeys(raw.journeys.as_deref(), &table.key("journeys"), &tags);
        Judged { name: name.to_owned(), load, think_time, journeys, table }
    }

    fn think_time(&mut self, raw: Option<&RawThinkTime>, table: &KeyPath) -> ThinkTime {
        let place = table.key("think_time");
        match raw {
            None => ThinkTime::None,
            Some(RawThinkTime::Fixed(period)) if period.0.is_zero() => ThinkTime::None,
            Some(RawThinkTime::Fixed(period)) => ThinkTime::Fixed(period.0),
            Some(RawThinkTime::Model(RawThinkTimeModel::Uniform(bounds))) => {
                let [min, max] = bounds.map(|bound| bound.0);
                self.check_bounds(LatencyModel::Uniform { min, max }, &place);
                ThinkTime::Uniform { min, max }
            }
            Some(RawThinkTime::Model(RawThinkTimeModel::Exponential(mean))) => ThinkTime::Exponential { mean: mean.0 },
            Some(RawThinkTime::Model(RawThinkTimeModel::Lognormal(percentiles))) => {
                let (p50, p99) = (percentiles.p50.0, percentiles.p99.0);
                self.check_bounds(LatencyModel::Lognormal { p50, p99 }, &place);
                ThinkTime::Lognormal { p50, p99 }
            }
        }
    }
}
