//! Where one worker thread records: series by a packed key, swapped out whole once a second.
//!
//! One histogram behind one lock costs 130 ns a record as soon as two threads share it, and one a user costs hundreds of
//! megabytes at a thousand users. A table a thread costs neither: its lock is free except for the instant of the swap.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;
use hdrhistogram::Histogram;

use super::HIGHEST_US;
use super::labels::SeriesKey;
use super::totals::{CheckCount, Series};
use crate::units::micros;

/// Swaps after which a series without samples gives its memory back: phases come and go in a long run.
const IDLE_SWAPS: u32 = 60;

/// No packed key has all bits.
const NO_KEY: u64 = u64::MAX;

/// One series in a table.
#[derive(Debug)]
struct Cell {
    key: SeriesKey,
    series: Series,
    /// Of requests, the sources of the same series in shorter times: over their connections, and to the heads of their answers.
    shorter: Option<[u16; 2]>,
    /// How each of those series differs from the one before, when a request's time does.
    differences: [Option<Box<Difference>>; 2],
    idle: u32,
}

/// The requests of a series of which a shorter time is not the whole. Of most it is: their times are one count.
#[derive(Debug)]
struct Difference {
    /// What the shorter times leave out, in all.
    sum_us: u64,
    /// Whole times that a histogram tells from those below.
    whole: Histogram<u64>,
    /// The shorter times of the same requests.
    shorter: Histogram<u64>,
}

impl Difference {
    fn new() -> Self {
        let [whole, shorter] = [0; 2].map(|_| Series::new().histogram);
        Self { sum_us: 0, whole, shorter }
    }

    fn record(&mut self, whole: u64, shorter: u64) {
        self.sum_us = self.sum_us.saturating_add(whole - shorter);
        let [whole, shorter] = [whole, shorter].map(|us| us.min(HIGHEST_US));
        if !self.whole.equivalent(whole, shorter) {
            for (histogram, us) in [(&mut self.whole, whole), (&mut self.shorter, shorter)] {
                histogram.record(us).expect("a resizing histogram takes any value");
            }
        }
    }

    /// Makes whole times the shorter ones.
    fn take_from(&self, series: &mut Series) {
        series.sum_us = series.sum_us.saturating_sub(self.sum_us);
        series.histogram.subtract(&self.whole).expect("all of them are in there");
        series.histogram.add(&self.shorter).expect("a resizing histogram takes any value");
    }

    fn clear(&mut self) {
        self.sum_us = 0;
        self.whole.reset();
        self.shorter.reset();
    }
}

/// The samples of one thread since the last swap.
#[derive(Debug)]
pub(super) struct Table {
    cells: Vec<Cell>,
    /// Where the cell of a packed key is. No one can choose these to collide.
    places: HashMap<u64, usize, FixedState>,
    /// The packed key of the last sample, and its place: the next is mostly of the same series.
    last: (u64, usize),
    pub(super) checks: Vec<CheckCount>,
    /// Durations beyond [`HIGHEST_US`], recorded as that.
    pub(super) clamped: u64,
}

impl Table {
    pub(super) fn new(checks: usize) -> Self {
        let checks = vec![CheckCount::default(); checks];
        Self { cells: Vec::new(), places: HashMap::default(), last: (NO_KEY, 0), checks, clamped: 0 }
    }

    /// Adds a sample. Allocates when a series is new or meets a longer duration than ever before, else never.
    pub(super) fn record(&mut self, key: SeriesKey, duration: Duration, bytes: u64) {
        let us = micros(duration);
        self.cell(key, us).series.record(us, bytes);
    }

    /// Adds a request: what it took, in microseconds, since it was due, over its connection, and to the head of its answer, each no longer than the
    /// one before. `shorter` are the sources of the second and third.
    pub(super) fn record_request(&mut self, key: SeriesKey, times: [u64; 3], shorter: [u16; 2], bytes: u64) {
        let cell = self.cell(key, times[0]);
        cell.series.record(times[0], bytes);
        cell.shorter = Some(shorter);
        for (difference, pair) in cell.differences.iter_mut().zip(times.windows(2)) {
            if pair[1] < pair[0] {
                difference.get_or_insert_with(|| Box::new(Difference::new())).record(pair[0], pair[1]);
            }
        }
    }

    fn cell(&mut self, key: SeriesKey, us: u64) -> &mut Cell {
        self.clamped += u64::from(us > HIGHEST_US);
        let packed = key.packed();
        if self.last.0 != packed {
            self.last = (packed, self.place(key, packed));
        }
        &mut self.cells[self.last.1]
    }

    fn place(&mut self, key: SeriesKey, packed: u64) -> usize {
        *self.places.entry(packed).or_insert_with(|| {
            self.cells.push(Cell { key, series: Series::new(), shorter: None, differences: [None, None], idle: 0 });
            self.cells.len() - 1
        })
    }

