//! What a threshold may be set on: each metric's name, its kind, and what may be asked of it.

use crate::measure::{LABELS, Selects};

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

    /// The tags that it may be narrowed by, beside those that a plan gives to its samples.
    pub fn tags(self) -> Vec<&'static str> {
        let of_samples =
            |pass: fn(Selects) -> bool| LABELS.iter().filter(|label| pass(label.selects)).map(|label| label.name).collect();
        match self {
            Self::HttpReqDuration | Self::HttpReqFailed | Self::HttpReqs => of_samples(|selects| selects != Selects::Nothing),
            Self::Iterations | Self::IterationDuration => of_samples(|selects| selects == Selects::Both),
            Self::Checks => vec!["check"],
            Self::BreakerOpenSeconds => vec!["vendor"],
            Self::DroppedIterations | Self::LeadsLost | Self::QueueDepth | Self::CreditsUsed => vec![],
        }
    }

    /// Whether it is made of samples, which carry the tags of their plan.
    pub fn is_of_samples(self) -> bool {
        matches!(self, Self::HttpReqDuration | Self::HttpReqFailed | Self::HttpReqs | Self::Iterations | Self::IterationDuration)
    }
}
