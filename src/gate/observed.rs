//! A threshold with what was observed: everything that a report shows of it, without the types of its parser.

use serde::{Deserialize, Serialize};

use crate::threshold::{Aggregation, Metric, MetricKind};
use crate::units;

/// What a threshold's metric came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// A number in the threshold's unit.
    Value(f64),
    /// Nothing was measured, and why.
    NoData(String),
}

/// In what a threshold's limit and observed value are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A fraction, 0 to 1.
    Fraction,
    /// A number of things.
    Count,
    /// Things a second.
    PerSecond,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// The unit of a metric under an aggregation.
    pub fn of(metric: Metric, aggregation: Aggregation) -> Self {
        match (metric.kind(), aggregation) {
            (MetricKind::Trend, _) => Self::Milliseconds,
            (MetricKind::Rate, _) => Self::Fraction,
            (_, Aggregation::Rate) => Self::PerSecond,
            _ if metric == Metric::BreakerOpenSeconds => Self::Seconds,
            _ => Self::Count,
        }
    }

    /// The value as a person reads it: `123 ms`, `1.25 %`, `50,000`, `84.2/s`, `3.10 s`.
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Milliseconds if value < 0.0 => format!("{value} ms"),
            Self::Milliseconds => units::format_latency((value * 1e3).round() as u64),
            Self::Fraction => percent(value),
            Self::Count if value >= 0.0 && value.fract() == 0.0 => units::format_count(value as u64),
            Self::Count => units::three_figures(value),
            Self::PerSecond => format!("{}/s", units::three_figures(value)),
            Self::Seconds => format!("{} s", units::three_figures(value)),
        }
    }
}

/// A fraction as a percentage that never rounds a failure away: `0 %`, `0.02 %`, `12.5 %`, `100 %`.
fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    if value == 0.0 || value == 100.0 { format!("{value:.0} %") } else { format!("{} %", percent_figures(value)) }
}

fn percent_figures(value: f64) -> String {
    // Close to 0 and to 100 the interesting part is the distance to it.
    let distance = value.min(100.0 - value).abs();
    let decimals = match distance {
        d if d < 0.001 => 5,
        d if d < 0.1 => 3,
        d if d < 10.0 => 2,
        _ => 1,
    };
    format!("{value:.decimals$}")
}

/// A threshold and how it came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdJudgement {
    /// The threshold as written: `http_req_duration{vendor:clay}: p(95)<500`.
    pub source: String,
    /// The metric's name.
    pub metric: String,
    /// The tags that select its samples.
    pub tags: Vec<(String, String)>,
    /// For percentiles, which: 0 to 100.
    pub percentile: Option<f64>,
    /// The comparison: `<`.
    pub operator: String,
    /// The limit, in `unit`.
    pub limit: f64,
    /// The unit of the limit and of the observed value.
    pub unit: Unit,
    /// What was observed.
    pub observed: Observed,
    /// Whether it held. Without data it did not.
    pub passed: bool,
}

impl ThresholdJudgement {
    /// The limit with its comparison: `< 500 ms`.
    pub fn limit_text(&self) -> String {
        format!("{} {}", self.operator, without_zeros(&self.unit.format(self.limit)))
    }

    /// The observed value, or why there is none.
    pub fn observed_text(&self) -> String {
        match &self.observed {
            Observed::Value(value) => self.unit.format(*value),
            Observed::NoData(why) => format!("no data: {why}"),
        }
    }
}

/// A figure without decimals that say nothing, for limits and marks, which are exact: `1.00 %` is `1 %`.
pub(crate) fn without_zeros(figure: &str) -> String {
    let (number, unit) = figure.split_at(figure.find([' ', '/']).unwrap_or(figure.len()));
    match number.contains('.') {
        true => format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.')),
        false => figure.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_units() {
        assert_eq!(Unit::Milliseconds.format(123.4), "123 ms");
        assert_eq!(Unit::Milliseconds.format(2500.0), "2.50 s");
        assert_eq!(Unit::Fraction.format(0.0), "0 %");
        assert_eq!(Unit::Fraction.format(0.0125), "1.25 %");
        assert_eq!(Unit::Fraction.format(0.000_2), "0.020 %");
        assert_eq!(Unit::Fraction.format(0.999_999), "99.99990 %");
        assert_eq!(Unit::Count.format(50_000.0), "50,000");
        assert_eq!(Unit::PerSecond.format(84.24), "84.2/s");
        assert_eq!(Unit::Seconds.format(3.1), "3.10 s");
    }

    #[test]
    fn limits_are_exact() {
        for (figure, exact) in
            [("1.00 %", "1 %"), ("2.50 s", "2.5 s"), ("500 ms", "500 ms"), ("84.0/s", "84/s"), ("1,000", "1,000")]
        {
            assert_eq!(without_zeros(figure), exact);
        }
    }
}
