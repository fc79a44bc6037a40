//! Draining: what waits in the queue reaches the vendor when it is back, at a pace that does not fell it again.
//!
//! A drain that sends everything at once is the next outage; one that goes around the breaker and the limiter sends into
//! the current one; and one that takes any answer for a delivery loses what a 500 did not take. So each entry goes through
//! the same guards as a call, one attempt a lease, and leaves the queue only when the vendor accepted it, when a fallback
//! that was named before the queue answers it, or for the dead letters.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, sleep_until};

use crate::failpoint::{self, Failpoint};
use crate::outcome::{FailureKind, RestingState};

use super::backlog::Backlog;
use super::schedule::{Stand, after_failure, in_quick_retries};
use super::{Entry, FallbackQueue, Leased, Settled, StoreError};
use crate::resilience::attempts::{Accepted, Failure};
use crate::resilience::fall_back::StandIn;
use crate::resilience::idempotency::Idempotency;
use crate::resilience::limiter::LONGEST_PAUSE;
use crate::resilience::operation::Source;
use crate::resilience::pacing::Turn;
use crate::resilience::pipeline::Pipeline;
use crate::resilience::policy::{Afterwards, nothing_was_sent, policy};
use crate::resilience::retry::Next;
use crate::resilience::sender::Sender;
use crate::resilience::settings::FallbackStep;
use crate::resilience::work::Bell;

/// What a lease lasts beyond the longest time that an attempt may take.
const LEASE_SLACK: Duration = Duration::from_secs(60);

/// How soon a store that could not write what was delivered is asked again.
const STORE_AGAIN: Duration = Duration::from_millis(500);

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
    /// An entry failed again and waits for its next attempt.
    Failed,
    /// An entry failed for the last time and is among the dead letters.
    DeadLettered,
    /// An entry was given back as it was, to come back later: nothing was sent.
    PutOff,
    /// The work ended while an entry was in hand; it was given back as it was.
    GivenBack,
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

/// A guard that would stop a call now.
struct Block {
    failure: Failure,
    /// It lasts, so that fallbacks may answer instead: a probe under way, or a pause that a call would wait out, does not.
    lasts: bool,
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// Tries the entry that has been due for the longest, if one is due and the guards would let it through.
    pub async fn drain_once(&self) -> Drained {
        self.drain_step().await.unwrap_or_else(Drained::StoreFailed)
    }

    async fn drain_step(&self) -> Result<Drained, StoreError> {
        let queue = self.backlog.queue();
        let now = Instant::now();
        let block = self.block(now);
        if let Some(block) = &block
            && !(block.lasts && self.answers_before_the_queue())
        {
            return Ok(self.nothing_due(now).await?.unwrap_or(Drained::Blocked { until: block.failure.retry_at }));
        }
        let Some(in_hand) = self.shift.take_in_hand() else { return Ok(Drained::GivenBack) };
        let lease_end = now + self.longest_lease();
        let Some(leased) = queue.lease(self.wall.unix_millis(now), self.wall.unix_millis(lease_end)).await? else {
            drop(in_hand);
            // Nothing, or another worker was quicker: then look again at once.
            return Ok(self.nothing_due(now).await?.unwrap_or(Drained::NotDue { until: now }));
        };
        // There may be more: this wakes the next worker, which wakes the one after.
        self.arrived.ring();
        failpoint::reach(Failpoint::DrainLeased);
        tokio::select! {
            biased;
            drained = self.work_on(&leased, lease_end, block) => drained,
            () = self.shift.gives_back() => {
                queue.release(leased.id, self.wall.unix_millis(Instant::now())).await?;
                Ok(Drained::GivenBack)
            }
        }
    }

    /// Says when the next entry is due, unless one is due at `now`.
    async fn nothing_due(&self, now: Instant) -> Result<Option<Drained>, StoreError> {
        Ok(match self.backlog.queue().next_due().await? {
            None => Some(Drained::Empty),
            Some(due) if due > self.wall.unix_millis(now) => Some(Drained::NotDue { until: self.wall.instant(due, now) }),
            Some(_) => None,
        })
    }

    /// What is done with an entry in hand. When its lease has ended before it could be sent (a store that stalls holds up
    /// whoever waits for it), it is another worker's.
    async fn work_on(&self, leased: &Leased, lease_end: Instant, block: Option<Block>) -> Result<Drained, StoreError> {
        let Entry { operation, .. } = &leased.entry;
        if self.idempotency.as_ref().is_some_and(|idempotency| idempotency.was_delivered(&operation.key)) {
            // Its copies are never queued, so it was delivered from here, and counted then: only its removal had failed.
            let follow_up = self.follow_up(operation, Source::Vendor, None);
            let settled = Settled::delivered(self.wall.unix_millis(Instant::now()), None);
            self.ack(leased, Settled { follow_up, ..settled }).await?;
            return Ok(Drained::Duplicate);
        }
        if let Some(block) = block {
            return self.without_vendor(leased, &block.failure).await;
        }
        if let Some(put_off) = self.wait_for_turn(&leased.entry).await {
            self.backlog.queue().release(leased.id, self.wall.unix_millis(put_off)).await?;
            return Ok(Drained::PutOff);
        }
        let number = leased.entry.retry_count.saturating_add(1);
        // A sender that panics costs its entry, and not the worker.
        match AssertUnwindSafe(self.deliver_once(operation, number, lease_end)).catch_unwind().await {
            Ok(Ok(accepted)) => self.settle_delivered(leased, lease_end, accepted).await,
            Ok(Err(failure)) if nothing_was_sent(failure.cause) && Instant::now() >= lease_end => {
                Ok(Drained::Blocked { until: failure.retry_at })
            }
            Ok(Err(failure)) if nothing_was_sent(failure.cause) => self.put_off(leased, &failure).await,
            Ok(Err(failure)) => self.put_back(leased, &failure).await,
            Err(_) => self.put_back(leased, &Failure::unsent(FailureKind::Panicked, None)).await,
        }
    }

