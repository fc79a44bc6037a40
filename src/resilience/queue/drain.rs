//! Draining: what waits in the queue reaches the vendor when it is back, at a pace that does not overload it again.
//!
//! A drain that sends everything at once is the next outage; one that goes around the breaker and the limiter sends into
//! the current one; and one that takes any answer for a delivery loses what a 500 did not accept. So each entry passes the
//! same guards as a call, with one attempt per lease.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};

use crate::failpoint::{self, Failpoint};
use crate::outcome::FailureKind;

use super::pacing::{Pacer, Turn};
use super::schedule::{has_quick_retry, in_quick_retries};
use super::settle::Settler;
use super::worker_pool::WorkerPool;
use super::{Backlog, Drained, Entry, Leased, StoreError};
use crate::resilience::Sender;
use crate::resilience::delivery::{Block, Failure};
use crate::resilience::limiter::LONGEST_PAUSE;
use crate::resilience::policy::nothing_was_sent;
use crate::resilience::shared::Shared;

/// How much longer a lease lasts than the longest attempt.
const LEASE_SLACK: Duration = Duration::from_secs(60);

/// Leases due entries and tries each of them once.
pub(in crate::resilience) struct Drain<S, B> {
    shared: Arc<Shared<S, B>>,
    pub(in crate::resilience) settler: Settler<S, B>,
    pacer: Pacer,
}

impl<S: Sender, B: Backlog> Drain<S, B> {
    pub(super) fn new(shared: &Arc<Shared<S, B>>) -> Self {
        let pacer = Pacer::new(shared.settings.fallback.drain_pacing, Instant::now());
        Self { shared: Arc::clone(shared), settler: Settler::new(shared), pacer }
    }

    /// Tries the entry that has been due for the longest, if one is due and the guards would admit it.
    pub(super) async fn step(&self, pool: &WorkerPool) -> Result<Drained, StoreError> {
        let shared = &self.shared;
        let now = Instant::now();
        let block = shared.delivery.block(now);
        if let Some(block) = &block
            && !(block.lasts && shared.fallback.answers_before_queue())
        {
            return Ok(self.nothing_due(now).await?.unwrap_or(Drained::Blocked { until: block.failure.retry_at }));
        }
        let Some(slot) = pool.begin_lease() else { return Ok(Drained::Released) };
        let lease_end = now + self.longest_lease();
        let Some(leased) = shared.backlog.lease(shared.millis(now), shared.millis(lease_end)).await? else {
            drop(slot);
            // Nothing is due, or another worker was quicker: then look again at once.
            return Ok(self.nothing_due(now).await?.unwrap_or(Drained::NotDue { until: now }));
        };
        shared.progress.moved(now);
        // There may be more: this wakes the next worker, which wakes the one after.
        shared.arrived.notify();
        failpoint::reach(Failpoint::DrainLeased);
        tokio::select! {
            biased;
            drained = self.work_on(&leased, lease_end, block) => drained,
            () = pool.must_release() => {
                self.settler.release(&leased, Instant::now()).await?;
                Ok(Drained::Released)
            }
        }
    }

    /// When the next entry is due, unless one is due at `now`.
    async fn nothing_due(&self, now: Instant) -> Result<Option<Drained>, StoreError> {
        Ok(match self.shared.backlog.next_due().await? {
            None => Some(Drained::Empty),
            Some(due) if due > self.shared.millis(now) => Some(Drained::NotDue { until: self.shared.wall.instant(due, now) }),
            Some(_) => None,
        })
    }

    /// Works on a leased entry. When its lease expired before it could be sent (a store that stalls holds up its callers),
    /// another worker has it.
    async fn work_on(&self, leased: &Leased, lease_end: Instant, block: Option<Block>) -> Result<Drained, StoreError> {
        let operation = &leased.entry.operation;
        if self.shared.idempotency.as_ref().is_some_and(|idempotency| idempotency.was_delivered(&operation.key)) {
            return self.settler.duplicate(leased).await;
        }
        if let Some(block) = block {
            return self.without_vendor(leased, &block.failure).await;
        }
        if let Some(put_off) = self.wait_for_turn(&leased.entry).await {
            self.settler.release(leased, put_off).await?;
            return Ok(Drained::PutOff);
        }
        let number = leased.entry.retry_count.saturating_add(1);
        let last = !has_quick_retry(&leased.entry, &self.shared.settings);
        // A sender that panics costs its entry, and not the worker.
        let attempt = AssertUnwindSafe(self.shared.delivery.deliver_once(operation, number, last, lease_end));
        match attempt.catch_unwind().await {
            Ok(Ok(accepted)) => self.settler.delivered(leased, lease_end, accepted).await,
            Ok(Err(failure)) if nothing_was_sent(failure.cause) => {
                // A guard closed between the look at it and the attempt.
                if Instant::now() < lease_end {
                    self.settler.release(leased, Instant::now()).await?;
                }
                Ok(Drained::Blocked { until: failure.retry_at })
            }
            Ok(Err(failure)) => self.settler.failed(leased, &failure).await,
            Err(_) => self.settler.failed(leased, &Failure::unsent(FailureKind::Panicked, None)).await,
        }
    }

    /// Waits for the turn of an entry that failed before; gives when to try it again if that is not soon. An entry that
    /// never failed has no pace: the guards bound it.
    async fn wait_for_turn(&self, entry: &Entry) -> Option<Instant> {
        let settings = &self.shared.settings;
        let held = |entry: &Entry| entry.attempts.iter().all(|attempt| attempt.cause == FailureKind::HeldInOrder);
        if settings.fallback.drain_pacing.is_zero() || in_quick_retries(entry, settings) || held(entry) {
            return None;
        }
        match self.pacer.turn(Instant::now()) {
            Turn::PutOff(at) => Some(at),
            Turn::Soon { at, waiting } => {
                sleep_until(at).await;
                waiting.go(Instant::now());
                None
            }
        }
    }

    /// The vendor is blocked for long: a fallback step before the queue answers an entry that was never tried.
    async fn without_vendor(&self, leased: &Leased, failure: &Failure) -> Result<Drained, StoreError> {
        let settings = &self.shared.settings;
        if in_quick_retries(&leased.entry, settings)
            && let Some(degraded) = self.shared.fallback.before_queue(&leased.entry.operation)
        {
            return self.settler.degraded(leased, degraded, failure).await;
        }
        // Where it is held open by hand, no time is known.
        let until = failure.retry_at.unwrap_or_else(|| Instant::now() + settings.fallback.queue_base_delay);
        self.settler.release(leased, until).await?;
        Ok(Drained::PutOff)
    }

    pub(in crate::resilience) fn longest_lease(&self) -> Duration {
        [self.shared.delivery.longest_attempt(), self.shared.settings.fallback.drain_pacing, LEASE_SLACK]
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add)
            .min(LONGEST_PAUSE)
    }
}
