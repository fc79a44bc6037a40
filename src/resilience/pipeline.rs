//! The pipeline between a service and one vendor, as its callers see it:
//!
//! ```text
//! idempotency → delivery
//!                   ↘ cache, queue, local guess, drop → dead letters
//! ```
//!
//! Patterns that each caller composes for itself are composed differently by each, and one of them forgets the budget. Here
//! it is done once. A duplicate costs nothing, so it is found first; `Delivery` sends, `Fallback` answers what was not
//! sent, and the workers drain the queue. Exactly one counter counts each operation; a call that is dropped gives back what
//! it held and stays unacknowledged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mock_server::json::Json;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::event::BreakerState;
use crate::outcome::{FailureKind, OperationCounts};

use super::breaker::Breaker;
use super::credits::CreditBudget;
use super::delivery::{Accepted, Delivery, Failure};
use super::fallback::{Degraded, Fallback};
use super::held::{Held, HeldBy};
use super::idempotency::{Claim, FirstClaim, Idempotency};
use super::policy::{Afterwards, policy};
use super::queue::progress::Progress;
use super::queue::redrive::Redrive;
use super::queue::workers::{Workers, keep_running};
use super::queue::{Backlog, Charge, Drained, Entry, MemoryBacklog, Notifier, Redriven, StoreError};
use super::shared::Shared;
use super::tally::{End, Submission, Tally};
use super::unsettled::callback_id;
use super::wall::UnixMillis;
use super::{DayClock, Disposition, Emitter, HealthStatus, InFlightWaits, Operation, PipelineSettings};
use super::{Sender, Source, ThrottleGauges};

/// The pipeline between a service and one vendor.
pub struct Pipeline<S, B = MemoryBacklog> {
    pub(super) shared: Arc<Shared<S, B>>,
    workers: Workers<S, B>,
    redrive: Redrive<S, B>,
}

/// What became of an operation, and what the caller can work with.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What became of it; a fallback names its source.
    pub disposition: Disposition,
    /// The vendor's answer; or the lead with what the cache or the local guess added.
    pub data: Option<Json>,
}

/// A pipeline's state at one instant. In JSON, without the waits for a permit and the throttle; what is left out is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PipelineGauges {
    /// Operations in the fallback queue.
    pub queue_depth: u64,
    /// Operations in the dead letters.
    pub dead_letters: u64,
    /// Attempts that hold an in-flight permit.
    pub in_flight: u64,
    /// Credits that the budget counts since the start, charged or set aside; 0 without a budget.
    #[serde(alias = "credits_used")]
    pub credits_reserved: u64,
    /// Credits that the budget has left today; `None` without a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_left: Option<u64>,
    /// The circuit breaker's state, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerState>,
    /// The credit budget's breaker, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_breaker: Option<BreakerState>,
    /// The waits for a permit.
    #[serde(skip)]
    pub in_flight_waits: InFlightWaits,
    /// The throttle's state, where there is one.
    #[serde(skip)]
    pub throttle: Option<ThrottleGauges>,
    /// Operations by what became of them since the start; queued and dead letters as they are.
    #[serde(rename = "leads")]
    pub counts: OperationCounts,
}

impl PipelineGauges {
    /// Operations that are not at rest: one in flight may be in the queue, too.
    pub fn under_way(&self) -> u64 {
        self.queue_depth.max(self.in_flight)
    }
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// A pipeline with the caller's backlog, on the days that `wall` shows.
    pub fn with_backlog(
        settings: PipelineSettings,
        sender: S,
        backlog: B,
        emitter: Emitter,
        wall: DayClock,
        rng: ChaCha8Rng,
    ) -> Self {
        let backlog = Arc::new(backlog);
        let shared = Arc::new(Shared {
            delivery: Delivery::new(&settings, sender, &backlog, emitter, wall, rng),
            fallback: Fallback::new(&settings.fallback),
            idempotency: settings.idempotency.map(Idempotency::new),
            backlog,
            tally: Tally::default(),
            wall,
            arrived: Notifier::default(),
            progress: Progress::new(Instant::now()),
            settings,
        });
        Self { workers: Workers::new(&shared), redrive: Redrive::new(&shared), shared }
    }

