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
    /// Of requests, the source of the same series from when they were sent.
    from_sent: Option<u16>,
    /// How that series differs, when a request of this one has waited.
    waited: Option<Box<Waited>>,
    idle: u32,
}

/// The requests of a series that were sent later than they were due. Most are not: their two times are one count.
#[derive(Debug)]
struct Waited {
    /// What they waited, in all.
    sum_us: u64,
    /// Times since they were due that a histogram tells from those below.
    due: Histogram<u64>,
    /// The times of the same requests since they were sent.
    sent: Histogram<u64>,
}

impl Waited {
    fn new() -> Self {
        let [due, sent] = [0; 2].map(|_| Series::new().histogram);
        Self { sum_us: 0, due, sent }
    }

    fn record(&mut self, since_due: u64, since_sent: u64) {
        self.sum_us = self.sum_us.saturating_add(since_due - since_sent);
        let [since_due, since_sent] = [since_due, since_sent].map(|us| us.min(HIGHEST_US));
        if !self.due.equivalent(since_due, since_sent) {
            for (histogram, us) in [(&mut self.due, since_due), (&mut self.sent, since_sent)] {
                histogram.record(us).expect("a resizing histogram takes any value");
            }
        }
    }

    /// Makes times since requests were due those since they were sent.
    fn take_from(&self, series: &mut Series) {
        series.sum_us = series.sum_us.saturating_sub(self.sum_us);
        series.histogram.subtract(&self.due).expect("all of them are in there");
        series.histogram.add(&self.sent).expect("a resizing histogram takes any value");
    }

    fn clear(&mut self) {
        self.sum_us = 0;
        self.due.reset();
        self.sent.reset();
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

    /// Adds a request that took `since_due`, of which it waited to be sent for `waited`. `from_sent` is the source of the series
    /// that this wait does not count in.
    pub(super) fn record_request(&mut self, key: SeriesKey, since_due: Duration, waited: Duration, from_sent: u16, bytes: u64) {
        let us = micros(since_due);
        let cell = self.cell(key, us);
        cell.series.record(us, bytes);
        cell.from_sent = Some(from_sent);
        if !waited.is_zero() {
            let since_sent = micros(since_due.saturating_sub(waited));
            cell.waited.get_or_insert_with(|| Box::new(Waited::new())).record(us, since_sent);
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
            self.cells.push(Cell { key, series: Series::new(), from_sent: None, waited: None, idle: 0 });
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
            if let Some(source) = cell.from_sent {
                // The bytes of answers are counted in the other.
                cell.series.bytes = 0;
                if let Some(waited) = &mut cell.waited {
                    waited.take_from(&mut cell.series);
                    waited.clear();
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
    fn times_since_requests_were_sent_are_exact_whether_they_waited_or_not() {
        let us = Duration::from_micros;
        let mut table = Table::new(0);
        for round in [1, 2] {
            let (mut due, mut sent) = (Series::new(), Series::new());
            for (since_due, since_sent) in [(5, 5), (10_000, 9_999), (700_000, 300), (2, 1), (90, 90), (5_000_000, round)] {
                table.record_request(key(), us(since_due), us(since_due - since_sent), 7, 3);
                due.record(since_due, 3);
                sent.record(since_sent, 0);
            }
            let of = |series: &Series| {
                let counts = series.histogram.iter_recorded().map(|count| (count.value_iterated_to(), count.count_at_value()));
                (counts.collect::<Vec<_>>(), series.histogram.min(), series.histogram.max(), series.sum_us, series.bytes)
            };
            let mut taken = Vec::new();
            table.drain(|key, series| taken.push((key.source, of(series))));
            assert_eq!(taken, [(0, of(&due)), (7, of(&sent))]);
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
