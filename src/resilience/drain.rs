//! Draining: what waited in the queue reaches the vendor when it is back, at a pace that does not fell it again.
//!
//! A drain that sends everything at once is the next outage; one that goes around the breaker and the limiter sends into
//! the current one; and one that takes any answer for a delivery loses what a 500 did not take. So each entry goes through
//! the same guards as a call, one at a time with a pause between, and leaves the queue only when the vendor accepted it.

use std::time::Duration;

use tokio::time::Instant;

use crate::failpoint::{self, Failpoint};

use super::backlog::Backlog;
use super::dead_letters::{DeadLetters, MOST_REDRIVES};
use super::idempotency::{Claim, Idempotency};
use super::limiter::LONGEST_PAUSE;
use super::operation::Source;
use super::pipeline::{Failure, Pipeline};
use super::policy::{Afterwards, nothing_was_sent, policy};
use super::queue::{FallbackQueue, Leased, Settled, StoreError};
use super::retry::exponential;
use super::sender::Sender;
use super::settings::RetrySettings;

/// What a lease lasts beyond the longest time that an attempt may take.
const LEASE_SLACK: Duration = Duration::from_secs(60);

/// What one step of the drain did.
#[derive(Debug, Clone, PartialEq)]
pub enum Drained {
    /// An entry was delivered.
    Delivered,
    /// An entry had been delivered and counted before, but could not be taken out then; now it was.
    Duplicate,
    /// An entry was answered by the cache or a local guess, and is not sent any more.
    Degraded,
    /// An entry was rejected by policy.
    Rejected,
    /// The work ended while an entry was in hand; it is in the queue again.
    GivenBack,
    /// An entry failed again and waits for its next attempt.
    Failed,
    /// An entry failed for the last time and is among the dead letters.
    DeadLettered,
    /// Nothing may be sent now; `until` when that is known.
    Blocked {
        /// When the guard that blocks may let something through.
        until: Option<Instant>,
    },
    /// No entry is due before this.
    NotDue {
        /// When the next one is.
        until: Instant,
    },
    /// The queue is empty.
    Empty,
    /// The queue could not be read or written; the entry is still in it.
    StoreFailed(StoreError),
}

