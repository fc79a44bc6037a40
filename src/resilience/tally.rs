//! The pipeline's own books: what became of every operation that was handed to it.
//!
//! A lost lead shows only if somebody counts: each operation is entered when it comes in and moved when its fate is known,
//! and what the sums miss is lost. Nothing is entered as lost; it is computed.
//!
//! An operation is entered in its new place before it leaves the old one, and places are read in the order in which
//! operations move through them. So one that moves during a reading is seen twice rather than never, and a reading under
//! load shows no loss that did not happen.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::outcome::LeadCounts;

/// Counters of one pipeline. The queue and the dead letters count for themselves.
#[derive(Debug, Default)]
pub(super) struct Tally {
    submitted: AtomicU64,
    unacknowledged: AtomicU64,
    delivered: AtomicU64,
    duplicate: AtomicU64,
    degraded: AtomicU64,
    rejected: AtomicU64,
}

/// An operation whose fate is not known yet. Dropped, it stays unacknowledged.
#[derive(Debug)]
pub(super) struct Submission<'a>(&'a Tally);

impl Tally {
    pub(super) fn submit(&self) -> Submission<'_> {
        self.unacknowledged.fetch_add(1, Ordering::AcqRel);
        self.submitted.fetch_add(1, Ordering::AcqRel);
        Submission(self)
    }

    /// An entry of the queue was delivered. To be called before it leaves the queue.
    pub(super) fn delivered_from_queue(&self) {
        self.delivered.fetch_add(1, Ordering::AcqRel);
    }

    /// An entry of the queue is answered by a fallback. To be called before it leaves the queue.
    pub(super) fn degraded_from_queue(&self) {
        self.degraded.fetch_add(1, Ordering::AcqRel);
    }

    /// An entry of the queue is rejected by policy. To be called before it leaves the queue.
    pub(super) fn rejected_from_queue(&self) {
        self.rejected.fetch_add(1, Ordering::AcqRel);
    }

    /// The entry could not leave the queue after all.
    pub(super) fn not_degraded_from_queue(&self) {
        self.degraded.fetch_sub(1, Ordering::AcqRel);
    }

    /// The entry could not leave the queue after all.
    pub(super) fn not_rejected_from_queue(&self) {
        self.rejected.fetch_sub(1, Ordering::AcqRel);
    }

    /// A letter turned out to be a duplicate. To be called before it leaves the dead letters.
    pub(super) fn found_duplicate(&self) {
        self.duplicate.fetch_add(1, Ordering::AcqRel);
    }

    /// Reads all counts; `backlog` reads the queue and the dead letters together.
    pub(super) fn counts(&self, backlog: impl FnOnce() -> (u64, u64)) -> LeadCounts {
        let submitted = self.submitted.load(Ordering::Acquire);
        let unacknowledged = self.unacknowledged.load(Ordering::Acquire);
        let (queued, dead_lettered) = backlog();
        let [delivered, duplicate, degraded, rejected] =
            [&self.delivered, &self.duplicate, &self.degraded, &self.rejected].map(|count| count.load(Ordering::Acquire));
        let found = unacknowledged + queued + dead_lettered + delivered + duplicate + degraded + rejected;
        let lost = submitted.saturating_sub(found);
        LeadCounts { submitted, delivered, duplicate, degraded, queued, dead_lettered, rejected, unacknowledged, lost }
    }
}

impl Submission<'_> {
    pub(super) fn delivered(self) {
        self.settle(Some(&self.0.delivered));
    }

    pub(super) fn duplicate(self) {
        self.settle(Some(&self.0.duplicate));
    }

    pub(super) fn degraded(self) {
        self.settle(Some(&self.0.degraded));
    }

    pub(super) fn rejected(self) {
        self.settle(Some(&self.0.rejected));
    }

    /// The queue or the dead letters have it, and count it.
    pub(super) fn kept(self) {
        self.settle(None);
    }

    fn settle(&self, place: Option<&AtomicU64>) {
        if let Some(place) = place {
            place.fetch_add(1, Ordering::AcqRel);
        }
        self.0.unacknowledged.fetch_sub(1, Ordering::AcqRel);
    }
}
