//! Iterations that were planned and did not start.

use crate::measure::{SampleKind, Totals};
use crate::scenario::{ExecutorKind, TestPlan};

/// The iterations of an executor that does a fixed number of them.
pub(super) fn planned_iterations(test_plan: &TestPlan) -> Option<u64> {
    match test_plan.load.executor {
        ExecutorKind::RampingVus | ExecutorKind::ConstantVus => None,
        ExecutorKind::SharedIterations { iterations } => Some(iterations),
        ExecutorKind::PerVuIterations { iterations } => {
            Some(iterations.saturating_mul(u64::from(test_plan.load.plan.max_users())))
        }
    }
}

/// Of a fixed number of iterations, those that the end of the load did not let start: k6's `dropped_iterations`.
pub(super) fn not_started(test_plan: &TestPlan, totals: &Totals) -> u64 {
    let started = totals.count(SampleKind::Iteration, |_| true) + totals.interrupted_iterations + totals.panics;
    planned_iterations(test_plan).map_or(0, |planned| planned.saturating_sub(started))
}
