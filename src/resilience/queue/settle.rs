//! Settling: what becomes of a leased entry once its attempt has a result.
//!
//! An entry leaves the queue only when the vendor accepted it, when a fallback answers it, or for the dead letters; what
//! follows from an answer enters the queues in the same commit. Everything else leaves it in the queue, due later.

use std::sync::Arc;
use std::time::Duration;

use mock_server::json::Json;
use tokio::time::{Instant, sleep};

use crate::outcome::RestingState;

use super::schedule::{NextStep, after_failure};
use super::{Backlog, Drained, Entry, Leased, Notifier, Settled, StoreError};
use crate::resilience::delivery::{Accepted, Failure};
use crate::resilience::fallback::Degraded;
use crate::resilience::idempotency::Idempotency;
use crate::resilience::policy::{Afterwards, policy};
use crate::resilience::retry::Next;
use crate::resilience::shared::Shared;
use crate::resilience::tally::End;
use crate::resilience::{Operation, Sender, Source};

/// How soon a store that could not write a delivery is asked again.
const STORE_AGAIN: Duration = Duration::from_millis(500);

/// Makes the operations that follow from an answer to an operation: who answered, and with what.
pub type FollowUp = Arc<dyn Fn(&Operation, Source, Option<&Json>) -> Vec<Operation> + Send + Sync>;

/// Ends attempts of leased entries.
pub(in crate::resilience) struct Settler<S, B> {
    shared: Arc<Shared<S, B>>,
    pub(in crate::resilience) follow_up: Option<FollowUp>,
    /// Wake the workers of the queues that follow-up operations enter.
    pub(in crate::resilience) followers: Vec<Notifier>,
}

impl<S: Sender, B: Backlog> Settler<S, B> {
    pub(super) fn new(shared: &Arc<Shared<S, B>>) -> Self {
        Self { shared: Arc::clone(shared), follow_up: None, followers: Vec::new() }
    }

    /// An entry that had been delivered, and counted, before: only its removal had failed.
    pub(super) async fn duplicate(&self, leased: &Leased) -> Result<Drained, StoreError> {
        let follow_up = self.follow_up(&leased.entry.operation, Source::Vendor, None);
        self.ack(leased, Settled { follow_up, ..Settled::delivered(self.shared.now(), None) }).await?;
        Ok(Drained::Duplicate)
    }

    pub(super) async fn delivered(&self, leased: &Leased, lease_end: Instant, accepted: Accepted) -> Result<Drained, StoreError> {
        let operation = &leased.entry.operation;
        self.shared.fallback.keep(operation, accepted.data.as_ref());
        let follow_up = self.follow_up(operation, Source::Vendor, accepted.data.as_ref());
        // Marked and counted before it leaves the queue: cut off in between, it is not sent again.
        self.mark(|idempotency| idempotency.delivered(&operation.key, accepted.at));
        self.shared.tally.count(End::Delivered);
        let settled = Settled { follow_up, ..Settled::delivered(self.shared.millis(accepted.at), accepted.status) };
        // A store that can't write now may in a while. A worker that went on would send more of what a crash forgets, and
        // only this worker has the answer that the follow-up was made from.
        while let Err(error) = self.ack(leased, settled.clone()).await {
            self.shared.delivery.faults.note("what was delivered is not written", &error);
            if Instant::now() + STORE_AGAIN >= lease_end {
                return Err(error);
            }
            sleep(STORE_AGAIN).await;
        }
        Ok(Drained::Delivered)
    }

    /// Releases an entry unchanged, due at `due`.
    pub(super) async fn release(&self, leased: &Leased, due: Instant) -> Result<(), StoreError> {
        self.shared.backlog.release(leased.id, self.shared.millis(due)).await
    }