    /// The same pipeline, with a hook that is called when the vendor, the cache or a local guess answers an operation of the
    /// queue. The operations that it returns enter the queues in the same commit in which the answered one leaves its own.
    #[must_use]
    pub fn with_follow_up(
        mut self,
        follow_up: impl Fn(&Operation, Source, Option<&Json>) -> Vec<Operation> + Send + Sync + 'static,
    ) -> Self {
        self.workers.drain.settler.follow_up = Some(Arc::new(follow_up));
        self
    }

    /// The same pipeline, which wakes these workers when operations that follow from an answer are in their queues.
    #[must_use]
    pub fn notifying(mut self, notifier: Notifier) -> Self {
        self.workers.drain.settler.followers.push(notifier);
        self
    }

    /// Restores from the backlog the credits that earlier processes may have spent. Call it before the first operation.
    ///
    /// # Errors
    /// When the store can't be read: without knowing what was spent, nothing may be.
    pub async fn restore(&self) -> Result<(), StoreError> {
        self.shared.delivery.restore().await
    }

    /// Does an operation, and gives what became of it. When this returns, the operation is acknowledged; dropping the future
    /// before leaves it unacknowledged.
    pub async fn call(&self, operation: Operation) -> Disposition {
        self.ask(operation).await.disposition
    }

    /// As [`Pipeline::call`], with the data that the vendor or a fallback gave.
    pub async fn ask(&self, operation: Operation) -> Answer {
        let shared = &*self.shared;
        let submission = shared.tally.submit();
        let claim = match &shared.idempotency {
            None => None,
            Some(idempotency) => match idempotency.claim(&operation.key).await {
                Claim::First(claim) => Some(claim),
                Claim::Duplicate => {
                    submission.ended(End::Duplicate);
                    return Answer { disposition: Disposition::Duplicate, data: None };
                }
            },
        };
        if self.must_keep_order(&operation.user).await {
            return self.queue_behind(operation, claim, submission).await;
        }
        match shared.delivery.deliver(&operation).await {
            Ok(Accepted { attempts, data, at, .. }) => {
                shared.fallback.keep(&operation, data.as_ref());
                if let Some(claim) = claim {
                    claim.delivered(at);
                }
                submission.ended(End::Delivered);
                Answer { disposition: Disposition::Delivered { attempts }, data }
            }
            Err(failure) => self.fall_back(operation, failure, claim, submission).await,
        }
    }

    /// An operation that was just submitted, and that the vendor did not accept.
    async fn fall_back(
        &self,
        operation: Operation,
        failure: Failure,
        claim: Option<FirstClaim<'_>>,
        submission: Submission<'_>,
    ) -> Answer {
        let (cause, fallback) = (failure.cause, &self.shared.fallback);
        if policy(cause).afterwards == Afterwards::Fallback {
            if let Some(degraded) = fallback.before_queue(&operation) {
                return answered(degraded, cause, submission);
            }
            if fallback.has_queue() && self.enqueue(&operation, &failure).await {
                return self.answer_queued(cause, claim, submission);
            }
            if let Some(degraded) = fallback.behind_queue(&operation) {
                return answered(degraded, cause, submission);
            }
        }
        let attempt = self.shared.attempt(&failure);
        let kept = self.shared.backlog.put(Entry::new(operation, attempt), cause, attempt.at).await;
        if kept == Ok(true) {
            submission.kept();
            Answer { disposition: Disposition::DeadLettered { cause }, data: None }
        } else {
            submission.ended(End::Rejected);
            Answer { disposition: Disposition::Rejected { cause }, data: None }
        }
    }

    /// An earlier operation of the same user waits in the queue: this one must not overtake it.
    async fn queue_behind(&self, operation: Operation, claim: Option<FirstClaim<'_>>, submission: Submission<'_>) -> Answer {
        let failure = Failure::unsent(FailureKind::HeldInOrder, None);
        if self.enqueue(&operation, &failure).await {
            return self.answer_queued(failure.cause, claim, submission);
        }
        self.fall_back(operation, failure, claim, submission).await
    }