    /// Hands every series that has samples to `take` and empties the table, keeping its memory for the next second.
    pub(super) fn drain(&mut self, mut take: impl FnMut(&SeriesKey, &Series)) {
        let before = self.cells.len();
        self.cells.retain_mut(|cell| {
            if cell.series.histogram.is_empty() {
                cell.idle += 1;
                return cell.idle < IDLE_SWAPS;
            }
            take(&cell.key, &cell.series);
            // The bytes of answers are counted once.
            cell.series.bytes = 0;
            for (source, difference) in cell.shorter.into_iter().flatten().zip(&mut cell.differences) {
                if let Some(difference) = difference {
                    difference.take_from(&mut cell.series);
                    difference.clear();
                }
                take(&cell.key.with_source(source), &cell.series);
            }
            cell.series.clear();
            cell.idle = 0;
            true
        });
        if self.cells.len() < before {
            self.places = self.cells.iter().enumerate().map(|(place, cell)| (cell.key.packed(), place)).collect();
            self.last = (NO_KEY, 0);
        }
        self.checks.fill(CheckCount::default());
        self.clamped = 0;
    }
}

/// A table with its lock, on cache lines of its own (two, for processors that fetch lines in pairs).
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard(Mutex<Table>);

impl Shard {
    pub(super) fn new(table: Table) -> Self {
        Self(Mutex::new(table))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        // A panic elsewhere in the thread leaves counts that are whole: nothing in a record can stop half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SeriesKey {
        SeriesKey { source: 0, status: 0, failure: None, phase: 0, under_fault: false, retry: false }
    }

    #[test]
    fn a_series_that_falls_silent_gives_its_memory_back() {
        let mut table = Table::new(0);
        table.record(key(), Duration::from_millis(3), 1);
        let mut seen = 0;
        for _ in 0..=IDLE_SWAPS {
            table.drain(|_, series| seen += series.histogram.len());
        }
        assert_eq!((seen, table.cells.len()), (1, 0));
    }

    #[test]
    fn what_others_outlive_takes_nothing_from_them() {
        let mut table = Table::new(0);
        let of = |source| SeriesKey { source, ..key() };
        table.record(of(1), Duration::from_millis(3), 1);
        for _ in 0..=IDLE_SWAPS {
            table.record(of(2), Duration::from_millis(3), 1);
            table.drain(|_, _| ());
        }
        let mut seen = Vec::new();
        [2, 1, 2].into_iter().for_each(|source| table.record(of(source), Duration::from_millis(3), 1));
        table.drain(|key, series| seen.push((key.source, series.histogram.len())));
        assert_eq!(seen, [(2, 2), (1, 1)]);
    }

    #[test]
    fn a_series_that_speaks_now_and_then_keeps_its_memory() {
        let mut table = Table::new(0);
        for _ in 0..3 {
            table.record(key(), Duration::from_millis(3), 1);
            (1..IDLE_SWAPS).for_each(|_| table.drain(|_, _| ()));
            assert_eq!(table.cells.len(), 1);
        }
    }

    #[test]
    fn shorter_times_of_requests_are_exact_whether_they_differ_or_not() {
        let mut table = Table::new(0);
        for round in [1, 2] {
            let mut series = [0; 3].map(|_| Series::new());
            let times = [[5, 5, 5], [10_000, 9_999, 9_000], [700_000, 300, 300], [2, 1, 0], [90, 90, 89], [5_000_000, round, 0]];
            for times in times {
                table.record_request(key(), times, [7, 8], 3);
                for (index, (series, us)) in series.iter_mut().zip(times).enumerate() {
                    series.record(us, if index == 0 { 3 } else { 0 });
                }
            }
            let of = |series: &Series| {
                let counts = series.histogram.iter_recorded().map(|count| (count.value_iterated_to(), count.count_at_value()));
                (counts.collect::<Vec<_>>(), series.histogram.min(), series.histogram.max(), series.sum_us, series.bytes)
            };
            let mut taken = Vec::new();
            table.drain(|key, series| taken.push((key.source, of(series))));
            let [due, handed, waiting] = series.each_ref().map(of);
            assert_eq!(taken, [(0, due), (7, handed), (8, waiting)]);
        }
    }

    #[test]
    fn a_drained_table_keeps_its_series_for_the_next_second() {
        let mut table = Table::new(0);
        for round in 1..=3 {
            table.record(key(), Duration::from_micros(round), 10);
            let mut taken = Vec::new();
            table.drain(|_, series| taken.push((series.histogram.len(), series.sum_us, series.bytes)));
            assert_eq!(taken, [(1, round, 10)]);
            assert_eq!(table.cells.len(), 1);
        }
    }
}
