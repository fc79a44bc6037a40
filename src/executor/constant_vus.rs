//! `constant-vus`: the same number of users all the time.

use schemars::JsonSchema;
use serde::Deserialize;

use super::fixed_users::FixedUsers;
use super::kind::{Executor, Iterations, Kind};
use crate::config::{Checker, KeyPath, Period};
use crate::plan::LoadPlan;

/// Users for a time.
pub(super) struct ConstantVus;

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

    fn check(checker: &mut Checker<'_>, table: &KeyPath, keys: Keys) -> Option<impl Executor + 'static> {
        let vus = match keys.vus {
            Some(vus) => checker.vus(vus, table),
            None => checker.missing(table, "vus", "executor `constant-vus` needs `vus`", "add `vus = 10`"),
        };
        let duration = match keys.duration {
            Some(period) => checker.some_time(period.0, &table.key("duration")),
            None => checker.missing(table, "duration", "executor `constant-vus` needs a duration", "add `duration = \"30s\"`"),
        };
        let plan = LoadPlan::constant(vus?, duration?);
        Some(FixedUsers { name: Self::NAME, plan, iterations: Iterations::Unlimited })
    }
}
