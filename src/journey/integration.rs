//! The integration under load: one pipeline a vendor, and what can be read from them.

use std::sync::Arc;

use super::vendor_sender::VendorSender;
use crate::clock::LoadClock;
use crate::event::EventSink;
use crate::measure::Gauges;
use crate::outcome::Vendor;
use crate::resilience::{Disposition, Operation, OperationKind, Pipeline, PipelineSettings};
use crate::scenario::Resilience;
use crate::seed::Seed;

/// Both pipelines.
pub(super) struct Integration {
    clay: Arc<Pipeline<VendorSender>>,
    customer_io: Arc<Pipeline<VendorSender>>,
}

impl Integration {
    /// `sender` is given each vendor's timeout.
    pub(super) fn new(
        settings: &Resilience,
        sender: &VendorSender,
        clock: LoadClock,
        events: &Arc<dyn EventSink>,
        seed: Seed,
    ) -> Self {
        let pipeline = |vendor: Vendor, settings: &PipelineSettings| {
            let sender = VendorSender { timeout: settings.timeout, ..sender.clone() };
            Arc::new(Pipeline::new(vendor, settings.clone(), sender, clock, Arc::clone(events), seed))
        };
        Self { clay: pipeline(Vendor::Clay, &settings.clay), customer_io: pipeline(Vendor::CustomerIo, &settings.customer_io) }
    }

    /// Hands an operation to its vendor's pipeline.
    pub(super) async fn call(&self, operation: Operation) -> Disposition {
        match operation.kind {
            OperationKind::Enrich => self.clay.call(operation).await,
            OperationKind::Identify | OperationKind::Track => self.customer_io.call(operation).await,
        }
    }

    /// Delivers what the queues hold, for as long as the future is polled.
    pub(super) async fn drain(&self) {
        tokio::join!(Arc::clone(&self.clay).drain_loop(), Arc::clone(&self.customer_io).drain_loop());
    }

    /// Operations that wait in the queues.
    pub(super) fn queue_depth(&self) -> u64 {
        self.clay.gauges().queue_depth + self.customer_io.gauges().queue_depth
    }

    pub(super) fn gauges(&self) -> Gauges {
        let mut gauges = Gauges::default();
        for (vendor, pipeline) in [(Vendor::Clay, &self.clay), (Vendor::CustomerIo, &self.customer_io)] {
            let read = pipeline.gauges();
            gauges.queue_depth += read.queue_depth;
            gauges.dead_letters += read.dead_letters;
            gauges.credits_used += read.credits_used;
            if let Some(state) = read.breaker {
                gauges.breakers.insert(vendor, state);
            }
            gauges.leads += read.counts;
        }
        gauges
    }
}
