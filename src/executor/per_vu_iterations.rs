//! `per-vu-iterations`: a fixed number of iterations for each user.

use std::sync::Arc;
use std::time::Duration;

use super::fixed_users::{IterationKeys, iterations_by};
use super::kind::{Drive, Executor, Iterations, Kind};
use crate::config::{Checker, KeyPath};
use crate::plan::LoadPlan;

/// Iterations of each user.
#[derive(Debug)]
pub(super) struct PerVuIterations {
    plan: LoadPlan,
    iterations: u64,
}

impl Kind for PerVuIterations {
    const NAME: &'static str = "per-vu-iterations";
    const ABOUT: &'static str = "`iterations` for each of `vus` users.";
    const KEYS: &'static [&'static str] = IterationKeys::NAMES;
    type Keys = IterationKeys;

    fn check(checker: &mut Checker<'_>, table: &KeyPath, keys: IterationKeys) -> Option<Self> {
        let (plan, iterations) = keys.check(checker, table)?;
        Some(Self { plan, iterations })
    }
}

impl Executor for PerVuIterations {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn describe(&self) -> String {
        iterations_by(self.iterations, "each of ", &self.plan)
    }

    fn drive(&self) -> Drive<'_> {
        Drive::Closed { plan: &self.plan, iterations: Iterations::Each(self.iterations), graceful_ramp_down: Duration::ZERO }
    }

    fn scaled(&self, factor: f64) -> Arc<dyn Executor> {
        Arc::new(Self { plan: self.plan.scaled(factor), iterations: self.iterations })
    }
}