    /// Whether an operation of this user waits in the queue. If the queue can't be read, one may.
    async fn must_keep_order(&self, user: &str) -> bool {
        let backlog = &self.shared.backlog;
        backlog.depth() > 0 && backlog.holds(user).await != Ok(false)
    }

    fn answer_queued(&self, cause: FailureKind, claim: Option<FirstClaim<'_>>, submission: Submission<'_>) -> Answer {
        if let Some(claim) = claim {
            claim.queued();
        }
        submission.kept();
        self.wake();
        Answer { disposition: Disposition::Fallback { source: Source::Queued, cause }, data: None }
    }

    /// Puts an operation into the queue; false when the queue did not take it.
    async fn enqueue(&self, operation: &Operation, failure: &Failure) -> bool {
        let entry = Entry::new(operation.clone(), self.shared.attempt(failure));
        // The breaker holds the drain back by itself, and may close early; the other waits are known.
        let due = match failure.retry_at {
            Some(at) if failure.cause != FailureKind::BreakerOpen => self.shared.millis(at),
            _ => self.shared.now(),
        };
        self.shared.backlog.push(entry, due).await == Ok(true)
    }

    /// Works the queue with this many `workers` (at least one), for as long as it is polled and until
    /// [`Pipeline::stop`]. Abandoning it loses nothing: a leased entry becomes available when its lease expires.
    pub async fn work(self: Arc<Self>, workers: usize) {
        let worker = || {
            let pipeline = Arc::clone(&self);
            async move { pipeline.workers.work().await }
        };
        keep_running(workers, worker).await;
    }

    /// Tries the entry that has been due for the longest, if one is due and the guards would admit it.
    pub async fn drain_once(&self) -> Drained {
        self.workers.drain_once().await
    }

    /// What wakes this pipeline's workers, for those who add entries to its queue without calling it.
    pub fn notifier(&self) -> Notifier {
        self.shared.arrived.clone()
    }

    /// Wakes a worker of this pipeline.
    pub fn wake(&self) {
        self.shared.arrived.notify();
    }

