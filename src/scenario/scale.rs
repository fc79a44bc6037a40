//! A scenario in another time: a sixteen-minute plan played in a tenth of it, with everything that has a place on the
//! timetable moved along.
//!
//! What belongs to the timetable is scaled: stages, faults, cool-downs, waits between retries. What belongs to the vendor
//! is not: latencies, timeouts, rates, and the pause of a user between iterations, for they decide how much load a user
//! makes. Neither is the graceful stop, which waits for the vendor, nor a vendor's Retry-After; but the longest wait between
//! retries is, so that in a short time more of what a vendor puts off goes to the queue.

use std::time::Duration;

use super::model::TestPlan;
use crate::threshold::Aggregation;

impl TestPlan {
    /// The same scenario in `factor` times the time: 0.1 for a tenth.
    pub fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        for scenario in &mut scaled.scenarios {
            scenario.load = scenario.load.scaled(factor);
        }
        for fault in &mut scaled.faults {
            fault.at = fault.at.mul_f64(factor);
            fault.lasts = fault.lasts.map(|lasts| lasts.mul_f64(factor));
            fault.ramp_up = fault.ramp_up.mul_f64(factor);
            // Each is rounded to nanoseconds by itself, and together the ramps must not become longer than the fault.
            let room = fault.lasts.map_or(Duration::MAX, |lasts| lasts.saturating_sub(fault.ramp_up));
            fault.ramp_down = fault.ramp_down.mul_f64(factor).min(room);
        }
        for threshold in &mut scaled.thresholds {
            threshold.delay_abort_eval = threshold.delay_abort_eval.mul_f64(factor);
        }
        scaled.expectations = self.expectations.scaled(factor);
        scaled.resilience = self.resilience.map(|_, settings| settings.scaled(factor));
        scaled
    }

    /// The thresholds whose limits belong to the whole time and are not scaled: numbers of things that happen, and what is left
    /// at the end. In another time they may mean something else; zero means zero in any.
    pub fn unscaled_limits(&self) -> impl Iterator<Item = &str> {
        let counts = self.thresholds.iter().filter(|threshold| {
            matches!(threshold.aggregation, Aggregation::Count | Aggregation::Value) && threshold.limit != 0.0
        });
        counts.map(|threshold| threshold.source.as_str())
    }
}
