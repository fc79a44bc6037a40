//! Workers: what is in the queue is done by several at once, and is not lost when they have to stop.
//!
//! One worker that waits for a slow answer holds up everybody behind it; workers that are killed in the middle leave entries
//! that nobody may touch before their leases are over. So there are several, each with one entry in hand, and they stop in
//! two steps: first nothing more is taken, then what is still in hand is cut off and given back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::pipeline::Pipeline;
use super::queue::backlog::Backlog;
use super::queue::drain::Drained;
use super::sender::Sender;

/// How soon a worker looks again when nobody can tell when it may go on.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How soon a worker that waits looks whether another process put something into the queue, or somebody reset a guard.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// Tells the workers of a pipeline that entries came into its queue. Clones ring the same bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes a worker, which wakes the next when it finds something.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    async fn rung(&self) {
        self.0.notified().await;
    }
}

/// How far the end of the work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Working,
    /// Nothing more is taken.
    Finishing,
    /// What is in hand is given back.
    GivingBack,
}

/// What the workers of one pipeline have in common.
#[derive(Debug)]
pub(super) struct Shift {
    phase: watch::Sender<Phase>,
    /// Entries that are leased by a worker.
    in_hand: watch::Sender<usize>,
}

impl Default for Shift {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Working), in_hand: watch::Sender::new(0) }
    }
}

/// One entry in hand, until it is dropped.
pub(super) struct InHand<'a>(&'a Shift);

impl Shift {
    /// `None` when nothing more is taken. Counted first and asked then: whoever ends the work either sees this one, or is seen.
    pub(super) fn take_in_hand(&self) -> Option<InHand<'_>> {
        self.in_hand.send_modify(|count| *count += 1);
        let in_hand = InHand(self);
        self.takes().then_some(in_hand)
    }

    /// Resolves when what is in hand must be given back.
    pub(super) async fn gives_back(&self) {
        self.reached(Phase::GivingBack).await;
    }

    async fn reached(&self, phase: Phase) {
        // The sender lives as long as this borrow, so the wait ends with the phase and never with an error.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    async fn empty_handed(&self) {
        let _ = self.in_hand.subscribe().wait_for(|count| *count == 0).await;
    }

    fn go_on_to(&self, phase: Phase) {
        self.phase.send_modify(|now| *now = phase.max(*now));
    }

    fn takes(&self) -> bool {
        *self.phase.borrow() == Phase::Working
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.in_hand.send_modify(|count| *count -= 1);
    }
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// Does what is in the queue with as many `workers` (at least one), for as long as it is polled and until
    /// [`Pipeline::stop_taking`]. Abandoning it loses nothing: an entry in hand comes back when its lease is over.
    pub async fn work(self: Arc<Self>, workers: usize) {
        let mut crew = JoinSet::new();
        for _ in 0..workers.max(1) {
            crew.spawn(Arc::clone(&self).worker());
        }
        while let Some(ended) = crew.join_next().await {
            // A worker that panicked is replaced: the others would hide that there is one less.
            if ended.is_err_and(|error| error.is_panic()) {
                crew.spawn(Arc::clone(&self).worker());
            }
        }
    }

    /// Does what is in the queue with one worker: see [`Pipeline::work`].
    pub async fn drain_loop(self: Arc<Self>) {
        self.work(1).await;
    }

    /// The bell of this pipeline's workers, for whoever puts entries into its queue by another way than through it.
    pub fn bell(&self) -> Bell {
        self.arrived.clone()
    }

    /// Rings the bell of this pipeline's workers.
    pub fn wake(&self) {
        self.arrived.ring();
    }

    /// From now on no entry is taken from the queue. What is in hand is finished, and then [`Pipeline::work`] ends.
    pub fn stop_taking(&self) {
        self.shift.go_on_to(Phase::Finishing);
    }

    /// Ends the work in order: nothing more is taken, what is in hand has `grace` to be answered, and what is not is cut off
    /// and given back to the queue as it was. True when nothing was cut off.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.stop_taking();
        let finished = timeout(grace, self.shift.empty_handed()).await.is_ok();
        self.shift.go_on_to(Phase::GivingBack);
        self.shift.empty_handed().await;
        finished
    }

    async fn worker(self: Arc<Self>) {
        while self.shift.takes() {
            let drained = self.drain_once().await;
            tokio::select! {
                biased;
                () = self.rest(drained) => {}
                () = self.shift.reached(Phase::Finishing) => {}
            }
        }
    }

    /// Waits until there is something to do again.
    async fn rest(&self, drained: Drained) {
        match drained {
            Drained::Delivered | Drained::Duplicate | Drained::Degraded | Drained::Rejected => {}
            Drained::Failed | Drained::DeadLettered | Drained::PutOff | Drained::GivenBack => {}
            Drained::Empty => {
                let _ = timeout(LOOK_ANYWAY, self.arrived.rung()).await;
            }
            Drained::NotDue { until } => {
                tokio::select! {
                    biased;
                    () = sleep_until(until.min(Instant::now() + LOOK_ANYWAY)) => {}
                    () = self.arrived.rung() => {}
                }
            }
            Drained::Blocked { until: Some(until) } => sleep_until(until.min(Instant::now() + LOOK_ANYWAY)).await,
            Drained::Blocked { until: None } | Drained::StoreFailed(_) => {
                sleep(LOOK_AGAIN).await;
            }
        }
    }
}