    /// Ends the work in order: no more entries are leased, those in flight have `grace` to be answered, and those without
    /// an answer are cut off and released as they were. True when none was cut off.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.workers.stop(grace).await
    }

    /// Moves the dead letters back into the queue, oldest first, except those that were redriven
    /// [`MOST_REDRIVES`](super::queue::dead_letters::MOST_REDRIVES) times. The workers then deliver them at their pace.
    ///
    /// # Errors
    /// When the store fails; what was moved before stays moved.
    pub async fn redrive(&self) -> Result<Redriven, StoreError> {
        self.redrive.run().await
    }

    /// The state now.
    pub fn gauges(&self) -> PipelineGauges {
        let delivery = &self.shared.delivery;
        let counts = self.shared.tally.counts(|| self.shared.backlog.counts());
        PipelineGauges {
            queue_depth: counts.queued,
            dead_letters: counts.dead_lettered,
            credits_reserved: delivery.budget().map_or(0, CreditBudget::counted),
            breaker: delivery.breaker.as_ref().map(Breaker::state),
            credit_breaker: delivery.budget().map(CreditBudget::state),
            in_flight: delivery.in_flight.count(),
            credits_left: self.credits_left(),
            in_flight_waits: delivery.in_flight.waits(),
            throttle: delivery.throttle.as_ref().map(|throttle| throttle.gauges(Instant::now())),
            counts,
        }
    }

    /// Credits that the budget would still give out today; `None` without a budget.
    fn credits_left(&self) -> Option<u64> {
        let (budget, settings) = (self.shared.delivery.budget()?, self.shared.settings.credits?);
        let (used, reserved) = budget.today(Instant::now());
        Some(settings.daily_limit.saturating_sub(used.saturating_add(reserved)))
    }

    /// A callback says what an attempt for the operation of `key` did cost. `callback` is its body: one that comes again changes nothing.
    pub async fn charged(&self, key: &str, callback: &[u8], credits: u64) {
        if let Some(budget) = &self.shared.delivery.credits {
            let charge = Charge { key: key.to_owned(), callback: callback_id(callback), credits };
            if let Err(error) = budget.charged(&charge).await {
                self.shared.delivery.faults.note("what a callback did cost is not written", &error);
            }
            // What was set aside and did not cost so much may be enough for an entry of the queue.
            self.wake();
        }
    }

    /// Settles what callbacks told other processes that share the store.
    ///
    /// # Errors
    /// When the store fails: what it does not say stays set aside.
    pub async fn hear_of_charges(&self) -> Result<(), StoreError> {
        if let Some(budget) = &self.shared.delivery.credits
            && budget.hear().await?
        {
            self.wake();
        }
        Ok(())
    }

    /// What a health check shows.
    pub fn health(&self) -> HealthStatus {
        let delivery = &self.shared.delivery;
        delivery.health.status(Instant::now(), delivery.breaker.as_ref().map(Breaker::state), self.shared.backlog.depth())
    }

    /// What holds the operations of the queue, and until when: the guards that let nothing through, or else the wait until one is due.
    pub async fn held(&self) -> Vec<Held> {
        let shared = &self.shared;
        let now = Instant::now();
        let mut held = shared.delivery.held(now);
        if held.is_empty() && shared.backlog.depth() > 0 {
            let due = self.next_due().await.filter(|due| *due > shared.millis(now));
            held.extend(due.map(|due| Held { by: HeldBy::RetryWait, until: Some(due) }));
        }
        held
    }

    /// When the next entry can be leased, as far as the store says.
    async fn next_due(&self) -> Option<UnixMillis> {
        let due = self.shared.backlog.next_due().await;
        due.inspect_err(|error| self.shared.delivery.faults.note("when the next entry is due is not known", error)).ok().flatten()
    }

    /// For how long nothing has been leased although something is queued, due, and held by no guard; `None` for as long as that
    /// is within [`Pipeline::longest_standstill`]. To be asked often: it looks for itself whether there was a reason.
    pub async fn standstill(&self) -> Option<Duration> {
        let shared = &self.shared;
        let now = Instant::now();
        let waits = shared.backlog.depth() > 0
            && shared.delivery.held(now).is_empty()
            // Where the store does not say what is due, although something is queued, that itself is the trouble.
            && self.next_due().await.is_none_or(|due| due <= shared.millis(now));
        if !waits {
            shared.progress.moved(now);
        }
        let still = shared.progress.still_for(now);
        (still > self.longest_standstill()).then_some(still)
    }

    /// For how long nothing may be leased, with a reason to: as long as the workers may be busy with the longest attempts, and a
    /// minute.
    pub fn longest_standstill(&self) -> Duration {
        self.workers.drain.longest_lease()
    }

    /// Errors of the store that the workers met, since the start.
    pub fn store_faults(&self) -> u64 {
        self.shared.delivery.faults.count()
    }

    /// The credit budget, to reset it.
    pub fn credit_budget(&self) -> Option<&CreditBudget> {
        self.shared.delivery.budget()
    }

    /// The circuit breaker, to read and switch it.
    pub fn breaker(&self) -> Option<&Breaker> {
        self.shared.delivery.breaker.as_ref()
    }

    /// The queue and the dead letters, to list and export them.
    pub fn backlog(&self) -> &B {
        &self.shared.backlog
    }
}

fn answered(degraded: Degraded, cause: FailureKind, submission: Submission<'_>) -> Answer {
    match degraded {
        Degraded::Answer(source, data) => {
            submission.ended(End::Degraded);
            Answer { disposition: Disposition::Fallback { source, cause }, data: Some(data) }
        }
        Degraded::Reject => {
            submission.ended(End::Rejected);
            Answer { disposition: Disposition::Rejected { cause }, data: None }
        }
    }
}

impl<S, B> fmt::Debug for Pipeline<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
