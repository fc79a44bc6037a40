//! What the recorders of all threads and the collector share.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use super::labels::{Labels, SeriesKey, Source};
use super::receiver::SampleReceiver;
use super::shard::Shard;
use super::timetable::Timetable;
use crate::clock::LoadClock;

/// What the recorder's clones and the collector share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: LoadClock,
    pub(super) timetable: Timetable,
    pub(super) sources: Vec<Source>,
    pub(super) checks: Vec<String>,
    pub(super) receivers: Vec<Arc<dyn SampleReceiver>>,
    /// A power of two of them.
    pub(super) shards: Box<[Shard]>,
    pub(super) panics: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) interrupted: AtomicU64,
    pub(super) users: AtomicI64,
    /// The most users at once since the last cut.
    pub(super) peak_users: AtomicI64,
}

impl Shared {
    pub(super) fn source(&self, index: u16) -> &Source {
        &self.sources[usize::from(index)]
    }

    pub(super) fn labels(&self, key: &SeriesKey) -> Labels {
        Labels::of(key, self.source(key.source))
    }

    pub(super) fn active_users(&self) -> u32 {
        users(self.users.load(Ordering::Relaxed))
    }

    /// The most users at once since the last call.
    pub(super) fn take_peak_users(&self) -> u32 {
        users(self.peak_users.swap(self.users.load(Ordering::Relaxed), Ordering::Relaxed))
    }

    pub(super) fn shard(&self) -> &Shard {
        // A power of two: a division would cost more than the lock.
        &self.shards[thread_number() & (self.shards.len() - 1)]
    }
}

fn users(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

/// A number of the current thread, counted from 0 in the order in which threads first record.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}
