//! The pool of a queue's workers: in which phase it is, and how many entries it has leased.

use tokio::sync::watch;

/// The phases in which a pool stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Working,
    /// No more entries are leased.
    Finishing,
    /// Leased entries are released.
    Releasing,
}

/// The state that the workers of one pipeline share: whether they may lease, and how many have.
#[derive(Debug)]
pub(super) struct WorkerPool {
    phase: watch::Sender<Phase>,
    leased: watch::Sender<usize>,
}

impl Default for WorkerPool {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Working), leased: watch::Sender::new(0) }
    }
}

/// One entry leased by a worker, until it is dropped.
pub(super) struct LeaseSlot<'a>(&'a WorkerPool);

impl WorkerPool {
    /// `None` when no more entries are leased. It counts before it asks, so that a stop either refuses this lease or waits
    /// for it.
    pub(super) fn begin_lease(&self) -> Option<LeaseSlot<'_>> {
        self.leased.send_modify(|count| *count += 1);
        let slot = LeaseSlot(self);
        self.is_working().then_some(slot)
    }

    /// Resolves when leased entries must be released.
    pub(super) async fn must_release(&self) {
        self.reached(Phase::Releasing).await;
    }

    pub(super) async fn reached(&self, phase: Phase) {
        // The sender lives as long as this borrow, so the wait ends with the phase and never with an error.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    pub(super) async fn none_leased(&self) {
        let _ = self.leased.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(super) fn advance(&self, phase: Phase) {
        self.phase.send_modify(|now| *now = phase.max(*now));
    }

    pub(super) fn is_working(&self) -> bool {
        *self.phase.borrow() == Phase::Working
    }
}

impl Drop for LeaseSlot<'_> {
    fn drop(&mut self) {
        self.0.leased.send_modify(|count| *count -= 1);
    }
}
