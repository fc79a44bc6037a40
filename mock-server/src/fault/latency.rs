//! Latency: answers come later.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng;

use super::{Begun, Effect, Facts, FaultProblem, Moment, Ramp, Verdict};
use crate::duration::format_duration;
use crate::latency::LatencyModel;
use crate::seed::Seed;
use crate::simulated::{Request, Vendor};

pub(super) const FACTS: Facts =
    Facts { keys: &["add", "jitter"], needs: &[("add", "add = \"500ms\"")], ramps_in_size: true, ..Facts::NONE };

pub(super) fn describe(model: &LatencyModel, jitter: &Duration) -> String {
    let around = if jitter.is_zero() { String::new() } else { format!(" ± {jitter:?}") };
    format!("latency + {model}{around}")
}

pub(super) fn check(model: &LatencyModel, jitter: &Duration, problems: &mut Vec<FaultProblem>) {
    let jitter = *jitter;
    let wrong = model.wrong_bounds();
    problems.extend(wrong.map(|[key, problem, help]| FaultProblem::value(format!("add.{key}"), problem, help)));
    problems.extend(FaultProblem::too_long("add", model.longest()));
    problems.extend(FaultProblem::too_long("jitter", jitter));
    if let LatencyModel::Fixed { delay: shortest } | LatencyModel::Uniform { min: shortest, .. } = *model
        && jitter > shortest
    {
        let problem = format!("a delay of {} cannot vary by {}", format_duration(shortest), format_duration(jitter));
        problems.push(FaultProblem::value("jitter", problem, "no delay is below 0: give at most the shortest delay"));
    }
}

pub(super) fn effect(model: &LatencyModel, jitter: &Duration, begun: Begun<'_>) -> Box<dyn Effect> {
    let Begun { ramp, seed, vendor, name, .. } = begun;
    let name = format!("{} {name}", vendor.as_str());
    Box::new(AddedLatency { model: *model, jitter: *jitter, ramp, seed, name, drawn: AtomicU64::new(0) })
}

struct AddedLatency {
    model: LatencyModel,
    jitter: Duration,
    ramp: Ramp,
    seed: Seed,
    name: String,
    drawn: AtomicU64,
}

impl AddedLatency {
    fn draw(&self) -> Duration {
        let mut rng = self.seed.draw(&self.name, self.drawn.fetch_add(1, Ordering::Relaxed));
        let delay = self.model.sample(&mut rng);
        if self.jitter.is_zero() {
            return delay;
        }
        // Anything from one jitter below to one above.
        let above = self.jitter.saturating_mul(2).mul_f64(rng.random::<f64>());
        delay.saturating_add(above).saturating_sub(self.jitter)
    }
}

impl Effect for AddedLatency {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, moment: Moment) -> Verdict {
        let strength = self.ramp.strength(moment.now);
        let delay = if strength >= 1.0 { self.draw() } else { self.draw().mul_f64(strength) };
        if delay.is_zero() { Verdict::Pass } else { Verdict::Delay(delay) }
    }
}
