//! `/metrics`: what Prometheus reads.
//!
//! Counters and histograms are kept where things happen; gauges are read from the pipelines at each scrape, so that they
//! cost nothing in between and cannot drift from what they show.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::stats::{Stats, VendorStats};
use crate::event::BreakerState;
use crate::outcome::{FailureKind, PerVendor, Route, Vendor};

/// What `/metrics` is, for the one who reads it.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the latency histograms, in seconds: a commit takes a millisecond, a vendor's answer up to ten seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    vendor: &'static str,
    route: &'static str,
    status: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VendorLabel {
    vendor: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BreakerLabels {
    vendor: &'static str,
    guard: &'static str,
    state: &'static str,
}

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
    attempts: Family<AttemptLabels, Counter>,
    attempt_seconds: Family<RouteLabel, Histogram>,
    pub(super) accepted: Counter,
    pub(super) duplicate: Counter,
    pub(super) refused: Counter,
    pub(super) unavailable: Counter,
    intake_seconds: Histogram,
    callbacks: Family<OutcomeLabel, Counter>,
    page: Mutex<Page>,
}

/// The registry and the gauges that are set when it is read.
struct Page {
    registry: Registry,
    queue_depths: PerVendor<IntGauge>,
    dead_letters: Family<VendorLabel, IntGauge>,
    in_flight: Family<VendorLabel, IntGauge>,
    breakers: Family<BreakerLabels, IntGauge>,
    credits_used: IntGauge,
    credits_left: IntGauge,
    ready: IntGauge,
    uptime: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let histogram = || Histogram::new(BUCKETS);
        let leads = Family::<OutcomeLabel, Counter>::default();
        let lead = |outcome| leads.get_or_create(&OutcomeLabel { outcome }).clone();
        let mut metrics = Self {
            attempts: Family::default(),
            attempt_seconds: Family::new_with_constructor(histogram),
            accepted: lead("accepted"),
            duplicate: lead("duplicate"),
            refused: lead("refused"),
            unavailable: lead("unavailable"),
            intake_seconds: histogram(),
            callbacks: Family::default(),
            page: Mutex::new(Page::new()),
        };
        let page = metrics.page.get_mut().unwrap_or_else(PoisonError::into_inner);
        let registry = &mut page.registry;
        registry.register("plimsoll_attempts", "Requests sent to a vendor", metrics.attempts.clone());
        registry.register_with_unit(
            "plimsoll_attempt_duration",
            "From sending a request to a vendor to the end of its answer",
            Unit::Seconds,
            metrics.attempt_seconds.clone(),
        );
        registry.register("plimsoll_leads", "Leads that were submitted, by what became of them", leads);
        registry.register_with_unit(
            "plimsoll_intake_duration",
            "From the head of a submission to its answer",
            Unit::Seconds,
            metrics.intake_seconds.clone(),
        );
        registry.register("plimsoll_callbacks", "Callbacks of Clay, by what became of them", metrics.callbacks.clone());
        metrics
    }

    /// Counts `count` leads.
    pub(super) fn leads(&self, outcome: Intake, count: u64) {
        let counter = match outcome {
            Intake::Accepted => &self.accepted,
            Intake::Duplicate => &self.duplicate,
            Intake::Refused => &self.refused,
            Intake::Unavailable => &self.unavailable,
        };
        counter.inc_by(count);
    }

    /// A submission was answered after `took`.
    pub(super) fn intake(&self, took: Duration) {
        self.intake_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn callback(&self, outcome: Callback) {
        self.callbacks.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).inc();
    }

    pub(super) fn callbacks(&self, outcome: Callback) -> u64 {
        self.callbacks.get_or_create(&OutcomeLabel { outcome: outcome.as_str() }).get()
    }

    /// An attempt came to its end.
    pub(super) fn attempt(&self, route: &Route, status: u16, failure: Option<FailureKind>, took: Duration) {
        let labels = AttemptLabels {
            vendor: route.vendor.as_str(),
            route: route.name,
            status: class(status),
            outcome: failure.map_or("success", FailureKind::as_str),
        };
        self.attempts.get_or_create(&labels).inc();
        self.attempt_seconds.get_or_create(&RouteLabel { route: route.name }).observe(took.as_secs_f64());
    }

    /// The page, with gauges as `stats` says.
    pub(super) fn text(&self, stats: &Stats) -> Result<String, std::fmt::Error> {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        page.set(stats);
        let mut text = String::new();
        text::encode(&mut text, &page.registry)?;
        Ok(text)
    }
}

impl Page {
    fn new() -> Self {
        let page = Self {
            registry: Registry::default(),
            queue_depths: PerVendor::default(),
            dead_letters: Family::default(),
            in_flight: Family::default(),
            breakers: Family::default(),
            credits_used: Gauge::default(),
            credits_left: Gauge::default(),
            ready: Gauge::default(),
            uptime: Gauge::default(),
        };
        page.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        for (vendor, depth) in self.queue_depths.iter() {
            let help = format!("Operations that wait for {}", vendor.display_name());
            registry.register(format!("{vendor}_queue_depth"), help, depth.clone());
        }
        registry.register("plimsoll_dead_letters", "Operations that were given up", self.dead_letters.clone());
        registry.register("plimsoll_in_flight", "Requests sent to a vendor and not yet answered", self.in_flight.clone());
        registry.register("plimsoll_breaker_state", "1 for the state that a guard is in", self.breakers.clone());
        registry.register("plimsoll_clay_credits_used", "Credits charged since the start", self.credits_used.clone());
        registry.register("plimsoll_clay_credits_left", "Credits that the budget has left today", self.credits_left.clone());
        registry.register("plimsoll_ready", "1 while leads are taken", self.ready.clone());
        registry.register_with_unit("plimsoll_uptime", "Time since the start", Unit::Seconds, self.uptime.clone());
        self
    }

    fn set(&self, stats: &Stats) {
        self.credits_used.set(signed(stats.vendors[Vendor::Clay].credits_used));
        self.credits_left.set(stats.vendors[Vendor::Clay].credits_left.map_or(-1, signed));
        self.ready.set(i64::from(stats.ready));
        self.uptime.set(stats.elapsed_us as f64 / 1e6);
        for (vendor, seen) in stats.vendors.iter() {
            let label = VendorLabel { vendor: vendor.as_str() };
            self.queue_depths[vendor].set(signed(seen.queue_depth));
            self.dead_letters.get_or_create(&label).set(signed(seen.dead_letters));
            self.in_flight.get_or_create(&label).set(signed(seen.in_flight));
            self.set_guards(vendor, seen);
        }
    }

    fn set_guards(&self, vendor: Vendor, seen: &VendorStats) {
        for (guard, now) in [("circuit_breaker", seen.breaker), ("credit_budget", seen.credit_breaker)] {
            let Some(now) = now else { continue };
            for state in BreakerState::ALL {
                let labels = BreakerLabels { vendor: vendor.as_str(), guard, state: state.as_str() };
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
