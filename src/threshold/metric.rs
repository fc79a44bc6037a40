//! What a threshold may be set on: each metric's name, its kind, and what may be asked of it.

use crate::outcome::{FailureKind, Vendor};

/// The metrics that a threshold may be set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// `http_req_duration`, a trend in ms.
    HttpReqDuration,
    /// `http_req_failed`, a rate.
    HttpReqFailed,
    /// `http_reqs`, a counter.
    HttpReqs,
    /// `iterations`, a counter.
    Iterations,
    /// `iteration_duration`, a trend in ms.
    IterationDuration,
    /// `checks`, a rate; tag `check` selects one.
    Checks,
    /// `dropped_iterations`, a counter.
    DroppedIterations,
    /// `leads_lost`, a counter.
    LeadsLost,
    /// `breaker_open_seconds`, a counter of seconds in OPEN or FORCED_OPEN over all vendors; tag `vendor` selects one.
    BreakerOpenSeconds,
    /// `queue_depth`, a gauge.
    QueueDepth,
    /// `credits_used`, a counter.
    CreditsUsed,
}

/// k6's four kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Durations in ms: `avg`, `min`, `max`, `med`, `p(N)`.
    Trend,
    /// A share, 0 to 1: `rate`.
    Rate,
    /// A sum: `count`, and `rate` per second.
    Counter,
    /// A state: `value`, the last one.
    Gauge,
}

impl MetricKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trend => "trend",
            Self::Rate => "rate",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }

    /// The aggregations that it has, as they are written.
    pub fn aggregations(self) -> &'static [&'static str] {
        match self {
            Self::Trend => &["avg", "min", "max", "med", "p(N)"],
            Self::Rate => &["rate"],
            Self::Counter => &["count", "rate"],
            Self::Gauge => &["value"],
        }
    }

    /// A threshold on `metric` as an example to follow.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Trend => "p(95)<500",
            Self::Rate => "rate<0.01",
            Self::Counter => "count<100",
            Self::Gauge => "value<100",
        }
    }
}

/// The tags of a request. A test of a higher level holds this list to what samples carry.
const REQUEST_TAGS: &[&str] = &["vendor", "name", "status", "phase", "fault", "retry", "failure", "expected_response"];
/// The tags of an iteration: it has no status of its own and is never a retry.
const ITERATION_TAGS: &[&str] = &["vendor", "name", "phase", "fault", "failure", "expected_response"];

impl Metric {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::HttpReqDuration,
        Self::HttpReqFailed,
        Self::HttpReqs,
        Self::Iterations,
        Self::IterationDuration,
        Self::Checks,
        Self::DroppedIterations,
        Self::LeadsLost,
        Self::BreakerOpenSeconds,
        Self::QueueDepth,
        Self::CreditsUsed,
    ];

    /// Its name in a scenario.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HttpReqDuration => "http_req_duration",
            Self::HttpReqFailed => "http_req_failed",
            Self::HttpReqs => "http_reqs",
            Self::Iterations => "iterations",
            Self::IterationDuration => "iteration_duration",
            Self::Checks => "checks",
            Self::DroppedIterations => "dropped_iterations",
            Self::LeadsLost => "leads_lost",
            Self::BreakerOpenSeconds => "breaker_open_seconds",
            Self::QueueDepth => "queue_depth",
            Self::CreditsUsed => "credits_used",
        }
    }

    /// Its kind.
    pub fn kind(self) -> MetricKind {
        match self {
            Self::HttpReqDuration | Self::IterationDuration => MetricKind::Trend,
            Self::HttpReqFailed | Self::Checks => MetricKind::Rate,
            Self::QueueDepth => MetricKind::Gauge,
            Self::HttpReqs
            | Self::Iterations
            | Self::DroppedIterations
            | Self::LeadsLost
            | Self::BreakerOpenSeconds
            | Self::CreditsUsed => MetricKind::Counter,
        }
    }

    /// The tags that it may be narrowed by.
    pub fn tags(self) -> &'static [&'static str] {
        match self {
            Self::HttpReqDuration | Self::HttpReqFailed | Self::HttpReqs => REQUEST_TAGS,
            Self::Iterations | Self::IterationDuration => ITERATION_TAGS,
            Self::Checks => &["check"],
            Self::BreakerOpenSeconds => &["vendor"],
            Self::DroppedIterations | Self::LeadsLost | Self::QueueDepth | Self::CreditsUsed => &[],
        }
    }
}

/// What a tag's value can be.
pub(super) enum TagValues {
    /// One of these.
    OneOf(Vec<&'static str>),
    /// A whole number between two bounds.
    Number(u32, u32),
    /// Anything.
    Text,
}

/// The values that a tag can have: a threshold on another would never see a sample.
pub(super) fn values_of_tag(tag: &str) -> TagValues {
    match tag {
        "vendor" => TagValues::OneOf([Vendor::Clay, Vendor::CustomerIo, Vendor::Service].map(Vendor::as_str).to_vec()),
        "fault" | "retry" | "expected_response" => TagValues::OneOf(vec!["true", "false"]),
        "failure" => TagValues::OneOf(FailureKind::ALL.map(FailureKind::as_str).to_vec()),
        "status" => TagValues::Number(100, 599),
        "phase" => TagValues::Number(0, u32::from(u16::MAX)),
        _ => TagValues::Text,
    }
}
