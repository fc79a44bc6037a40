//! A run as the renderers look at it: the figures that several of them show, computed once.

use std::collections::BTreeSet;

use hdrhistogram::Histogram;

use crate::measure::{SampleKind, Second};
use crate::outcome::{Peer, Vendor};
use crate::result::Run;

use super::Judged;

/// Most points of a line in a picture; longer runs are drawn in columns of several seconds.
const MOST_COLUMNS: usize = 900;

/// A run with what was judged of it, and figures that several renderers need.
pub(super) struct View<'a> {
    pub(super) run: &'a Run,
    pub(super) judged: &'a Judged,
    /// All requests' durations in microseconds.
    pub(super) attempts: Histogram<u64>,
    /// Requests.
    pub(super) total: u64,
    /// Requests that failed.
    pub(super) failed: u64,
    /// The end of the load, in microseconds since it began.
    pub(super) end_us: u64,
    /// The faults that were active, in order of their starts.
    pub(super) bands: Vec<Band>,
}

/// A fault as it was active, in microseconds since the load began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Band {
    /// Its index in the run's result.
    pub(super) fault: usize,
    pub(super) name: String,
    pub(super) vendors: Vec<Vendor>,
    pub(super) start_us: u64,
    pub(super) end_us: u64,
    /// Whether it ended before the load did.
    pub(super) ended: bool,
}

impl Band {
    /// Whether it is a fault of this vendor.
    pub(super) fn hits(&self, vendor: Vendor) -> bool {
        self.vendors.is_empty() || self.vendors.contains(&vendor)
    }

    /// Whether any part of a second lies in it.
    pub(super) fn touches(&self, second: &Second) -> bool {
        self.start_us < second.start_us + second.length_us && self.end_us > second.start_us
    }
}

impl<'a> View<'a> {
    pub(super) fn new(run: &'a Run, judged: &'a Judged) -> Self {
        let last = run.seconds.last().map_or(0, |second| second.start_us + second.length_us);
        let end_us = if run.result.load_us > 0 { run.result.load_us } else { last };
        let attempts = run.totals.merged(SampleKind::Attempt, |_| true);
        Self {
            run,
            judged,
            total: attempts.len(),
            attempts,
            failed: run.totals.count(SampleKind::Attempt, |labels| labels.failure.is_some()),
            end_us,
            bands: bands(run, end_us),
        }
    }

    /// From the load's beginning until nothing was submitted any more.
    pub(super) fn submitting_us(&self) -> u64 {
        self.end_us.saturating_sub(self.run.result.rest_us)
    }

    /// Vendors that requests went to.
    pub(super) fn vendors(&self) -> BTreeSet<Peer> {
        let attempts = self.run.totals.series.keys().filter(|labels| labels.kind == SampleKind::Attempt);
        attempts.map(|labels| labels.vendor).collect()
    }

    /// Vendors with a circuit breaker.
    pub(super) fn breakers(&self) -> BTreeSet<Vendor> {
        self.run.seconds.iter().flat_map(|second| second.gauges.breakers.keys().copied()).collect()
    }

    /// The highest rate of a whole second, and when that second began; `None` for a load that fits into a part of one.
    pub(super) fn peak(&self) -> Option<(f64, u64)> {
        // A second in which the load came to its end is not whole, however long it was.
        let end_us = self.submitting_us().saturating_add(100_000);
        let is_whole = |second: &&Second| second.length_us >= 900_000 && second.start_us + second.length_us <= end_us;
        let whole = self.run.seconds.iter().filter(is_whole);
        let rates = whole.filter(|second| second.requests > 0).map(|second| (second.rate(), second.start_us));
        // The first of equals.
        rates.reduce(|best, next| if next.0 > best.0 { next } else { best })
    }

    /// A percentile of all requests' durations in microseconds.
    pub(super) fn percentile(&self, percentile: f64) -> Option<u64> {
        (self.total > 0).then(|| self.attempts.value_at_percentile(percentile))
    }

    /// Whether a fault was active in a second.
    pub(super) fn is_faulty(&self, second: &Second) -> bool {
        self.bands.iter().any(|band| band.touches(second))
    }

    /// Seconds that one column of a picture stands for.
    pub(super) fn column_seconds(&self) -> usize {
        self.run.seconds.len().div_ceil(MOST_COLUMNS).max(1)
    }

    /// The seconds in columns that a picture has room for; `combine` makes one figure of the seconds of a column.
    pub(super) fn columns(&self, combine: Combine) -> Vec<Column<'a>> {
        let chunks = self.run.seconds.chunks(self.column_seconds());
        chunks.filter_map(|seconds| Column::of(seconds, combine)).collect()
    }
}

/// Reads one figure of a second.
pub(super) type Read = fn(&Second) -> u64;

/// Makes one figure of several seconds.
pub(super) type Combine = fn(&[Second], Read) -> u64;

/// One or several seconds in a row; times in seconds since the load began.
pub(super) struct Column<'a> {
    seconds: &'a [Second],
    combine: Combine,
    pub(super) middle: f64,
    pub(super) end: f64,
    pub(super) length: f64,
}

impl<'a> Column<'a> {
    fn of(seconds: &'a [Second], combine: Combine) -> Option<Self> {
        let (first, last) = (seconds.first()?, seconds.last()?);
        let (start, end) = (first.start_us as f64 / 1e6, (last.start_us + last.length_us) as f64 / 1e6);
        let length = seconds.iter().map(|second| second.length_us).sum::<u64>() as f64 / 1e6;
        Some(Self { seconds, combine, middle: (start + end) / 2.0, end, length })
    }

    /// Iterations a second that the plan asks for, on average.
    pub(super) fn rate_planned(&self) -> f64 {
        self.seconds.iter().map(|second| second.planned.rate).sum::<f64>() / self.seconds.len() as f64
    }

    pub(super) fn value(&self, read: Read) -> u64 {
        (self.combine)(self.seconds, read)
    }
}

fn bands(run: &Run, end_us: u64) -> Vec<Band> {
    let mut bands: Vec<Band> = run
        .result
        .faults
        .iter()
        .enumerate()
        .filter_map(|(index, fault)| {
            let start_us = fault.started_us.filter(|start| *start < end_us)?;
            let ended_us = fault.ended_us.filter(|end| *end <= end_us);
            Some(Band {
                fault: index,
                name: fault.name.clone(),
                vendors: fault.vendors.clone(),
                start_us,
                end_us: ended_us.unwrap_or(end_us).max(start_us),
                ended: ended_us.is_some(),
            })
        })
        .collect();
    bands.sort_by_key(|band| (band.start_us, band.end_us));
    bands
}