    /// A failed entry waits for its next attempt, is answered by a fallback, or goes to the dead letters.
    pub(super) async fn failed(&self, leased: &Leased, failure: &Failure) -> Result<Drained, StoreError> {
        let now = Instant::now();
        let settings = &self.shared.settings;
        if policy(failure.cause).afterwards == Afterwards::DeadLetters {
            return self.give_up(leased, failure, settings.fallback.queue_base_delay).await;
        }
        match after_failure(&leased.entry, settings) {
            NextStep::QuickRetry { attempts, else_wait } => match self.shared.delivery.next(attempts, failure) {
                Next::RetryAfter(wait) if self.before_deadline(&leased.entry, now + wait) => {
                    self.retry(leased, failure, now + wait).await
                }
                _ => self.quick_retries_over(leased, failure, else_wait).await,
            },
            NextStep::QuickRetriesOver { wait } => self.quick_retries_over(leased, failure, wait).await,
            NextStep::Wait { wait } => self.retry(leased, failure, failure.not_before(now + wait)).await,
            NextStep::Exhausted => match self.shared.fallback.behind_queue(&leased.entry.operation) {
                Some(degraded) => self.degraded(leased, degraded, failure).await,
                None => self.give_up(leased, failure, settings.fallback.queue_base_delay).await,
            },
        }
    }

    /// As for a direct call whose retries are over: the fallbacks in their order.
    async fn quick_retries_over(&self, leased: &Leased, failure: &Failure, wait: Duration) -> Result<Drained, StoreError> {
        if let Some(degraded) = self.shared.fallback.before_queue(&leased.entry.operation) {
            return self.degraded(leased, degraded, failure).await;
        }
        if !self.shared.fallback.has_queue() {
            return self.give_up(leased, failure, wait).await;
        }
        self.retry(leased, failure, failure.not_before(Instant::now() + wait)).await
    }

    async fn retry(&self, leased: &Leased, failure: &Failure, due: Instant) -> Result<Drained, StoreError> {
        self.shared.backlog.fail(leased.id, self.shared.attempt(failure), self.shared.millis(due)).await?;
        Ok(Drained::Failed)
    }

    /// To the dead letters. Without room there it stays in the queue, whatever its count says: nothing is dropped.
    async fn give_up(&self, leased: &Leased, failure: &Failure, wait: Duration) -> Result<Drained, StoreError> {
        if self.shared.backlog.bury(leased.id, self.shared.attempt(failure)).await? {
            self.mark(|idempotency| idempotency.forget(&leased.entry.operation.key));
            return Ok(Drained::DeadLettered);
        }
        self.retry(leased, failure, Instant::now() + wait).await
    }

    /// A fallback step decides instead of the vendor.
    pub(super) async fn degraded(&self, leased: &Leased, degraded: Degraded, failure: &Failure) -> Result<Drained, StoreError> {
        let (operation, tally) = (&leased.entry.operation, &self.shared.tally);
        let settled = Settled { cause: Some(failure.cause), ..Settled::delivered(self.shared.now(), failure.status) };
        let (settled, end, drained) = match degraded {
            Degraded::Answer(source, data) => {
                let follow_up = self.follow_up(operation, source, Some(&data));
                let settled = Settled { place: RestingState::Degraded, source: Some(source), follow_up, ..settled };
                (settled, End::Degraded, Drained::Degraded)
            }
            Degraded::Reject => {
                let settled = Settled { place: RestingState::Rejected, source: None, ..settled };
                (settled, End::Rejected, Drained::Rejected)
            }
        };
        // Counted before it leaves the queue, as everywhere, and not counted if it can't.
        tally.count(end);
        self.ack(leased, settled).await.inspect_err(|_| tally.uncount(end))?;
        self.mark(|idempotency| idempotency.forget(&operation.key));
        Ok(drained)
    }

    /// Ends an entry, and wakes the workers of what follows from it.
    async fn ack(&self, leased: &Leased, settled: Settled) -> Result<(), StoreError> {
        let followed = !settled.follow_up.is_empty();
        self.shared.backlog.ack(leased.id, settled).await?;
        if followed {
            self.followers.iter().for_each(Notifier::notify);
        }
        Ok(())
    }

    fn follow_up(&self, operation: &Operation, source: Source, data: Option<&Json>) -> Vec<Operation> {
        self.follow_up.as_ref().map_or_else(Vec::new, |follow_up| follow_up(operation, source, data))
    }

    /// Whether a quick retry at `at` is within the deadline, which counts from the operation's arrival.
    fn before_deadline(&self, entry: &Entry, at: Instant) -> bool {
        let deadline = self.shared.settings.retry.deadline.map_or(u64::MAX, |deadline| deadline.as_millis() as u64);
        self.shared.millis(at) < entry.timestamp.saturating_add(deadline)
    }

    fn mark(&self, mark: impl FnOnce(&Idempotency)) {
        if let Some(idempotency) = &self.shared.idempotency {
            mark(idempotency);
        }
    }
}