    async fn settle_delivered(&self, leased: &Leased, lease_end: Instant, accepted: Accepted) -> Result<Drained, StoreError> {
        let operation = &leased.entry.operation;
        let follow_up = self.follow_up(operation, Source::Vendor, accepted.data.as_ref());
        // Marked and counted before it leaves the queue: cut off in between, it is not sent again.
        self.mark(|idempotency| idempotency.delivered(&operation.key, accepted.at));
        self.tally.delivered_from_queue();
        let settled = Settled { follow_up, ..Settled::delivered(self.wall.unix_millis(accepted.at), accepted.status) };
        // A store that can't write it now may in a while. The worker that went on would send what nobody will know of after
        // a crash; and what follows was made of an answer that only it has.
        while let Err(error) = self.ack(leased, settled.clone()).await {
            if Instant::now() + STORE_AGAIN >= lease_end {
                return Err(error);
            }
            sleep(STORE_AGAIN).await;
        }
        Ok(Drained::Delivered)
    }

    /// Waits for the turn of an entry that failed before; gives when it has to come back if that is not soon. One that
    /// never failed has no pace: the guards bound it.
    async fn wait_for_turn(&self, entry: &Entry) -> Option<Instant> {
        let held = |entry: &Entry| entry.attempts.iter().all(|attempt| attempt.cause == FailureKind::HeldInOrder);
        if self.settings.fallback.drain_pacing.is_zero() || in_quick_retries(entry, &self.settings) || held(entry) {
            return None;
        }
        match self.pace.turn(Instant::now()) {
            Turn::PutOff(at) => Some(at),
            Turn::Soon { at, waiting } => {
                sleep_until(at).await;
                waiting.go(Instant::now());
                None
            }
        }
    }

    /// Nothing may be sent for long: a fallback that was named before the queue answers an entry that is new to it.
    async fn without_vendor(&self, leased: &Leased, failure: &Failure) -> Result<Drained, StoreError> {
        if in_quick_retries(&leased.entry, &self.settings)
            && let Some(stand_in) = self.stand_in(self.steps().0, &leased.entry.operation)
        {
            return self.settle_stand_in(leased, stand_in, failure).await;
        }
        // Where it is held by hand nobody can tell until when.
        let until = failure.retry_at.unwrap_or_else(|| Instant::now() + self.settings.fallback.queue_base_delay);
        self.backlog.queue().release(leased.id, self.wall.unix_millis(until)).await?;
        Ok(Drained::PutOff)
    }

    /// A guard closed between the look at it and the attempt.
    async fn put_off(&self, leased: &Leased, failure: &Failure) -> Result<Drained, StoreError> {
        self.backlog.queue().release(leased.id, self.wall.unix_millis(Instant::now())).await?;
        Ok(Drained::Blocked { until: failure.retry_at })
    }

    /// A failed entry waits for its next attempt, is answered by a fallback, or goes to the dead letters.
    async fn put_back(&self, leased: &Leased, failure: &Failure) -> Result<Drained, StoreError> {
        let now = Instant::now();
        if policy(failure.cause).afterwards == Afterwards::DeadLetters {
            return self.give_up(leased, failure, self.settings.fallback.queue_base_delay).await;
        }
        let wait = match after_failure(&leased.entry, &self.settings) {
            Stand::Quick { attempts, else_wait } => match self.next(&self.settings.retry, attempts, failure) {
                Next::RetryAfter(wait) if self.before_deadline(&leased.entry, now + wait) => {
                    return self.fail(leased, failure, now + wait).await;
                }
                _ => return self.quick_retries_over(leased, failure, else_wait).await,
            },
            Stand::QuickOver { wait } => return self.quick_retries_over(leased, failure, wait).await,
            Stand::Waits { wait } => wait,
            Stand::NoneLeft => {
                if let Some(stand_in) = self.stand_in(self.steps().1, &leased.entry.operation) {
                    return self.settle_stand_in(leased, stand_in, failure).await;
                }
                return self.give_up(leased, failure, self.settings.fallback.queue_base_delay).await;
            }
        };
        self.fail(leased, failure, failure.retry_at.map_or(now + wait, |asked| asked.max(now + wait))).await
    }

