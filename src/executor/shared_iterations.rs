//! `shared-iterations`: a fixed number of iterations, shared by the users.

use super::fixed_users::{FixedUsers, IterationKeys};
use super::kind::{Executor, Iterations, Kind};
use crate::config::{Checker, KeyPath};

/// Iterations in all.
pub(super) struct SharedIterations;

impl Kind for SharedIterations {
    const NAME: &'static str = "shared-iterations";
    const ABOUT: &'static str = "`iterations` in all, shared by `vus` users.";
    const KEYS: &'static [&'static str] = IterationKeys::NAMES;
    type Keys = IterationKeys;

    fn check(checker: &mut Checker<'_>, table: &KeyPath, keys: IterationKeys) -> Option<impl Executor + 'static> {
        let (plan, iterations) = keys.check(checker, table)?;
        let vus = plan.max_users();
        if iterations < u64::from(vus) {
            let place = table.key(if keys.iterations.is_some() { "iterations" } else { "vus" });
            let message = format!("{vus} users cannot share {iterations} iterations: some would have none");
            checker.error(&place, message, format!("give at least {vus} iterations, or fewer `vus`"));
            return None;
        }
        Some(FixedUsers { name: Self::NAME, plan, iterations: Iterations::Shared(iterations) })
    }
}
