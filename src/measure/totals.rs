//! Everything measured since the load began, one series a set of labels.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::labels::{Labels, SampleKind};

/// One series: exact sums beside the histogram, which rounds to three digits.
#[derive(Debug, Clone)]
pub struct Series {
    /// Durations in microseconds.
    pub histogram: Histogram<u64>,
    /// Exact sum of the durations in microseconds.
    pub sum_us: u64,
    /// Bytes of answers' bodies.
    pub bytes: u64,
}

/// How often a check passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckCount {
    /// Times it held.
    pub passes: u64,
    /// Times it did not.
    pub fails: u64,
}

/// Everything measured so far. What thresholds, capacity and reports are computed from, live and from a saved run.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Series by labels.
    pub series: BTreeMap<Labels, Series>,
    /// Checks by name.
    pub checks: BTreeMap<String, CheckCount>,
    /// Iterations that were due and could not start.
    pub dropped_iterations: u64,
    /// Iterations that the end of the run cut off.
    pub interrupted_iterations: u64,
    /// Transactions that panicked.
    pub panics: u64,
}

impl Totals {
    /// The merged histogram of all series of a kind whose labels pass `select`, in microseconds.
    ///
    /// # Panics
    /// Never: a resizing histogram takes every value.
    pub fn merged(&self, kind: SampleKind, select: impl Fn(&Labels) -> bool) -> Histogram<u64> {
        let mut merged = Histogram::new(super::DIGITS).expect("3 significant digits are valid");
        for (labels, series) in &self.series {
            if labels.kind == kind && select(labels) {
                merged.add(&series.histogram).expect("a resizing histogram takes any value");
            }
        }
        merged
    }

    /// Number of samples of a kind whose labels pass `select`.
    pub fn count(&self, kind: SampleKind, select: impl Fn(&Labels) -> bool) -> u64 {
        let chosen = self.series.iter().filter(|(labels, _)| labels.kind == kind && select(labels));
        chosen.map(|(_, series)| series.histogram.len()).sum()
    }
}
