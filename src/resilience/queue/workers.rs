//! Workers: several of them work the queue at once, and stop without losing what they have leased.
//!
//! A single worker that waits for a slow answer holds up the whole queue; workers that are killed in the middle leave
//! entries locked until their leases expire. So there are several, each with one leased entry, and they stop in two
//! steps: first no more entries are leased, then the entries that are still in flight are cut off and released.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backlog::Backlog;
use super::drain::Drain;
use super::drained::Drained;
use super::worker_pool::{Phase, WorkerPool};
use crate::resilience::sender::Sender;
use crate::resilience::shared::Shared;

/// How soon a worker looks again when the time is unknown at which it may go on.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How soon an idle worker looks whether another process added an entry, or an operator reset a guard.
const LOOK_ANYWAY: Duration = Duration::from_secs(5);

/// The workers of one pipeline's queue.
pub(in crate::resilience) struct Workers<S, B> {
    shared: Arc<Shared<S, B>>,
    pub(in crate::resilience) drain: Drain<S, B>,
    pool: WorkerPool,
}

impl<S: Sender, B: Backlog> Workers<S, B> {
    pub(in crate::resilience) fn new(shared: &Arc<Shared<S, B>>) -> Self {
        Self { shared: Arc::clone(shared), drain: Drain::new(shared), pool: WorkerPool::default() }
    }

    pub(in crate::resilience) async fn drain_once(&self) -> Drained {
        self.drain.step(&self.pool).await.unwrap_or_else(|error| {
            self.shared.delivery.faults.note("the queue's workers", &error);
            Drained::StoreFailed(error)
        })
    }

    /// True when no entry was cut off.
    pub(in crate::resilience) async fn stop(&self, grace: Duration) -> bool {
        self.pool.advance(Phase::Finishing);
        let finished = timeout(grace, self.pool.none_leased()).await.is_ok();
        self.pool.advance(Phase::Releasing);
        self.pool.none_leased().await;
        finished
    }

    /// One worker: drains until the pool stops.
    pub(in crate::resilience) async fn work(&self) {
        while self.pool.is_working() {
            let drained = self.drain_once().await;
            tokio::select! {
                biased;
                () = self.idle(drained) => {}
                () = self.pool.reached(Phase::Finishing) => {}
            }
        }
    }

    /// Waits until there may be something to do again.
    async fn idle(&self, drained: Drained) {
        let arrived = self.shared.arrived.notified();
        match drained {
            Drained::Delivered | Drained::Duplicate | Drained::Degraded | Drained::Rejected => {}
            Drained::Failed | Drained::DeadLettered | Drained::PutOff | Drained::Released => {}
            Drained::Empty => {
                let _ = timeout(LOOK_ANYWAY, arrived).await;
            }
            Drained::NotDue { until } => {
                let _ = tokio::time::timeout_at(until.min(Instant::now() + LOOK_ANYWAY), arrived).await;
            }
            Drained::Blocked { until: Some(until) } => sleep_until(until.min(Instant::now() + LOOK_ANYWAY)).await,
            Drained::Blocked { until: None } | Drained::StoreFailed(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// Runs `count` workers (at least one) until all of them end.
pub(in crate::resilience) async fn keep_running<W>(count: usize, worker: impl Fn() -> W)
where
    W: Future<Output = ()> + Send + 'static,
{
    let mut workers = JoinSet::new();
    for _ in 0..count.max(1) {
        workers.spawn(worker());
    }
    while let Some(ended) = workers.join_next().await {
        // A worker that panicked is replaced: otherwise the pool would shrink unnoticed.
        if ended.is_err_and(|error| error.is_panic()) {
            workers.spawn(worker());
        }
    }
}
