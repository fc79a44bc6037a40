//! `/metrics`: what Prometheus reads.
//!
//! Counters and histograms are kept where things happen; gauges are read from the pipelines at each scrape, so that they
//! cost nothing in between and cannot drift from what they show.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::stats::Stats;
use crate::event::BreakerState;
use crate::outcome::{FailureKind, PerVendor, Route, Vendor};
use crate::resilience::PipelineGauges;

/// What `/metrics` is, for the one who reads it.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the latency histograms, in seconds: a commit takes a millisecond, a vendor's answer up to ten seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Names of labels with their values.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What became of a submitted lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intake {
    Accepted,
    Duplicate,
    Refused,
    /// There was no room, or no store: to be asked again.
    Unavailable,
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callback {
    Recorded,
    Repeated,
    NothingFound,
    UnknownLead,
    BadSignature,
    Refused,
    Unavailable,
}

impl Callback {
    fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Repeated => "repeated",
            Self::NothingFound => "nothing_found",
            Self::UnknownLead => "unknown_lead",
            Self::BadSignature => "bad_signature",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

type IntGauge = Gauge<i64>;

/// Every metric of the service.
pub(super) struct Metrics {
    attempts: Family<Labels<4>, Counter>,
    attempt_seconds: Family<Labels<1>, Histogram>,
    /// By [`Intake`].
    leads: [Counter; 4],
    intake_seconds: Histogram,
    callbacks: Family<Labels<1>, Counter>,
    page: Mutex<Page>,
}

/// The registry and the gauges that are set when it is read.
struct Page {
    registry: Registry,
    queue_depths: PerVendor<IntGauge>,
    dead_letters: Family<Labels<1>, IntGauge>,
    in_flight: Family<Labels<1>, IntGauge>,
    breakers: Family<Labels<3>, IntGauge>,
    credits_reserved: IntGauge,
    credits_left: IntGauge,
    quarantined: IntGauge,
    store_faults: IntGauge,
    store_clock_skew: Gauge<f64, AtomicU64>,
    ready: IntGauge,
    uptime: Gauge<f64, AtomicU64>,
}

/// Registers a metric, and gives it back.
fn registered<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// As [`registered`], for one in seconds.
fn in_seconds<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut page = Page::new();
        let registry = &mut page.registry;
        let histogram = || Histogram::new(BUCKETS);
        let attempts = registered(registry, "plimsoll_attempts", "Requests sent to a vendor", Family::default());
        let help = "From sending a request to a vendor to the end of its answer";
        let attempt_seconds =
            in_seconds(registry, "plimsoll_attempt_duration", help, Family::new_with_constructor(histogram as fn() -> Histogram));
        let help = "Leads that were submitted, by what became of them";
        let leads: Family<Labels<1>, Counter> = registered(registry, "plimsoll_leads", help, Family::default());
        let help = "From the head of a submission to its answer";
        let intake_seconds = in_seconds(registry, "plimsoll_intake_duration", help, histogram());
        let help = "Callbacks of Clay, by what became of them";
        let callbacks = registered(registry, "plimsoll_callbacks", help, Family::default());
        // Each is shown from the start, in the order of `Intake`.
        let leads = ["accepted", "duplicate", "refused", "unavailable"].map(|it| leads.get_or_create_owned(&[("outcome", it)]));
        Self { attempts, attempt_seconds, leads, intake_seconds, callbacks, page: Mutex::new(page) }
    }

    /// Counts `count` leads.
    pub(super) fn leads(&self, outcome: Intake, count: u64) {
        self.leads[outcome as usize].inc_by(count);
    }

    pub(super) fn lead_count(&self, outcome: Intake) -> u64 {
        self.leads[outcome as usize].get()
    }

    /// A submission was answered after `took`.
    pub(super) fn intake(&self, took: Duration) {
        self.intake_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn callback(&self, outcome: Callback) {
        self.callbacks.get_or_create(&[("outcome", outcome.as_str())]).inc();
    }

    pub(super) fn callbacks(&self, outcome: Callback) -> u64 {
        self.callbacks.get_or_create(&[("outcome", outcome.as_str())]).get()
    }

    /// An attempt came to its end.
    pub(super) fn attempt(&self, route: &Route, status: u16, failure: Option<FailureKind>, took: Duration) {
        let outcome = failure.map_or("success", FailureKind::as_str);
        let labels = [("vendor", route.vendor.as_str()), ("route", route.name), ("status", class(status)), ("outcome", outcome)];
        self.attempts.get_or_create(&labels).inc();
        self.attempt_seconds.get_or_create(&[("route", route.name)]).observe(took.as_secs_f64());
    }

    /// The page, with gauges as `stats` says.
    pub(super) fn text(&self, stats: &Stats) -> Result<String, std::fmt::Error> {
        let page = self.page.lock();
        page.set(stats);
        let mut text = String::new();
        text::encode(&mut text, &page.registry)?;
        Ok(text)
    }
}