/// What a redrive did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Letters moved back into the queue.
    pub moved: u64,
    /// Letters whose operation had been delivered or queued otherwise; they were removed.
    pub duplicates: u64,
    /// Letters that stay: redriven as often as may be, under way by a copy, or without room in the queue.
    pub kept: u64,
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// Tries the entry that has been due for the longest, if one is due and the guards would let it through.
    pub async fn drain_once(&self) -> Drained {
        self.drain_step().await.unwrap_or_else(Drained::StoreFailed)
    }

    async fn drain_step(&self) -> Result<Drained, StoreError> {
        let queue = self.backlog.queue();
        let now = Instant::now();
        let now_ms = self.wall.unix_millis(now);
        match queue.next_due().await? {
            None => return Ok(Drained::Empty),
            Some(due) if due > now_ms => return Ok(Drained::NotDue { until: self.wall.instant(due, now) }),
            Some(_) => {}
        }
        if let Some(blocked) = self.blocked(now) {
            return Ok(blocked);
        }
        let lease_end = self.wall.unix_millis(now + self.longest_attempt());
        let _in_hand = self.shift.take_in_hand();
        let Some(leased) = queue.lease(now_ms, lease_end).await? else {
            // Another worker was quicker.
            return Ok(Drained::Blocked { until: None });
        };
        // There may be more: this wakes the next worker, which wakes the one after.
        self.arrived.notify_one();
        failpoint::reach(Failpoint::DrainLeased);
        let key = &leased.entry.operation.key;
        if self.idempotency.as_ref().is_some_and(|idempotency| idempotency.was_delivered(key)) {
            // Its copies are never queued, so it was delivered from here, and counted then: only its removal had failed.
            queue.ack(leased.id, Settled::delivered(now_ms, None)).await?;
            return Ok(Drained::Duplicate);
        }
        let once = RetrySettings { max_retries: 0, ..self.settings.retry };
        let delivery = tokio::select! {
            biased;
            delivery = self.deliver(&leased.entry.operation, leased.entry.retry_count + 1, &once) => delivery,
            () = self.shift.gives_back() => {
                queue.release(leased.id, self.wall.unix_millis(Instant::now())).await?;
                return Ok(Drained::GivenBack);
            }
        };
        match delivery {
            Ok(accepted) => {
                // Marked and counted before it leaves the queue: cut off in between, it is not sent again.
                self.mark(|idempotency| idempotency.delivered(key, accepted.at));
                self.ledger.delivered_from_queue();
                let at = self.wall.unix_millis(accepted.at);
                let follow_up = self.follow_up(&leased.entry.operation, Source::Vendor, accepted.data.as_ref());
                queue.ack(leased.id, Settled { follow_up, ..Settled::delivered(at, accepted.status) }).await?;
                Ok(Drained::Delivered)
            }
            Err(failure) => self.put_back(&leased, failure).await,
        }
    }

    /// A failed entry waits for its next attempt, or goes to the dead letters.
    async fn put_back(&self, leased: &Leased, failure: Failure) -> Result<Drained, StoreError> {
        let queue = self.backlog.queue();
        let now = Instant::now();
        if nothing_was_sent(failure.cause) {
            queue.release(leased.id, self.wall.unix_millis(now)).await?;
            return Ok(Drained::Blocked { until: failure.retry_at });
        }
        let tried = leased.entry.retry_count + 1;
        let last = tried >= self.settings.fallback.queue_attempts.max(1);
        let attempt = self.remembered(failure);
        if (last || policy(failure.cause).afterwards == Afterwards::DeadLetters) && self.backlog.bury(leased.id, attempt).await? {
            self.mark(|idempotency| idempotency.forget(&leased.entry.operation.key));
            return Ok(Drained::DeadLettered);
        }
        // Without room in the dead letters it stays here, whatever its count says: nothing is dropped.
        let wait = exponential(self.settings.fallback.queue_base_delay, tried - 1, LONGEST_PAUSE);
        let due = failure.retry_at.map_or(now + wait, |asked| asked.max(now + wait));
        queue.fail(leased.id, attempt, self.wall.unix_millis(due)).await?;
        Ok(Drained::Failed)
    }

    /// Which guard would stop a call now, read without moving any of them.
    fn blocked(&self, now: Instant) -> Option<Drained> {
        if let Some(rejected) = self.breaker.as_ref().and_then(|breaker| breaker.would_reject(now)) {
            return Some(Drained::Blocked { until: rejected.retry_at });
        }
        if let Some(refusal) = self.credits.as_ref().and_then(|credits| credits.would_refuse(now)) {
            return Some(Drained::Blocked { until: refusal.retry_at() });
        }
        self.limiter.paused_until(now).map(|until| Drained::Blocked { until: Some(until) })
    }

    fn longest_attempt(&self) -> Duration {
        let turn = self.settings.limiter.map_or(self.settings.retry.max_delay, |limiter| limiter.max_wait);
        self.settings.timeout.saturating_add(turn).saturating_add(LEASE_SLACK).min(LONGEST_PAUSE)
    }

    fn mark(&self, mark: impl FnOnce(&Idempotency)) {
        if let Some(idempotency) = &self.idempotency {
            mark(idempotency);
        }
    }

    /// Moves the dead letters back into the queue, oldest first, except those that were redriven [`MOST_REDRIVES`] times.
    /// The drain then delivers them at its pace.
    ///
    /// # Errors
    /// When the store fails; what was moved before stays moved.
    pub async fn redrive(&self) -> Result<Redriven, StoreError> {
        const PAGE: usize = 100;
        let _redriving = self.redriving.lock().await;
        let mut redriven = Redriven::default();
        let mut after = 0;
        loop {
            let page = self.backlog.letters().page(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for letter in &page {
                if letter.entry.redrives >= MOST_REDRIVES {
                    redriven.kept += 1;
                } else {
                    self.redrive_one(letter.id, &letter.entry.operation.key, &mut redriven).await?;
                }
            }
        }
        self.arrived.notify_one();
        Ok(redriven)
    }

    async fn redrive_one(&self, id: u64, key: &str, redriven: &mut Redriven) -> Result<(), StoreError> {
        let claim = match self.idempotency.as_ref().map(|idempotency| idempotency.try_claim(key)) {
            None => None,
            Some(Some(Claim::First(claim))) => Some(claim),
            Some(Some(Claim::Duplicate)) => {
                self.ledger.found_duplicate();
                self.backlog.letters().remove(id).await?;
                redriven.duplicates += 1;
                return Ok(());
            }
            Some(None) => {
                redriven.kept += 1;
                return Ok(());
            }
        };
        if self.backlog.redrive(id, self.wall.unix_millis(Instant::now())).await? {
            if let Some(claim) = claim {
                claim.queued();
            }
            redriven.moved += 1;
        } else {
            redriven.kept += 1;
        }
        Ok(())
    }
}
