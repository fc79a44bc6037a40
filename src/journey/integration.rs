//! The integration under load: one pipeline a vendor, and what can be read from them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::places;
use super::vendor_sender::VendorSender;
use crate::clock::LoadClock;
use crate::event::EventSink;
use crate::journal::{JournalSender, RestingEntry};
use crate::measure::Gauges;
use crate::outcome::{PerVendor, Vendor};
use crate::resilience::Resilience;
use crate::resilience::emitter::Emitter;
use crate::resilience::{DayClock, Disposition, Operation, Pipeline, PipelineGauges, PipelineSettings};
use crate::seed::Seed;

/// The vendors' pipelines.
pub(super) struct Integration(PerVendor<Arc<Pipeline<VendorSender>>>);

impl Integration {
    /// Each sends over `sender`.
    pub(super) fn new(
        settings: &Resilience,
        sender: &VendorSender,
        clock: LoadClock,
        wall: DayClock,
        events: &Arc<dyn EventSink>,
        seed: Seed,
        journal: Option<&JournalSender<RestingEntry>>,
    ) -> Self {
        let pipeline = |vendor: Vendor, settings: &PipelineSettings| {
            let backlog = places::backlog(&settings.fallback, journal.cloned());
            let emitter = Emitter::new(vendor, clock, Arc::clone(events));
            let rng = seed.stream(vendor.as_str());
            Arc::new(Pipeline::with_backlog(settings.clone(), sender.clone(), backlog, emitter, wall, rng))
        };
        Self(settings.map(pipeline))
    }

    /// Hands an operation to its vendor's pipeline.
    pub(super) async fn call(&self, operation: Operation) -> Disposition {
        self.0[operation.kind.vendor()].call(operation).await
    }

    /// Delivers what the queues hold, for as long as the future is polled.
    pub(super) async fn drain(&self) {
        join_all(self.0.values().map(|pipeline| Arc::clone(pipeline).work(1))).await;
    }

    /// Ends the delivery in order: what is under way has `grace` to be answered, and what is not goes back into the queue.
    pub(super) async fn stop(&self, grace: Duration) {
        join_all(self.0.values().map(|pipeline| pipeline.stop(grace))).await;
    }

    /// Writes the resting state of every operation whose answer did not say it. Call it when nothing is in flight any more.
    pub(super) fn report_rest(&self) {
        self.0.values().for_each(|pipeline| pipeline.backlog().report_rest());
    }

    pub(super) fn gauges(&self) -> Gauges {
        summed(self.0.iter().map(|(vendor, pipeline)| (vendor, pipeline.gauges())))
    }
}

/// The gauges of a run from those of its pipelines; users and requests in flight are the load's own.
pub(crate) fn summed(pipelines: impl Iterator<Item = (Vendor, PipelineGauges)>) -> Gauges {
    let mut gauges = Gauges::default();
    for (vendor, read) in pipelines {
        gauges.queue_depth += read.queue_depth;
        gauges.dead_letters += read.dead_letters;
        gauges.credits_reserved += read.credits_reserved;
        gauges.breakers.extend(read.breaker.map(|state| (vendor, state)));
        gauges.operations += read.counts;
    }
    gauges
}
