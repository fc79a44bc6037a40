//! `constant-vus`: the same number of users all the time.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::fixed_users::users;
use super::kind::{Drive, Executor, Iterations, Kind};
use crate::config::{Checker, KeyPath, Period};
use crate::plan::LoadPlan;
use crate::units::format_duration;

/// Users for a time.
#[derive(Debug)]
pub(super) struct ConstantVus {
    plan: LoadPlan,
}

/// Its keys.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Keys {
    /// the number of users.
    vus: Option<u32>,
    /// how long.
    duration: Option<Period>,
}

impl Kind for ConstantVus {
    const NAME: &'static str = "constant-vus";
    const ABOUT: &'static str = "`vus` users for `duration`.";
    const KEYS: &'static [&'static str] = &["vus", "duration"];
    type Keys = Keys;

    fn check(checker: &mut Checker<'_>, table: &KeyPath, keys: Keys) -> Option<Self> {
        let vus = match keys.vus {
            Some(vus) => checker.vus(vus, table),
            None => checker.missing(table, "vus", "executor `constant-vus` needs `vus`", "add `vus = 10`"),
        };
        let duration = match keys.duration {
            Some(period) => checker.some_time(period.0, &table.key("duration")),
            None => checker.missing(table, "duration", "executor `constant-vus` needs a duration", "add `duration = \"30s\"`"),
        };
        Some(Self { plan: LoadPlan::constant(vus?, duration?) })
    }
}

impl Executor for ConstantVus {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn describe(&self) -> String {
        format!("{} for {}", users(&self.plan), format_duration(self.duration()))
    }

    fn drive(&self) -> Drive<'_> {
        Drive::Closed { plan: &self.plan, iterations: Iterations::Unlimited, graceful_ramp_down: Duration::ZERO }
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Executor> {
        Arc::new(Self { plan: self.plan.scaled(factor) })
    }
}
