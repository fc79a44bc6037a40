//! The integration under load: one pipeline a vendor, and what can be read from them.

use std::sync::Arc;
use std::time::Duration;

use super::journaled_backlog::JournaledBacklog;
use super::vendor_sender::VendorSender;
use crate::clock::LoadClock;
use crate::event::EventSink;
use crate::journal::{JournalSender, RestingEntry};
use crate::measure::Gauges;
use crate::outcome::Vendor;
use crate::resilience::Resilience;
use crate::resilience::emitter::Emitter;
use crate::resilience::{DayClock, Disposition, Operation, OperationKind, Pipeline, PipelineSettings, StoreError};
use crate::seed::Seed;

/// Both pipelines.
pub(super) struct Integration {
    clay: Arc<Pipeline<VendorSender, JournaledBacklog>>,
    customer_io: Arc<Pipeline<VendorSender, JournaledBacklog>>,
}

impl Integration {
    /// `sender` is given each vendor's timeout.
    pub(super) fn new(
        settings: &Resilience,
        sender: &VendorSender,
        clock: LoadClock,
        wall: DayClock,
        events: &Arc<dyn EventSink>,
        seed: Seed,
        places: Option<&JournalSender<RestingEntry>>,
    ) -> Self {
        let pipeline = |vendor: Vendor, settings: &PipelineSettings| {
            let sender = VendorSender { timeout: settings.timeout, ..sender.clone() };
            let backlog = JournaledBacklog::new(&settings.fallback, places.cloned());
            let emitter = Emitter::new(vendor, clock, Arc::clone(events));
            let rng = seed.stream(vendor.as_str());
            Arc::new(Pipeline::with_backlog(settings.clone(), sender, backlog, emitter, wall, rng))
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

    /// Ends the delivery in order: what is under way has `grace` to be answered, and what is not goes back into the queue.
    pub(super) async fn stop(&self, grace: Duration) {
        tokio::join!(self.clay.stop(grace), self.customer_io.stop(grace));
    }

    /// Writes down where everything is that no answer told of. To be called when nothing moves any more.
    pub(super) async fn at_rest(&self) -> Result<(), StoreError> {
        self.clay.backlog().at_rest().await?;
        self.customer_io.backlog().at_rest().await
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
