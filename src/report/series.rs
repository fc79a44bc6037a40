//! Requests grouped by route and by kind of failure.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::measure::{DIGITS, SampleKind};
use crate::outcome::{FailureKind, Peer};
use crate::result::Run;

/// The requests of one route.
pub(super) struct Route {
    pub(super) vendor: Peer,
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) failed: u64,
    /// Durations in microseconds, exact mean beside the histogram.
    pub(super) mean_us: f64,
    pub(super) histogram: Histogram<u64>,
}

/// The routes, the most used first.
pub(super) fn routes(run: &Run) -> Vec<Route> {
    let mut routes: BTreeMap<(Peer, &str), (Route, u128)> = BTreeMap::new();
    for (labels, series) in run.totals.series.iter().filter(|(labels, _)| labels.kind == SampleKind::Attempt) {
        let (route, sum) = routes.entry((labels.vendor, &labels.name)).or_insert_with(|| {
            let histogram = Histogram::new(DIGITS).expect("3 significant digits are valid");
            let name = labels.name.clone();
            (Route { vendor: labels.vendor, name, count: 0, failed: 0, mean_us: 0.0, histogram }, 0)
        });
        route.histogram.add(&series.histogram).expect("a resizing histogram takes any value");
        route.failed += if labels.failure.is_some() { series.histogram.len() } else { 0 };
        *sum += u128::from(series.sum_us);
    }
    let finished = routes.into_values().map(|(mut route, sum)| {
        route.count = route.histogram.len();
        route.mean_us = sum as f64 / route.count.max(1) as f64;
        route
    });
    let mut routes: Vec<Route> = finished.filter(|route| route.count > 0).collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.count));
    routes
}

/// How long the pauses that a vendor asked for took, in microseconds: what two of them share counts once. They come in order, each
/// with when it was asked for and for how many milliseconds.
pub(super) fn paused_us(pauses: impl IntoIterator<Item = (u64, u64)>) -> u64 {
    let mut until_us = 0;
    pauses.into_iter().fold(0, |sum, (at_us, for_ms)| {
        let (from_us, to_us) = (at_us.max(until_us), at_us.saturating_add(for_ms.saturating_mul(1_000)));
        until_us = until_us.max(to_us);
        sum + to_us.saturating_sub(from_us)
    })
}

/// The middle of some values, which one odd value does not move.
pub(super) fn median(values: impl IntoIterator<Item = u64>) -> Option<u64> {
    let mut sorted: Vec<u64> = values.into_iter().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// The failures of one kind at one vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) vendor: Peer,
    pub(super) kind: FailureKind,
    /// The HTTP status; 0 where there was no answer.
    pub(super) status: u16,
    pub(super) count: u64,
    pub(super) under_fault: u64,
}

impl Failures {
    /// Those while no fault was active for the vendor.
    pub(super) fn outside(&self) -> u64 {
        self.count - self.under_fault
    }

    /// `server_error (503)`, `timeout`.
    pub(super) fn name(&self) -> String {
        if self.status == 0 { self.kind.to_string() } else { format!("{} ({})", self.kind, self.status) }
    }
}

/// Failed requests by kind, the most frequent first.
pub(super) fn failures(run: &Run) -> Vec<Failures> {
    let mut rows: BTreeMap<(Peer, FailureKind, u16), (u64, u64)> = BTreeMap::new();
    for (labels, series) in run.totals.series.iter().filter(|(labels, _)| labels.kind == SampleKind::Attempt) {
        let Some(kind) = labels.failure else { continue };
        let (count, under_fault) = rows.entry((labels.vendor, kind, labels.status)).or_default();
        *count += series.histogram.len();
        *under_fault += if labels.under_fault { series.histogram.len() } else { 0 };
    }
    let row = |((vendor, kind, status), (count, under_fault))| Failures { vendor, kind, status, count, under_fault };
    let mut rows: Vec<Failures> = rows.into_iter().map(row).filter(|row| row.count > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pauses_share_counts_once() {
        let ms = |ms: u64| ms * 1_000;
        assert_eq!(paused_us([]), 0);
        assert_eq!(paused_us([(ms(100), 50), (ms(200), 50)]), ms(100));
        assert_eq!(paused_us([(ms(100), 50), (ms(120), 50), (ms(120), 10)]), ms(70));
        assert_eq!(paused_us((0..116).map(|index| (ms(index * 200), 1_000))), ms(115 * 200 + 1_000));
    }
}
