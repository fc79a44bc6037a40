//! Latency: answers come later.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng;

use super::SimulatedVendor;
use super::effect::{Effect, Moment, Verdict};
use super::problem::FaultProblem;
use super::ramp::Ramp;
use crate::duration::format_duration;
use crate::latency::{LONGEST_DELAY, LatencyModel};
use crate::seed::Seed;
use crate::simulated::{Request, Vendor};

pub(super) fn describe(model: &LatencyModel, jitter: Duration) -> String {
    let around = if jitter.is_zero() { String::new() } else { format!(" ± {jitter:?}") };
    format!("latency + {model}{around}")
}

pub(super) fn problems(model: &LatencyModel, jitter: Duration, problems: &mut Vec<FaultProblem>) {
    let longest = match *model {
        LatencyModel::Fixed { delay } => delay,
        LatencyModel::Uniform { min, max } => {
            if max < min {
                let help = "write [shortest, longest]";
                problems.push(FaultProblem::value("add.uniform", "the longest is below the shortest", help));
            }
            max
        }
        LatencyModel::Lognormal { p50, p99 } => {
            if p50.is_zero() {
                let help = "give a median above 0, or a fixed delay of \"0s\"";
                problems.push(FaultProblem::value("add.lognormal.p50", "a lognormal delay is never zero", help));
            } else if p99 < p50 {
                let problem = "the 99th percentile is below the median";
                problems.push(FaultProblem::value("add.lognormal.p99", problem, "make `p99` at least `p50`"));
            }
            p99
        }
    };
    for (field, length) in [("add", longest), ("jitter", jitter)] {
        if length > LONGEST_DELAY {
            let problem = format!("the simulator does not wait for {}", format_duration(length));
            problems.push(FaultProblem::value(field, problem, format!("give at most {}", format_duration(LONGEST_DELAY))));
        }
    }
    if let LatencyModel::Fixed { delay: shortest } | LatencyModel::Uniform { min: shortest, .. } = *model
        && jitter > shortest
    {
        let problem = format!("a delay of {} cannot vary by {}", format_duration(shortest), format_duration(jitter));
        problems.push(FaultProblem::value("jitter", problem, "no delay is below 0: give at most the shortest delay"));
    }
}

pub(super) struct Slow {
    model: LatencyModel,
    jitter: Duration,
    ramp: Ramp,
    seed: Seed,
    name: String,
    drawn: AtomicU64,
}

impl Slow {
    pub(super) fn new(
        model: LatencyModel,
        jitter: Duration,
        ramp: Ramp,
        seed: Seed,
        fault: &str,
        vendor: SimulatedVendor,
    ) -> Self {
        Self { model, jitter, ramp, seed, name: format!("{} {fault}", vendor.as_str()), drawn: AtomicU64::new(0) }
    }

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

impl Effect for Slow {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, moment: Moment) -> Verdict {
        let strength = self.ramp.strength(moment.now);
        let delay = if strength >= 1.0 { self.draw() } else { self.draw().mul_f64(strength) };
        if delay.is_zero() { Verdict::Pass } else { Verdict::Delay(delay) }
    }
}
