//! The pipeline as an HTTP service: a lead is acknowledged only when it is durable, and everything after that is the queue's.
//!
//! An integration that calls its vendors while its caller waits makes every outage of theirs its own, and loses with its
//! process whatever it had taken. This one writes a lead and its operations down in one commit, answers, and delivers from
//! there.
//!
//! ```text
//! POST /leads                 one JSON object, or application/x-ndjson: one a line. 202 durable, 200 known already
//! GET  /leads/{id}            where it is, and its history
//! GET  /leads?after=&limit=   leads in the order of their keys, NDJSON
//! GET  /places?after=&limit=  where each operation is, NDJSON of `journal::PlaceEntry`; `after` is a lead's key
//! POST /callbacks/clay        an enriched row, signed
//! GET  /health                each vendor: healthy, latency, circuit, queue depth, last success, last failure
//! GET  /health/live           200 while the process answers
//! GET  /health/ready          200 while leads are taken, else 503 with the reasons
//! GET  /metrics               for Prometheus
//! GET  /stats                 the gauges as JSON
//! GET  /events?follow=1       NDJSON of `event::Event` from the start of the service; `at_us` on its clock
//! GET  /clock                 {"elapsed_us": …} on that clock
//! POST /admin/redrive         dead letters back into the queues
//! POST /admin/breakers/{vendor}   {"mode": "forced_open" | "reset" | "disabled" | "metrics_only"}
//! ```
//!
//! `plimsoll serve --config FILE [--listen ADDR] [--check] [--time-scale X] [--seed N]`, and hidden `--die-at FAILPOINT:N`,
//! prints `{"listening":"http://127.0.0.1:8090"}` on standard output when it listens; everything for people goes to standard
//! error. SIGTERM and SIGINT end it in order, with exit code 0.

mod admin;
mod body;
mod callback;
mod config;
mod event_log;
mod guard;
mod health;
mod intake;
mod lead_form;
mod leads;
mod metrics;
mod refusal;
mod routes;
mod running;
mod server;
mod stats;
mod strict_json;
pub mod supervision;
mod taken;
mod vendor_sender;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::time::Instant;

use crate::clock::LoadClock;
use crate::config::Secret;
use crate::outcome::PerVendor;
use crate::resilience::{DayClock, Pipeline, UnixMillis};
use crate::store::LeadStore;
use event_log::EventLog;
use guard::Guard;
use metrics::{Callback, Metrics};
use vendor_sender::VendorSender;

pub use config::{Limits, ServiceConfig, StoreConfig, VendorAccess, service_json_schema};
pub(crate) use lead_form::known_by;
pub use leads::places_of;
pub use running::{Running, StartError, Stopped, may_listen, start};
pub use stats::{Stats, VendorStats};

type VendorPipeline<S> = Pipeline<VendorSender, <S as LeadStore>::Backlog>;

/// What every request works with.
struct Service<S: LeadStore> {
    store: S,
    pipelines: PerVendor<Arc<VendorPipeline<S>>>,
    /// Most operations in each queue.
    capacity: u64,
    callback_secret: Option<Secret>,
    guard: Guard,
    limits: Limits,
    metrics: Arc<Metrics>,
    events: Arc<EventLog>,
    clock: LoadClock,
    wall: DayClock,
    checked: health::Checked,
    closing: AtomicBool,
}

impl<S: LeadStore> Service<S> {
    /// Tells the workers that there is something to do.
    fn wake(&self) {
        self.pipelines.values().for_each(|pipeline| pipeline.wake());
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn now(&self) -> UnixMillis {
        self.wall.unix_millis(Instant::now())
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.clock.now().as_micros()).unwrap_or(u64::MAX)
    }

    /// The date of an instant, as ISO 8601.
    fn date(&self, at: Instant) -> Option<String> {
        let millis = i64::try_from(self.wall.unix_millis(at)).ok()?;
        Some(DateTime::<Utc>::from_timestamp_millis(millis)?.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    fn stats(&self) -> Stats {
        Stats {
            elapsed_us: self.elapsed_us(),
            ready: !self.is_closing(),
            accepted: self.metrics.accepted.get(),
            duplicate: self.metrics.duplicate.get(),
            refused: self.metrics.refused.get(),
            unavailable: self.metrics.unavailable.get(),
            callbacks: self.metrics.callbacks(Callback::Recorded),
            vendors: self.pipelines.map(|_, pipeline| VendorStats::of(&pipeline.gauges(), pipeline.credits_left())),
        }
    }
}
