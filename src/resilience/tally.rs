//! The pipeline's tally: what became of every operation that was submitted to it.
//!
//! A lost lead shows only in a count: each operation is counted when it is submitted and again when it has ended, and the
//! difference is lost. Losses are never counted; they are computed.
//!
//! An operation is counted in its new state before it leaves the old one, and the states are read in the order in which
//! operations move through them. So an operation that moves during a reading is seen twice rather than never, and a reading
//! under load shows no loss that did not happen.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::outcome::OperationCounts;

/// Counters of one pipeline. The queue and the dead letters count for themselves.
#[derive(Debug, Default)]
pub(super) struct Tally {
    submitted: AtomicU64,
    unacknowledged: AtomicU64,
    /// By [`End`].
    ends: [AtomicU64; 4],
}

/// The ends of an operation that the tally counts itself, in the order in which it reads them.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Delivered,
    Duplicate,
    Degraded,
    Rejected,
}

/// An operation that has not ended. Dropped, it stays unacknowledged.
#[derive(Debug)]
pub(super) struct Submission<'a>(&'a Tally);

impl Tally {
    pub(super) fn submit(&self) -> Submission<'_> {
        self.unacknowledged.fetch_add(1, Ordering::AcqRel);
        self.submitted.fetch_add(1, Ordering::AcqRel);
        Submission(self)
    }

    /// Counts an operation that leaves the queue or the dead letters. Call it before it leaves.
    pub(super) fn count(&self, end: End) {
        self.ends[end as usize].fetch_add(1, Ordering::AcqRel);
    }

    /// It could not leave after all.
    pub(super) fn uncount(&self, end: End) {
        self.ends[end as usize].fetch_sub(1, Ordering::AcqRel);
    }

    /// Reads all counts; `backlog` reads the queue and the dead letters together.
    pub(super) fn counts(&self, backlog: impl FnOnce() -> (u64, u64)) -> OperationCounts {
        let submitted = self.submitted.load(Ordering::Acquire);
        let unacknowledged = self.unacknowledged.load(Ordering::Acquire);
        let (queued, dead_lettered) = backlog();
        let [delivered, duplicate, degraded, rejected] = self.ends.each_ref().map(|count| count.load(Ordering::Acquire));
        let found = unacknowledged + queued + dead_lettered + delivered + duplicate + degraded + rejected;
        let lost = submitted.saturating_sub(found);
        OperationCounts { submitted, delivered, duplicate, degraded, queued, dead_lettered, rejected, unacknowledged, lost }
    }
}

impl Submission<'_> {
    pub(super) fn ended(self, end: End) {
        self.0.count(end);
        self.kept();
    }

    /// The queue or the dead letters have it, and count it.
    pub(super) fn kept(self) {
        self.0.unacknowledged.fetch_sub(1, Ordering::AcqRel);
    }
}
