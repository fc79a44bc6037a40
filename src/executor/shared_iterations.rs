//! `shared-iterations`: a fixed number of iterations, shared by the users.

use std::sync::Arc;
use std::time::Duration;

use super::fixed_users::{IterationKeys, iterations_by};
use super::kind::{Drive, Executor, Iterations, Kind};
use crate::config::{Checker, KeyPath};
use crate::plan::LoadPlan;

/// Iterations in all.
#[derive(Debug)]
pub(super) struct SharedIterations {
    plan: LoadPlan,
    iterations: u64,
}

impl Kind for SharedIterations {
    const NAME: &'static str = "shared-iterations";
    const ABOUT: &'static str = "`iterations` in all, shared by `vus` users.";
    const KEYS: &'static [&'static str] = IterationKeys::NAMES;
    type Keys = IterationKeys;

    fn check(checker: &mut Checker<'_>, table: &KeyPath, keys: IterationKeys) -> Option<Self> {
        let (plan, iterations) = keys.check(checker, table)?;
        let vus = plan.max_users();
        if iterations < u64::from(vus) {
            let place = table.key(if keys.iterations.is_some() { "iterations" } else { "vus" });
            let message = format!("{vus} users cannot share {iterations} iterations: some would have none");
            checker.error(&place, message, format!("give at least {vus} iterations, or fewer `vus`"));
            return None;
        }
        Some(Self { plan, iterations })
    }
}

impl Executor for SharedIterations {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn describe(&self) -> String {
        iterations_by(self.iterations, "", &self.plan)
    }

    fn drive(&self) -> Drive<'_> {
        Drive::Closed { plan: &self.plan, iterations: Iterations::Shared(self.iterations), graceful_ramp_down: Duration::ZERO }
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Executor> {
        Arc::new(Self { plan: self.plan.scaled(factor), iterations: self.iterations })
    }
}
