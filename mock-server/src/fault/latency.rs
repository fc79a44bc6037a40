//! Latency: answers come later.

use std::sync::atomic::{AtomicU64, Ordering};

use super::SimulatedVendor;
use super::effect::{Effect, Moment, Verdict};
use crate::latency::LatencyModel;
use crate::seed::Seed;
use crate::vendor::{Request, Vendor};

pub(super) fn describe(model: &LatencyModel) -> String {
    format!("latency + {model}")
}

pub(super) struct Slow {
    model: LatencyModel,
    seed: Seed,
    name: String,
    drawn: AtomicU64,
}

impl Slow {
    pub(super) fn new(model: LatencyModel, seed: Seed, fault: &str, vendor: SimulatedVendor) -> Self {
        Self { model, seed, name: format!("{} {fault}", vendor.as_str()), drawn: AtomicU64::new(0) }
    }
}

impl Effect for Slow {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        Verdict::Delay(self.model.sample(&mut self.seed.draw(&self.name, number)))
    }
}