impl Page {
    fn new() -> Self {
        let mut registry = Registry::default();
        let it = &mut registry;
        Self {
            queue_depths: PerVendor::from_fn(|vendor| {
                let (name, about) =
                    (format!("{vendor}_queue_depth"), format!("Operations that wait for {}", vendor.display_name()));
                registered(it, &name, &about, Gauge::default())
            }),
            dead_letters: registered(it, "plimsoll_dead_letters", "Operations that were given up", Family::default()),
            in_flight: registered(it, "plimsoll_in_flight", "Requests sent to a vendor and not yet answered", Family::default()),
            breakers: registered(it, "plimsoll_breaker_state", "1 for the state that a guard is in", Family::default()),
            credits_reserved: registered(
                it,
                "plimsoll_clay_credits_reserved",
                "Credits that the budget counts since the start, charged or set aside",
                Gauge::default(),
            ),
            credits_left: registered(
                it,
                "plimsoll_clay_credits_left",
                "Credits that the budget has left today",
                Gauge::default(),
            ),
            quarantined: registered(
                it,
                "plimsoll_quarantined_records",
                "Records of the store that cannot be read and were set aside",
                Gauge::default(),
            ),
            store_faults: registered(it, "plimsoll_store_faults", "Errors of the store since the start", Gauge::default()),
            store_clock_skew: in_seconds(
                it,
                "plimsoll_store_clock_skew",
                "How far this machine's clock is ahead of the store's; 0 where that has none",
                Gauge::default(),
            ),
            ready: registered(it, "plimsoll_ready", "1 while leads are taken", Gauge::default()),
            uptime: in_seconds(it, "plimsoll_uptime", "Time since the start", Gauge::default()),
            registry,
        }
    }

    fn set(&self, stats: &Stats) {
        self.credits_reserved.set(signed(stats.vendors[Vendor::Clay].credits_reserved));
        self.credits_left.set(stats.vendors[Vendor::Clay].credits_left.map_or(-1, signed));
        self.quarantined.set(signed(stats.quarantined));
        self.store_faults.set(signed(stats.store_faults));
        self.store_clock_skew.set(stats.store_clock_skew_ms.unwrap_or(0) as f64 / 1e3);
        self.ready.set(i64::from(stats.ready));
        self.uptime.set(stats.elapsed_us as f64 / 1e6);
        for (vendor, seen) in stats.vendors.iter() {
            let label = [("vendor", vendor.as_str())];
            self.queue_depths[vendor].set(signed(seen.queue_depth));
            self.dead_letters.get_or_create(&label).set(signed(seen.dead_letters));
            self.in_flight.get_or_create(&label).set(signed(seen.in_flight));
            self.set_guards(vendor, seen);
        }
    }

    fn set_guards(&self, vendor: Vendor, seen: &PipelineGauges) {
        for (guard, now) in [("circuit_breaker", seen.breaker), ("credit_budget", seen.credit_breaker)] {
            let Some(now) = now else { continue };
            for state in BreakerState::ALL {
                let labels = [("vendor", vendor.as_str()), ("guard", guard), ("state", state.as_str())];
                self.breakers.get_or_create(&labels).set(i64::from(state == now));
            }
        }
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `2xx`, …; `none` where there was no answer.
fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "none",
    }
}
