//! What the executors with a fixed number of users have in common: their load, keys and checks.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::kind::{Drive, Executor, Iterations};
use crate::config::{Checker, KeyPath, Period};
use crate::plan::LoadPlan;
use crate::units::{format_count, format_duration};

/// k6's `maxDuration` when none is given.
const MAX_DURATION: Duration = Duration::from_secs(600);
/// Users beyond any single machine: a typo rather than a plan.
const MOST_USERS: u32 = 100_000;

/// The keys of executors that end with their iterations.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct IterationKeys {
    /// the number of users; 1 when left out.
    pub(super) vus: Option<u32>,
    /// the number of iterations; 1 when left out.
    pub(super) iterations: Option<u64>,
    /// the load ends after this time at the latest; 10m when left out.
    #[serde(rename = "maxDuration")]
    max_duration: Option<Period>,
}

impl IterationKeys {
    /// The names of the keys.
    pub(super) const NAMES: &'static [&'static str] = &["vus", "iterations", "maxDuration"];

    /// Users for at most the longest time, and the number of iterations.
    pub(super) fn check(&self, checker: &mut Checker<'_>, table: &KeyPath) -> Option<(LoadPlan, u64)> {
        let damaged = |checker: &Checker<'_>, key| checker.document.is_damaged(&table.key(key));
        if damaged(checker, "vus") {
            return None;
        }
        let vus = checker.vus(self.vus.unwrap_or(1), table)?;
        let longest = self.max_duration.map_or(MAX_DURATION, |period| period.0);
        let duration = checker.some_time(longest, &table.key("maxDuration"))?;
        if damaged(checker, "iterations") {
            return None;
        }
        let iterations = self.iterations.unwrap_or(1);
        if iterations == 0 {
            checker.error(&table.key("iterations"), "no iterations: nothing would happen", "give at least 1");
            return None;
        }
        Some((LoadPlan::constant(vus, duration), iterations))
    }
}

/// Users whose number does not change: until their time is over, or until they have done their iterations.
#[derive(Debug, Clone)]
pub(super) struct FixedUsers {
    /// The executor's name.
    pub(super) name: &'static str,
    pub(super) plan: LoadPlan,
    pub(super) iterations: Iterations,
}

impl Executor for FixedUsers {
    fn name(&self) -> &'static str {
        self.name
    }

    fn describe(&self) -> String {
        let (users, time) = (users(&self.plan), format_duration(self.duration()));
        match self.iterations {
            Iterations::Unlimited => format!("{users} for {time}"),
            Iterations::Shared(count) => format!("{} by {users}, within {time}", iterations(count)),
            Iterations::Each(count) => format!("{} by each of {users}, within {time}", iterations(count)),
        }
    }

    fn drive(&self) -> Drive<'_> {
        Drive::Closed { plan: &self.plan, iterations: self.iterations, graceful_ramp_down: Duration::ZERO }
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Executor> {
        Arc::new(Self { plan: self.plan.scaled(factor), ..self.clone() })
    }
}

fn iterations(count: u64) -> String {
    if count == 1 { "1 iteration".to_owned() } else { format!("{} iterations", format_count(count)) }
}

fn users(plan: &LoadPlan) -> String {
    match plan.max_users() {
        1 => "1 user".to_owned(),
        users => format!("{} users", format_count(u64::from(users))),
    }
}

impl Checker<'_> {
    /// The number of users under the key `vus`.
    pub(super) fn vus(&mut self, vus: u32, table: &KeyPath) -> Option<u32> {
        let place = table.key("vus");
        if vus == 0 {
            self.error(&place, "no users: nothing would happen", "give at least 1");
            return None;
        }
        self.check_user_count(vus, &place);
        Some(vus)
    }

    pub(super) fn check_user_count(&mut self, users: u32, place: &KeyPath) {
        if users > MOST_USERS {
            self.error(place, format!("{users} users are more than one machine can play"), format!("give at most {MOST_USERS}"));
        }
    }

    pub(super) fn some_time(&mut self, duration: Duration, place: &KeyPath) -> Option<Duration> {
        if duration.is_zero() {
            self.error(place, "a duration of zero: nothing would happen", "give one above \"0s\"");
            return None;
        }
        Some(duration)
    }

    /// A key is missing that the executor needs, unless it was left out as wrong.
    pub(super) fn missing<T>(&mut self, table: &KeyPath, key: &str, message: &str, help: &str) -> Option<T> {
        if !self.document.is_damaged(&table.key(key)) {
            self.error(&table.key("executor"), message, help);
        }
        None
    }
}
