//! Where one worker thread records: series by a packed key, swapped out whole once a second.
//!
//! One histogram behind one lock costs 130 ns a record as soon as two threads share it, and one a user costs hundreds of
//! megabytes at a thousand users. A table a thread costs neither: its lock is free except for the instant of the swap.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::HIGHEST_US;
use super::labels::SeriesKey;
use super::totals::{CheckCount, Series};
use crate::units::micros;

/// Swaps after which a series without samples gives its memory back: phases come and go in a long run.
const IDLE_SWAPS: u32 = 60;

/// Multiplies and folds: packed keys need no more, and no one can choose them to collide.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        let mixed = u128::from(self.0 ^ key ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
        self.0 = (mixed >> 64) as u64 ^ mixed as u64;
    }
}

/// One series in a table.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) key: SeriesKey,
    pub(super) series: Series,
    idle: u32,
}

/// The samples of one thread since the last swap.
#[derive(Debug)]
pub(super) struct Table {
    cells: HashMap<u64, Cell, BuildHasherDefault<KeyHasher>>,
    pub(super) checks: Vec<CheckCount>,
    /// Durations beyond [`HIGHEST_US`], recorded as that.
    pub(super) clamped: u64,
}

impl Table {
    pub(super) fn new(checks: usize) -> Self {
        Self { cells: HashMap::default(), checks: vec![CheckCount::default(); checks], clamped: 0 }
    }

    /// Adds a sample. Allocates when a series is new or meets a longer duration than ever before, else never.
    pub(super) fn record(&mut self, key: SeriesKey, duration: Duration, bytes: u64) {
        self.clamped += u64::from(micros(duration) > HIGHEST_US);
        self.record_again(key, duration, bytes);
    }

    /// Adds another duration of a sample that has been added.
    pub(super) fn record_again(&mut self, key: SeriesKey, duration: Duration, bytes: u64) {
        let cell = self.cells.entry(key.packed()).or_insert_with(|| Cell { key, series: Series::new(), idle: 0 });
        cell.series.record(micros(duration), bytes);
    }

    /// Hands every series that has samples to `take` and empties the table, keeping its memory for the next second.
    pub(super) fn drain(&mut self, mut take: impl FnMut(&SeriesKey, &Series)) {
        self.cells.retain(|_, cell| {
            if cell.series.histogram.is_empty() {
                cell.idle += 1;
                return cell.idle < IDLE_SWAPS;
            }
            take(&cell.key, &cell.series);
            cell.series.clear();
            cell.idle = 0;
            true
        });
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
    fn a_series_that_speaks_now_and_then_keeps_its_memory() {
        let mut table = Table::new(0);
        for _ in 0..3 {
            table.record(key(), Duration::from_millis(3), 1);
            (1..IDLE_SWAPS).for_each(|_| table.drain(|_, _| ()));
            assert_eq!(table.cells.len(), 1);
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
