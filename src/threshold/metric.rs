//! What a threshold may be set on: each metric's name, its kind, and what may be asked of it.

use crate::measure::{LABELS, Selects};

/// The metrics that a threshold may be set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// `http_req_duration`: from when a request was handed to a connection to the last byte of its answer, as in k6.
    HttpReqDuration,
    /// `http_req_latency`: from when a request was due to the last byte of its answer. All that it waited for counts.
    HttpReqLatency,
    /// `http_req_waiting`: from when a request was handed to a connection to the head of its answer. In k6, sending is not part of it.
    HttpReqWaiting,
    /// `http_req_connecting`: finding the address and connecting, of requests for which a connection was made. k6 counts the
    /// others as 0.
    HttpReqConnecting,
    /// `http_req_tls_handshaking`: likewise.
    HttpReqTlsHandshaking,
    /// `http_req_failed`.
    HttpReqFailed,
    /// `http_reqs`.
    HttpReqs,
    /// `iterations`.
    Iterations,
    /// `iteration_duration`.
    IterationDuration,
    /// `checks`; tag `check` selects one.
    Checks,
    /// `dropped_iterations`.
    DroppedIterations,
    /// `leads_lost`.
    LeadsLost,
    /// `breaker_open_seconds`: seconds in OPEN or FORCED_OPEN over all vendors; tag `vendor` selects one.
    BreakerOpenSeconds,
    /// `queue_depth`.
    QueueDepth,
    /// `credits_used`: what simulated Clay's account was charged, and will be for the rows that it holds.
    CreditsUsed,
    /// `credits_reserved`: what the pipeline's own budget counts.
    CreditsReserved,
}

/// What a metric may be narrowed by.
enum Tags {
    OfRequests,
    OfIterations,
    Only(&'static [&'static str]),
}

/// A metric's row: itself, its name in a scenario, its kind, and its tags.
const METRICS: [(Metric, &str, MetricKind, Tags); 16] = [
    (Metric::HttpReqDuration, "http_req_duration", MetricKind::Trend, Tags::OfRequests),
    (Metric::HttpReqLatency, "http_req_latency", MetricKind::Trend, Tags::OfRequests),
    (Metric::HttpReqWaiting, "http_req_waiting", MetricKind::Trend, Tags::OfRequests),
    (Metric::HttpReqConnecting, "http_req_connecting", MetricKind::Trend, Tags::OfRequests),
    (Metric::HttpReqTlsHandshaking, "http_req_tls_handshaking", MetricKind::Trend, Tags::OfRequests),
    (Metric::HttpReqFailed, "http_req_failed", MetricKind::Rate, Tags::OfRequests),
    (Metric::HttpReqs, "http_reqs", MetricKind::Counter, Tags::OfRequests),
    (Metric::Iterations, "iterations", MetricKind::Counter, Tags::OfIterations),
    (Metric::IterationDuration, "iteration_duration", MetricKind::Trend, Tags::OfIterations),
    (Metric::Checks, "checks", MetricKind::Rate, Tags::Only(&["check"])),
    (Metric::DroppedIterations, "dropped_iterations", MetricKind::Counter, Tags::Only(&[])),
    (Metric::LeadsLost, "leads_lost", MetricKind::Counter, Tags::Only(&[])),
    (Metric::BreakerOpenSeconds, "breaker_open_seconds", MetricKind::Counter, Tags::Only(&["vendor"])),
    (Metric::QueueDepth, "queue_depth", MetricKind::Gauge, Tags::Only(&[])),
    (Metric::CreditsUsed, "credits_used", MetricKind::Counter, Tags::Only(&[])),
    (Metric::CreditsReserved, "credits_reserved", MetricKind::Counter, Tags::Only(&[])),
];

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
    /// All of them, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        METRICS.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (Self, &'static str, MetricKind, Tags) {
        // A metric finds its row by its number.
        &METRICS[self as usize]
    }

    /// Its name in a scenario.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Its kind.
    pub fn kind(self) -> MetricKind {
        self.row().2
    }

    /// The tags that it may be narrowed by, beside those that a plan gives to its samples.
    pub fn tags(self) -> Vec<&'static str> {
        let of_samples =
            |pass: fn(Selects) -> bool| LABELS.iter().filter(|label| pass(label.selects)).map(|label| label.name).collect();
        match self.row().3 {
            Tags::OfRequests => of_samples(|selects| selects != Selects::Nothing),
            Tags::OfIterations => of_samples(|selects| selects == Selects::Both),
            Tags::Only(tags) => tags.to_vec(),
        }
    }

    /// Whether it is made of samples, which carry the tags of their plan.
    pub fn is_of_samples(self) -> bool {
        !matches!(self.row().3, Tags::Only(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_finds_its_row() {
        for (index, metric) in Metric::all().enumerate() {
            assert_eq!((metric.row().0, metric as usize), (metric, index));
        }
    }
}
