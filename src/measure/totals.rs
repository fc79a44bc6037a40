//! Everything measured since the load began, one series a set of labels.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::labels::{Labels, SampleKind};

/// One series: exact sums beside the histogram, which rounds to three digits.
#[derive(Clone)]
pub struct Series {
    /// Durations in microseconds.
    pub histogram: Histogram<u64>,
    /// Exact sum of the durations in microseconds.
    pub sum_us: u64,
    /// Bytes of answers' bodies.
    pub bytes: u64,
}

impl fmt::Debug for Series {
    /// The sums alone: a histogram has thousands of counts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { histogram, sum_us, bytes } = self;
        f.debug_struct("Series")
            .field("count", &histogram.len())
            .field("sum_us", sum_us)
            .field("bytes", bytes)
            .finish_non_exhaustive()
    }
}

impl Default for Series {
    fn default() -> Self {
        Self::new()
    }
}

impl Series {
    /// A series without samples.
    ///
    /// # Panics
    /// Never: three significant digits are valid.
    pub fn new() -> Self {
        Self { histogram: Histogram::new(super::DIGITS).expect("3 significant digits are valid"), sum_us: 0, bytes: 0 }
    }

    /// Adds a sample. The histogram takes at most [`super::HIGHEST_US`]; the sum is exact.
    pub(crate) fn record(&mut self, us: u64, bytes: u64) {
        self.histogram.record(us.min(super::HIGHEST_US)).expect("a resizing histogram takes any value");
        self.sum_us = self.sum_us.saturating_add(us);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Adds all samples of another series.
    ///
    /// # Panics
    /// Never: a resizing histogram takes every value.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("a resizing histogram takes any value");
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Forgets the samples and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.histogram.reset();
        self.sum_us = 0;
        self.bytes = 0;
    }
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
    /// Requests that the end of the run cut off: they are in no series.
    pub interrupted_requests: u64,
    /// Transactions that panicked.
    pub panics: u64,
}

impl Totals {
    /// Adds samples to the series of these labels.
    pub fn add(&mut self, labels: &Labels, added: &Series) {
        match self.series.get_mut(labels) {
            Some(series) => series.merge(added),
            None => drop(self.series.insert(labels.clone(), added.clone())),
        }
    }

    /// Adds a histogram to the series of these labels; its sums are left to be set.
    ///
    /// # Panics
    /// Never: a resizing histogram takes every value.
    pub fn add_histogram(&mut self, labels: Labels, added: &Histogram<u64>) {
        let series = self.series.entry(labels).or_default();
        series.histogram.add(added).expect("a resizing histogram takes any value");
    }

    /// Adds passes and fails of a check.
    pub(super) fn add_check(&mut self, name: &str, added: CheckCount) {
        if let Some(check) = self.checks.get_mut(name) {
            check.passes += added.passes;
            check.fails += added.fails;
        }
    }

    /// The merged histogram of all series of a kind whose labels pass `select`, in microseconds.
    ///
    /// # Panics
    /// Never: a resizing histogram takes every value.
    pub fn merged(&self, kind: SampleKind, select: impl Fn(&Labels) -> bool) -> Histogram<u64> {
        let mut merged = Histogram::new(super::DIGITS).expect("3 significant digits are valid");
        for series in self.chosen(kind, select) {
            merged.add(&series.histogram).expect("a resizing histogram takes any value");
        }
        merged
    }

    /// The mean of all series of a kind whose labels pass `select`, in microseconds, from the exact sums; `None` without samples.
    pub fn mean_us(&self, kind: SampleKind, select: impl Fn(&Labels) -> bool) -> Option<f64> {
        let add = |(count, sum), series: &Series| (count + series.histogram.len(), sum + u128::from(series.sum_us));
        let (count, sum) = self.chosen(kind, select).fold((0_u64, 0_u128), add);
        (count > 0).then(|| sum as f64 / count as f64)
    }

    fn chosen(&self, kind: SampleKind, select: impl Fn(&Labels) -> bool) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |(labels, _)| labels.kind == kind && select(labels)).map(|(_, series)| series)
    }

    /// Number of samples of a kind whose labels pass `select`.
    pub fn count(&self, kind: SampleKind, select: impl Fn(&Labels) -> bool) -> u64 {
        self.chosen(kind, select).map(|series| series.histogram.len()).sum()
    }
}