    /// As for a direct call whose retries are over: the fallbacks in their order.
    async fn quick_retries_over(&self, leased: &Leased, failure: &Failure, wait: Duration) -> Result<Drained, StoreError> {
        if let Some(stand_in) = self.stand_in(self.steps().0, &leased.entry.operation) {
            return self.settle_stand_in(leased, stand_in, failure).await;
        }
        if !self.has_queue() {
            return self.give_up(leased, failure, wait).await;
        }
        let due = Instant::now() + wait;
        self.fail(leased, failure, failure.retry_at.map_or(due, |asked| asked.max(due))).await
    }

    async fn fail(&self, leased: &Leased, failure: &Failure, due: Instant) -> Result<Drained, StoreError> {
        self.backlog.queue().fail(leased.id, self.remembered(failure), self.wall.unix_millis(due)).await?;
        Ok(Drained::Failed)
    }

    /// Among the dead letters; without room there it stays in the queue, whatever its count says: nothing is dropped.
    async fn give_up(&self, leased: &Leased, failure: &Failure, wait: Duration) -> Result<Drained, StoreError> {
        if self.backlog.bury(leased.id, self.remembered(failure)).await? {
            self.mark(|idempotency| idempotency.forget(&leased.entry.operation.key));
            return Ok(Drained::DeadLettered);
        }
        self.fail(leased, failure, Instant::now() + wait).await
    }

    async fn settle_stand_in(&self, leased: &Leased, stand_in: StandIn, failure: &Failure) -> Result<Drained, StoreError> {
        let (operation, at) = (&leased.entry.operation, self.wall.unix_millis(Instant::now()));
        let settled = Settled { cause: Some(failure.cause), ..Settled::delivered(at, failure.status) };
        // Counted before it leaves the queue, as everywhere, and not counted if it can't.
        let drained = match stand_in {
            StandIn::Answer(source, data) => {
                let follow_up = self.follow_up(operation, source, Some(&data));
                self.tally.degraded_from_queue();
                let settled = Settled { place: RestingState::Degraded, source: Some(source), follow_up, ..settled };
                self.ack(leased, settled).await.inspect_err(|_| self.tally.not_degraded_from_queue())?;
                Drained::Degraded
            }
            StandIn::Drop => {
                self.tally.rejected_from_queue();
                let settled = Settled { place: RestingState::Rejected, source: None, ..settled };
                self.ack(leased, settled).await.inspect_err(|_| self.tally.not_rejected_from_queue())?;
                Drained::Rejected
            }
        };
        self.mark(|idempotency| idempotency.forget(&operation.key));
        Ok(drained)
    }

    /// Ends an entry, and wakes whoever does what follows from it.
    async fn ack(&self, leased: &Leased, settled: Settled) -> Result<(), StoreError> {
        let followed = !settled.follow_up.is_empty();
        self.backlog.queue().ack(leased.id, settled).await?;
        if followed {
            self.follow_up_bells.iter().for_each(Bell::ring);
        }
        Ok(())
    }

    /// Whether a quick retry at `at` is within the deadline, which counts from when the operation came.
    fn before_deadline(&self, entry: &Entry, at: Instant) -> bool {
        let deadline = self.settings.retry.deadline.map_or(u64::MAX, |deadline| deadline.as_millis() as u64);
        self.wall.unix_millis(at) < entry.timestamp.saturating_add(deadline)
    }

    fn answers_before_the_queue(&self) -> bool {
        self.settings.fallback.steps.first().is_some_and(|step| *step != FallbackStep::Queue)
    }

    /// Which guard would stop a call now, read without moving any of them.
    fn block(&self, now: Instant) -> Option<Block> {
        use crate::event::BreakerState::HalfOpen;
        if let Some(rejected) = self.breaker.as_ref().and_then(|breaker| breaker.would_reject(now)) {
            let failure = Failure::unsent(FailureKind::BreakerOpen, rejected.retry_at);
            return Some(Block { failure, lasts: rejected.state != HalfOpen });
        }
        if let Some(refusal) = self.credits.as_ref().and_then(|credits| credits.would_refuse(now)) {
            let failure = Failure::unsent(FailureKind::BudgetExhausted, refusal.retry_at());
            return Some(Block { failure, lasts: refusal.retry_at().is_some() });
        }
        let until = self.limiter.paused_until(now)?;
        let failure = Failure::unsent(FailureKind::LimiterFull, Some(until));
        Some(Block { failure, lasts: until > now + self.limiter.longest_wait() })
    }

    fn longest_lease(&self) -> Duration {
        let place = self.settings.in_flight.map_or(Duration::ZERO, |in_flight| in_flight.max_wait);
        [self.settings.timeout, self.limiter.longest_wait(), place, self.settings.fallback.drain_pacing, LEASE_SLACK]
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add)
            .min(LONGEST_PAUSE)
    }

    pub(in crate::resilience) fn mark(&self, mark: impl FnOnce(&Idempotency)) {
        if let Some(idempotency) = &self.idempotency {
            mark(idempotency);
        }
    }
}
