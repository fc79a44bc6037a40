//! `per-vu-iterations`: a fixed number of iterations for each user.

use super::fixed_users::{FixedUsers, IterationKeys};
use super::kind::{Executor, Iterations, Kind};
use crate::config::{Checker, KeyPath};

/// Iterations of each user.
pub(super) struct PerVuIterations;

impl Kind for PerVuIterations {
    const NAME: &'static str = "per-vu-iterations";
    const ABOUT: &'static str = "`iterations` for each of `vus` users.";
    const KEYS: &'static [&'static str] = IterationKeys::NAMES;
    type Keys = IterationKeys;

    fn check(checker: &mut Checker<'_>, table: &KeyPath, keys: IterationKeys) -> Option<impl Executor + 'static> {
        let (plan, iterations) = keys.check(checker, table)?;
        Some(FixedUsers { name: Self::NAME, plan, iterations: Iterations::Each(iterations) })
    }
}
