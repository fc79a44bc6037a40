//! One cut of the measurement: the series of a second, and the row of the timeline made from them.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::outcome::FailureKind;

use super::labels::{Labels, SampleKind};
use super::second::Second;
use super::totals::Series;

/// What was recorded between two cuts.
#[derive(Debug, Clone)]
pub struct Interval {
    /// The series that have samples.
    pub series: BTreeMap<Labels, Series>,
    /// The same in one row. Its start and length are the interval's.
    pub second: Second,
}

impl Interval {
    /// An interval of these series, its row filled in as far as the series say. Times in microseconds since the load began.
    ///
    /// # Panics
    /// Never: a resizing histogram takes every value.
    pub fn new(start_us: u64, length_us: u64, series: BTreeMap<Labels, Series>) -> Self {
        let mut second = Second { start_us, length_us, ..Second::default() };
        let mut requests = Histogram::<u64>::new(super::DIGITS).expect("3 significant digits are valid");
        for (labels, series) in &series {
            let count = series.histogram.len();
            let failed = if labels.failure.is_some() { count } else { 0 };
            second.bytes += series.bytes;
            match labels.kind {
                SampleKind::Attempt => {
                    requests.add(&series.histogram).expect("a resizing histogram takes any value");
                    second.requests += count;
                    second.failures += failed;
                    if labels.failure == Some(FailureKind::RateLimited) {
                        second.rate_limited += count;
                    }
                }
                SampleKind::Duration
                | SampleKind::Waiting
                | SampleKind::Connecting
                | SampleKind::TlsHandshaking
                | SampleKind::Interrupted => {}
                SampleKind::Iteration => {
                    second.iterations += count;
                    second.iteration_us += series.sum_us;
                    second.iterations_failed += failed;
                }
            }
        }
        if !requests.is_empty() {
            second.p50_us = requests.value_at_quantile(0.50);
            second.p95_us = requests.value_at_quantile(0.95);
            second.p99_us = requests.value_at_quantile(0.99);
            second.max_us = requests.max();
        }
        Self { series, second }
    }
}
