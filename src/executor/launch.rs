//! The plan as Goose's steps: every user is launched before the plan first needs it.
//!
//! Goose starts users along linear ramps, as k6 does, but never uses a stopped user again, and its holds end up to half a
//! second late. So Goose follows the rising edges of the plan only, a little ahead of it, and each user asks the plan itself when it
//! is its turn (`turns`). That keeps the load within one user of the plan however many stages it has.

use std::time::Duration;

use crate::plan::LoadPlan;

/// The most that Goose is late at the end of a hold.
const LATENESS: Duration = Duration::from_millis(500);

/// Steps of (users, milliseconds) for Goose's test plan: ramps to each new maximum of the plan, holds between them, a
/// last hold longer than the load (the load is ended from outside), and the step to 0 without which an attack never ends.
pub(super) fn steps(plan: &LoadPlan) -> Vec<(usize, usize)> {
    let mut steps = Vec::new();
    let mut launched = 0_u32;
    // Until when Goose is busy with the steps so far, on the plan's clock.
    let mut busy_until = Duration::ZERO;
    if plan.start_users() > 0 {
        launched = plan.start_users();
        steps.push((launched as usize, 0));
    }
    let mut from = plan.start_users();
    let mut stage_start = Duration::ZERO;
    for stage in plan.stages() {
        let stage_end = stage_start + stage.duration;
        if stage.target > launched {
            // Where this ramp passes what has been launched already.
            let passed = f64::from(launched - from) / f64::from(stage.target - from);
            let ramp_start = stage_start + stage.duration.mul_f64(passed);
            let hold = ramp_start.saturating_sub(busy_until).saturating_sub(LATENESS);
            if !hold.is_zero() {
                steps.push((launched as usize, hold.as_millis() as usize));
            }
            steps.push((stage.target as usize, (stage_end - ramp_start).as_millis() as usize));
            launched = stage.target;
            busy_until = stage_end;
        }
        from = stage.target;
        stage_start = stage_end;
    }
    let beyond = plan.duration() + Duration::from_secs(24 * 3_600);
    steps.push((launched as usize, beyond.as_millis() as usize));
    steps.push((0, 0));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Stage;

    fn plan(start: u32, stages: &[(u64, u32)]) -> LoadPlan {
        LoadPlan::new(start, stages.iter().map(|&(s, target)| Stage { duration: Duration::from_secs(s), target }).collect())
    }

    /// The steps without the closing two.
    fn rising(plan: &LoadPlan) -> Vec<(usize, usize)> {
        let steps = steps(plan);
        assert_eq!(steps.last(), Some(&(0, 0)));
        let hold = steps[steps.len() - 2];
        assert_eq!(hold.0, plan.max_users() as usize);
        assert!(hold.1 as u128 > plan.duration().as_millis());
        steps[..steps.len() - 2].to_vec()
    }

    #[test]
    fn the_load_scale_documents_stages_keep_their_ramps() {
        let plan = plan(0, &[(120, 10), (300, 10), (120, 50), (300, 50), (120, 0)]);
        assert_eq!(rising(&plan), [(10, 120_000), (10, 299_500), (50, 120_000)]);
    }

    #[test]
    fn users_are_launched_once_however_often_the_plan_falls() {
        let plan = plan(0, &[(10, 10), (10, 0), (10, 10), (10, 20)]);
        assert_eq!(rising(&plan), [(10, 10_000), (10, 19_500), (20, 10_000)]);
    }

    #[test]
    fn a_ramp_from_below_starts_where_it_passes_what_is_launched() {
        let plan = plan(0, &[(10, 10), (0, 0), (20, 20)]);
        // From 0 to 20 in 20 s: the 10 that are there are enough for 10 s.
        assert_eq!(rising(&plan), [(10, 10_000), (10, 9_500), (20, 10_000)]);
    }

    #[test]
    fn jumps_and_constant_users_start_at_once() {
        assert_eq!(rising(&plan(7, &[(30, 7)])), [(7, 0)]);
        assert_eq!(rising(&plan(0, &[(0, 5), (30, 5)])), [(5, 0)]);
    }
}
