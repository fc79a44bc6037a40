//! Thresholds: k6's grammar, parsed before a run starts, so that a typo fails at once.

mod error;
mod metric;
mod parser;
mod scanner;

use std::time::Duration;

pub use error::{Part, ThresholdError};
pub use metric::{Metric, MetricKind};
pub use parser::parse;

/// One condition that a run must meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The metric.
    pub metric: Metric,
    /// Tags that samples must have; empty for all samples. In the order written.
    pub tags: Vec<(String, String)>,
    /// What is computed from the samples.
    pub aggregation: Aggregation,
    /// How it is compared.
    pub operator: Operator,
    /// The limit: milliseconds for durations, a fraction 0 to 1 for rates, else a plain number.
    pub limit: f64,
    /// The whole threshold as written: `http_req_duration{vendor:clay}: p(95)<500`.
    pub source: String,
    /// End the run as soon as it fails.
    pub abort_on_fail: bool,
    /// How long into the run before it may end it.
    pub delay_abort_eval: Duration,
}

/// How many numbers become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregation {
    /// `avg`
    Avg,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `med`, the same as `p(50)`
    Med,
    /// `p(N)`, 0 ≤ N ≤ 100
    Percentile(f64),
    /// `count`
    Count,
    /// `rate`: of a rate metric the fraction; of a counter, per second.
    Rate,
    /// `value`: of a gauge, the last.
    Value,
}

/// k6's comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==` or `===`
    Equal,
    /// `!=`
    NotEqual,
}

/// The comparisons as they are written; of two of the same, the one to show first.
const OPERATORS: [(&str, Operator); 7] = [
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("===", Operator::Equal),
    ("!=", Operator::NotEqual),
];

impl Operator {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        OPERATORS.iter().find(|(_, operator)| *operator == self).map_or("", |(written, _)| written)
    }
}
