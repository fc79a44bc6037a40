//! `ramping-vus`: users follow stages.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::kind::{Drive, Executor, Iterations, Kind};
use crate::config::{Checker, KeyPath, Period};
use crate::plan::{LoadPlan, Stage};
use crate::units::format_duration;

/// k6's `gracefulRampDown` when none is given.
const GRACEFUL_RAMP_DOWN: Duration = Duration::from_secs(30);

/// Users over time.
#[derive(Debug)]
pub(super) struct RampingVus {
    plan: LoadPlan,
    graceful_ramp_down: Duration,
}

/// Its keys.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Keys {
    /// the stages, each a ramp from the target before it to its own.
    stages: Option<Vec<RawStage>>,
    /// users at the start; 0 when left out.
    #[serde(rename = "startVUs")]
    start_vus: Option<u32>,
    /// how long an iteration may go on after a ramp down has taken its user away, before it is cut off; 30s when left out.
    #[serde(rename = "gracefulRampDown")]
    graceful_ramp_down: Option<Period>,
}

/// A linear ramp from the target before it to its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawStage {
    /// How long it takes; "0s" is a jump.
    duration: Period,
    /// Users at its end.
    target: u32,
}

impl Kind for RampingVus {
    const NAME: &'static str = "ramping-vus";
    const ABOUT: &'static str = "Users follow `stages`.";
    const KEYS: &'static [&'static str] = &["stages", "startVUs", "gracefulRampDown"];
    type Keys = Keys;

    fn check(checker: &mut Checker<'_>, table: &KeyPath, keys: Keys) -> Option<impl Executor + 'static> {
        let place = table.key("stages");
        if checker.document.is_damaged(&place) {
            return None;
        }
        let Some(stages) = keys.stages.as_ref().filter(|stages| !stages.is_empty()) else {
            let help = "add `stages = [{ duration = \"30s\", target = 10 }, …]`";
            // An empty list is pointed at.
            let place = if keys.stages.is_some() { place } else { table.key("executor") };
            checker.error(&place, "executor `ramping-vus` needs stages", help);
            return None;
        };
        checker.check_user_count(keys.start_vus.unwrap_or(0), &table.key("startVUs"));
        for (index, stage) in stages.iter().enumerate() {
            checker.check_user_count(stage.target, &place.item(index).key("target"));
        }
        let stages = stages.iter().map(|stage| Stage { duration: stage.duration.0, target: stage.target }).collect();
        let plan = LoadPlan::new(keys.start_vus.unwrap_or(0), stages);
        if plan.duration().is_zero() {
            checker.error(&place, "the stages have a duration of zero in all", "give at least one stage a duration above \"0s\"");
            return None;
        }
        if plan.max_users() == 0 {
            checker.error(&place, "the stages never have a user", "give at least one stage a target above 0");
            return None;
        }
        Some(Self { plan, graceful_ramp_down: keys.graceful_ramp_down.map_or(GRACEFUL_RAMP_DOWN, |period| period.0) })
    }
}

impl Executor for RampingVus {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// `0 users → 10 in 2m → 10 in 5m, 7m in all`.
    fn describe(&self) -> String {
        let start = self.plan.start_users();
        let mut text = format!("{start} {}", if start == 1 { "user" } else { "users" });
        for stage in self.plan.stages() {
            let _ = match stage.duration {
                Duration::ZERO => write!(text, " → {} at once", stage.target),
                duration => write!(text, " → {} in {}", stage.target, format_duration(duration)),
            };
        }
        format!("{text}, {} in all", format_duration(self.duration()))
    }

    fn drive(&self) -> Drive<'_> {
        let graceful_ramp_down = self.graceful_ramp_down;
        Drive::Closed { plan: &self.plan, iterations: Iterations::Unlimited, graceful_ramp_down }
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Executor> {
        Arc::new(Self { plan: self.plan.scaled(factor), graceful_ramp_down: self.graceful_ramp_down })
    }
}
