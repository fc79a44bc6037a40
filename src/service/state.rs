//! The state that every request handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, SecondsFormat, Utc};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::config::Limits;
use super::event_log::EventLog;
use super::guard::Guard;
use super::metrics::{Callback, Intake, Metrics};
use super::stats::Stats;
use super::store_check::StoreCheck;
use super::vendor_sender::VendorSender;
use crate::clock::LoadClock;
use crate::config::Secret;
use crate::outcome::PerVendor;
use crate::resilience::store_faults::StoreFaults;
use crate::resilience::{DayClock, Pipeline, UnixMillis};
use crate::store::LeadStore;
use crate::units::micros;

pub(super) type VendorPipeline<S> = Pipeline<VendorSender, <S as LeadStore>::Backlog>;

/// What every request handler works with.
pub(super) struct Service<S: LeadStore> {
    pub(super) store: S,
    pub(super) pipelines: PerVendor<Arc<VendorPipeline<S>>>,
    /// Most operations in each queue.
    pub(super) capacity: u64,
    pub(super) callback_secret: Option<Secret>,
    pub(super) guard: Guard,
    pub(super) limits: Limits,
    pub(super) metrics: Arc<Metrics>,
    pub(super) events: Arc<EventLog>,
    pub(super) clock: LoadClock,
    pub(super) wall: DayClock,
    pub(super) store_check: StoreCheck,
    /// Errors of the store outside the pipelines.
    pub(super) store_faults: StoreFaults,
    /// What of the queues does not move.
    pub(super) standstill: Mutex<PerVendor<Option<String>>>,
    pub(super) closing: AtomicBool,
}

impl<S: LeadStore> Service<S> {
    /// Wakes the workers of all queues.
    pub(super) fn wake(&self) {
        self.pipelines.values().for_each(|pipeline| pipeline.wake());
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Whether leads are taken, as far as is known.
    pub(super) fn is_ready(&self) -> bool {
        !self.is_closing() && !self.store_check.has_failed()
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.wall.unix_millis(Instant::now())
    }

    pub(super) fn elapsed_us(&self) -> u64 {
        micros(self.clock.now())
    }

    /// The date of an instant, as ISO 8601.
    pub(super) fn date(&self, at: Instant) -> Option<String> {
        let millis = i64::try_from(self.wall.unix_millis(at)).ok()?;
        Some(DateTime::<Utc>::from_timestamp_millis(millis)?.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            elapsed_us: self.elapsed_us(),
            ready: self.is_ready(),
            accepted: self.metrics.lead_count(Intake::Accepted),
            duplicate: self.metrics.lead_count(Intake::Duplicate),
            refused: self.metrics.lead_count(Intake::Refused),
            unavailable: self.metrics.lead_count(Intake::Unavailable),
            callbacks: self.metrics.callbacks(Callback::Recorded),
            quarantined: self.store.quarantined(),
            store_clock_skew_ms: self.store.clock_skew_ms(),
            store_faults: self.store_faults.count()
                + self.pipelines.values().map(|pipeline| pipeline.store_faults()).sum::<u64>(),
            vendors: self.pipelines.map(|_, pipeline| pipeline.gauges()),
        }
    }
}
