//! A scenario in another time: a sixteen-minute plan played in a tenth of it, with everything that has a place on the
//! timetable moved along.
//!
//! What belongs to the timetable is scaled: stages, faults, cool-downs, waits between retries. What belongs to the vendor
//! is not: latencies, timeouts, rates, and the pause of a user between iterations, for they decide how much load a user
//! makes. Neither is the graceful stop, which waits for the vendor.

use std::time::Duration;

use crate::resilience::PipelineSettings;

use super::model::{Load, Resilience, Scenario};

impl Scenario {
    /// The same scenario in `factor` times the time: 0.1 for a tenth.
    pub fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        scaled.load = Load { plan: self.load.plan.scaled(factor), ..self.load.clone() };
        for fault in &mut scaled.faults {
            fault.at = fault.at.mul_f64(factor);
            fault.lasts = fault.lasts.mul_f64(factor);
        }
        for threshold in &mut scaled.thresholds {
            threshold.delay_abort_eval = threshold.delay_abort_eval.mul_f64(factor);
        }
        let Resilience { clay, customer_io } = &mut scaled.resilience;
        scale_pipeline(clay, factor);
        scale_pipeline(customer_io, factor);
        scaled
    }
}

fn scale_pipeline(settings: &mut PipelineSettings, factor: f64) {
    let scale = |duration: &mut Duration| *duration = duration.mul_f64(factor);
    if let Some(breaker) = &mut settings.breaker {
        scale(&mut breaker.cooldown);
        scale(&mut breaker.half_open_max);
        if let crate::resilience::Window::Time { span } = &mut breaker.window {
            scale(span);
        }
    }
    if let Some(credits) = &mut settings.credits {
        scale(&mut credits.cooldown);
    }
    if let Some(idempotency) = &mut settings.idempotency {
        scale(&mut idempotency.ttl);
    }
    scale(&mut settings.retry.base_delay);
    scale(&mut settings.retry.max_delay);
    scale(&mut settings.fallback.queue_base_delay);
    scale(&mut settings.fallback.drain_pacing);
    scale(&mut settings.health.window);
}
