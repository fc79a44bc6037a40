//! Where the patterns report events: it adds the pipeline's vendor and the time of the load's clock.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::clock::LoadClock;
use crate::event::{Event, EventKind, EventSink};
use crate::outcome::Vendor;
use crate::units::micros;

/// Stamps events with the vendor and the time, and hands them on.
#[derive(Clone)]
pub struct Emitter {
    vendor: Vendor,
    clock: LoadClock,
    sink: Arc<dyn EventSink>,
}

impl Emitter {
    /// An emitter for one vendor's pipeline.
    pub fn new(vendor: Vendor, clock: LoadClock, sink: Arc<dyn EventSink>) -> Self {
        Self { vendor, clock, sink }
    }

    /// Hands on an event that happened at `now`. Call it without holding a lock.
    pub fn emit(&self, now: Instant, kind: EventKind) {
        let at_us = micros(self.clock.at(now));
        self.sink.emit(Event { at_us, vendor: Some(self.vendor), kind });
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("vendor", &self.vendor).finish_non_exhaustive()
    }
}
