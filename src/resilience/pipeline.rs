//! The composition, per vendor:
//!
//! ```text
//! idempotency → credit budget → rate limiter → retry → circuit breaker → timeout → sender
//!                                                    ↘ cache, queue, local guess → dead letters
//! ```
//!
//! The order is the point. A duplicate costs nothing, so it is found first. Credits are reserved once for an operation,
//! however often it is tried. Each attempt passes the limiter anew, because a retry is a request too, and asks the breaker
//! last, so that a permit is never held by somebody who waits. Whatever comes of an operation, exactly one line of the
//! ledger says so; a call that is dropped gives back what it held and stays unacknowledged.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::clock::LoadClock;
use crate::event::{BreakerState, EventKind, EventSink};
use crate::outcome::{FailureKind, LeadCounts, Vendor};
use crate::seed::Seed;

use super::backlog::{Backlog, MemoryBacklog};
use super::breaker::{Breaker, Permit};
use super::credits::{CreditBudget, CreditRefusal, Reservation};
use super::dead_letters::DeadLetters;
use super::degradation::{AnswerCache, local_guess};
use super::emitter::Emitter;
use super::health::{HealthMonitor, HealthStatus};
use super::idempotency::{Claim, FirstClaim, Idempotency};
use super::ledger::{Ledger, Submission};
use super::limiter::{LONGEST_PAUSE, Limiter, LimiterFull};
use super::operation::{Disposition, Operation, OperationKind, Source};
use super::policy::{Afterwards, Blame, policy};
use super::queue::{Attempt, Entry, FallbackQueue, StoreError};
use super::retry::{Next, RetryBudget, next_attempt};
use super::sender::{Reply, Sender};
use super::settings::{FallbackStep, PipelineSettings, RetrySettings};
use super::wall::DayClock;
use super::work::Shift;

/// The pipeline between a service and one vendor.
pub struct Pipeline<S, B = MemoryBacklog> {
    pub(super) settings: PipelineSettings,
    sender: S,
    pub(super) idempotency: Option<Idempotency>,
    pub(super) credits: Option<CreditBudget>,
    pub(super) limiter: Limiter,
    retry_budget: Option<RetryBudget>,
    retry_rng: Mutex<ChaCha8Rng>,
    pub(super) breaker: Option<Breaker>,
    health: HealthMonitor,
    cache: AnswerCache,
    pub(super) backlog: B,
    pub(super) ledger: Ledger,
    in_flight: AtomicU64,
    emitter: Emitter,
    pub(super) wall: DayClock,
    /// What follows from the answer to an operation of the queue.
    follow_up: Option<FollowUp>,
    pub(super) shift: Shift,
    /// Wakes the drain when an entry came into the queue.
    pub(super) arrived: Notify,
    /// One redrive at a time: two that read the same letters would count them twice.
    pub(super) redriving: tokio::sync::Mutex<()>,
}

/// Makes the operations that follow from an answer to an operation: who answered, and with what.
pub type FollowUp = Arc<dyn Fn(&Operation, Source, Option<&Value>) -> Vec<Operation> + Send + Sync>;

/// What became of an operation, and what the caller can work with.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What became of it; a fallback names its source.
    pub disposition: Disposition,
    /// The vendor's answer; or the lead with what the cache or the local guess added.
    pub data: Option<Value>,
}

/// A pipeline's state at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PipelineGauges {
    /// Operations in the fallback queue.
    pub queue_depth: u64,
    /// Operations in the dead letters.
    pub dead_letters: u64,
    /// Credits charged since the start.
    pub credits_used: u64,
    /// The circuit breaker's state, where there is one.
    pub breaker: Option<BreakerState>,
    /// The credit budget's breaker, where there is one.
    pub credit_breaker: Option<BreakerState>,
    /// Attempts sent and not yet answered.
    pub in_flight: u64,
    /// What became of the operations.
    pub counts: LeadCounts,
}

/// The vendor accepted it.
#[derive(Debug)]
pub(super) struct Accepted {
    attempts: u32,
    /// What the vendor answered.
    pub(super) data: Option<Value>,
    /// The answer's status.
    pub(super) status: Option<u16>,
    /// When the answer was there.
    pub(super) at: Instant,
}

/// It was not accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) cause: FailureKind,
    pub(super) status: Option<u16>,
    /// Before this there is no sense in trying again.
    pub(super) retry_at: Option<Instant>,
}

impl Failure {
    fn unsent(cause: FailureKind, retry_at: Option<Instant>) -> Self {
        Self { cause, status: None, retry_at }
    }
}

impl<S: Sender> Pipeline<S> {
    /// A pipeline whose queue and dead letters live in memory. `seed` gives it everything random.
    pub fn new(
        vendor: Vendor,
        settings: PipelineSettings,
        sender: S,
        clock: LoadClock,
        events: Arc<dyn EventSink>,
        seed: Seed,
    ) -> Self {
        let backlog = MemoryBacklog::new(&settings.fallback);
        let emitter = Emitter::new(vendor, clock, events);
        Self::with_backlog(settings, sender, backlog, emitter, DayClock::start(), seed.stream(vendor.as_str()))
    }
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// A pipeline with a backlog of the caller's, on the days that `wall` shows.
    pub fn with_backlog(
        settings: PipelineSettings,
        sender: S,
        backlog: B,
        emitter: Emitter,
        wall: DayClock,
        rng: ChaCha8Rng,
    ) -> Self {
        let now = Instant::now();
        // Two streams of one seed: a drawn cool-down moves no back-off.
        let mut breaker_rng = rng.clone();
        breaker_rng.set_stream(1);
        Self {
            sender,
            idempotency: settings.idempotency.map(Idempotency::new),
            credits: settings.credits.map(|credits| CreditBudget::new(credits, wall, emitter.clone(), now)),
            limiter: Limiter::new(settings.limiter, settings.retry.max_delay, now),
            retry_budget: RetryBudget::new(&settings.retry),
            retry_rng: Mutex::new(rng),
            breaker: settings.breaker.map(|breaker| Breaker::new(breaker, breaker_rng, emitter.clone(), now)),
            health: HealthMonitor::new(settings.health, emitter.clone(), now),
            cache: AnswerCache::new(settings.fallback.cache_capacity),
            backlog,
            ledger: Ledger::default(),
            in_flight: AtomicU64::new(0),
            emitter,
            wall,
            follow_up: None,
            shift: Shift::default(),
            arrived: Notify::new(),
            redriving: tokio::sync::Mutex::new(()),
            settings,
        }
    }

    /// The same pipeline, with a hook that is asked when an operation of the queue is answered, by the vendor, the cache or a
    /// local guess: what it gives enters the queues in the same commit in which the answered operation leaves its own.
    #[must_use]
    pub fn with_follow_up(
        mut self,
        follow_up: impl Fn(&Operation, Source, Option<&Value>) -> Vec<Operation> + Send + Sync + 'static,
    ) -> Self {
        self.follow_up = Some(Arc::new(follow_up));
        self
    }

    pub(super) fn follow_up(&self, operation: &Operation, source: Source, data: Option<&Value>) -> Vec<Operation> {
        self.follow_up.as_ref().map_or_else(Vec::new, |follow_up| follow_up(operation, source, data))
    }

    /// Takes over what earlier lives of this pipeline kept in the backlog: the credits that may have been spent. To be called
    /// before the first operation.
    ///
    /// # Errors
    /// When the store can't be read: without what was spent, nothing should be.
    pub async fn restore(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Does an operation, and says what became of it. When this returns, the operation is acknowledged; dropping the future
    /// before leaves it unacknowledged.
    pub async fn call(&self, operation: Operation) -> Disposition {
        self.ask(operation).await.disposition
    }

    /// As [`Pipeline::call`], with the data that the vendor or a fallback gave.
    pub async fn ask(&self, operation: Operation) -> Answer {
        let submission = self.ledger.submit();
        let claim = match &self.idempotency {
            None => None,
            Some(idempotency) => match idempotency.claim(&operation.key).await {
                Claim::First(claim) => Some(claim),
                Claim::Duplicate => {
                    submission.duplicate();
                    return Answer { disposition: Disposition::Duplicate, data: None };
                }
            },
        };
        match self.deliver(&operation, 1, &self.settings.retry).await {
            Ok(Accepted { attempts, data, at, .. }) => {
                if let Some(claim) = claim {
                    claim.delivered(at);
                }
                submission.delivered();
                Answer { disposition: Disposition::Delivered { attempts }, data }
            }
            Err(failure) => self.fall_back(operation, failure, claim, submission).await,
        }
    }

    /// Credit budget → limiter → retry → breaker → timeout → sender. Attempts are numbered from `first`.
    pub(super) async fn deliver(&self, operation: &Operation, first: u32, retry: &RetrySettings) -> Result<Accepted, Failure> {
        let reservation = self.reserve_credits()?;
        let result = self.with_retries(operation, first, retry).await;
        if let Some(reservation) = reservation {
            close_reservation(reservation, &result);
        }
        let accepted = result?;
        if let Some(data) = &accepted.data
            && operation.kind == OperationKind::Enrich
            && self.settings.fallback.steps.contains(&FallbackStep::Cache)
        {
            self.cache.keep(operation, data);
        }
        Ok(accepted)
    }

    fn reserve_credits(&self) -> Result<Option<Reservation<'_>>, Failure> {
        let Some(credits) = &self.credits else { return Ok(None) };
        let refused = |refusal: CreditRefusal| Failure::unsent(FailureKind::BudgetExhausted, refusal.retry_at());
        credits.reserve(Instant::now()).map(Some).map_err(refused)
    }

    async fn with_retries(&self, operation: &Operation, first: u32, retry: &RetrySettings) -> Result<Accepted, Failure> {
        let mut attempts = 0;
        loop {
            self.take_turn().await?;
            let (reply, now) = self.attempt(operation, first + attempts).await?;
            attempts += 1;
            let Some(cause) = failure_of(&reply) else {
                if let Some(budget) = &self.retry_budget {
                    budget.succeeded();
                }
                return Ok(Accepted { attempts, data: reply.data, status: reply.status, at: now });
            };
            let asked = reply.retry_after.and_then(|after| after.wait(&self.wall, now));
            if cause == FailureKind::RateLimited {
                self.pause(now, asked);
            }
            match self.next(retry, attempts, cause, asked) {
                Next::RetryAfter(wait) => sleep(wait).await,
                Next::NotRetried | Next::NoneLeft | Next::BudgetDenied | Next::TooLong(_) => {
                    let retry_at = asked.map(|asked| now + asked.min(LONGEST_PAUSE));
                    return Err(Failure { cause, status: reply.status, retry_at });
                }
            }
        }
    }

    /// Waits for the limiter, unless the breaker would reject the call anyway: nobody queues for a turn that is wasted.
    async fn take_turn(&self) -> Result<(), Failure> {
        let now = Instant::now();
        if let Some(rejected) = self.breaker.as_ref().and_then(|breaker| breaker.would_reject(now)) {
            return Err(Failure::unsent(FailureKind::BreakerOpen, rejected.retry_at));
        }
        let full = |full: LimiterFull| Failure::unsent(FailureKind::LimiterFull, Some(full.retry_at));
        self.limiter.admit(now).await.map_err(full)
    }

    /// Breaker → timeout → sender: one attempt, and when its answer was there.
    async fn attempt(&self, operation: &Operation, number: u32) -> Result<(Reply, Instant), Failure> {
        let sent = Instant::now();
        let permit = match &self.breaker {
            None => None,
            Some(breaker) => {
                Some(breaker.try_acquire(sent).map_err(|rejected| Failure::unsent(FailureKind::BreakerOpen, rejected.retry_at))?)
            }
        };
        let in_flight = InFlight::enter(&self.in_flight);
        let reply = timeout(self.settings.timeout, self.sender.send(operation, number)).await;
        drop(in_flight);
        let reply = reply.unwrap_or_else(|_| Reply { failure: Some(FailureKind::Timeout), ..Reply::default() });
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(sent);
        let failure = failure_of(&reply);
        if let Some(permit) = permit {
            settle_permit(permit, failure, now, elapsed);
        }
        self.health.record(now, failure.is_none(), elapsed);
        Ok((reply, now))
    }

    fn pause(&self, now: Instant, asked: Option<Duration>) {
        if let Some(wait) = asked.filter(|wait| !wait.is_zero())
            && self.limiter.pause(now, wait)
        {
            let for_ms = wait.min(LONGEST_PAUSE).as_millis() as u64;
            self.emitter.emit(now, EventKind::Paused { for_ms });
        }
    }

    fn next(&self, retry: &RetrySettings, attempts: u32, cause: FailureKind, asked: Option<Duration>) -> Next {
        let budget_allows = match &self.retry_budget {
            Some(budget) if policy(cause).retried => budget.failed(),
            _ => true,
        };
        let mut rng = self.retry_rng.lock().unwrap_or_else(PoisonError::into_inner);
        next_attempt(retry, attempts, cause, asked, budget_allows, &mut *rng)
    }

    /// Cache, queue and local guess in the order of the settings; past the last, the dead letters; without room, the caller.
    async fn fall_back(
        &self,
        operation: Operation,
        failure: Failure,
        claim: Option<FirstClaim<'_>>,
        submission: Submission<'_>,
    ) -> Answer {
        let cause = failure.cause;
        let steps: &[FallbackStep] = match policy(cause).afterwards {
            Afterwards::Fallback => &self.settings.fallback.steps,
            Afterwards::DeadLetters => &[],
        };
        for step in steps {
            let (source, data) = match step {
                FallbackStep::Cache => (Source::Cache, self.cache.answer(&operation)),
                FallbackStep::Local => (Source::Local, local_guess(&operation)),
                FallbackStep::Drop => {
                    submission.rejected();
                    return Answer { disposition: Disposition::Rejected { cause }, data: None };
                }
                FallbackStep::Queue => {
                    if !self.enqueue(&operation, failure).await {
                        continue;
                    }
                    if let Some(claim) = claim {
                        claim.queued();
                    }
                    submission.kept();
                    self.arrived.notify_one();
                    return Answer { disposition: Disposition::Fallback { source: Source::Queued, cause }, data: None };
                }
            };
            if data.is_some() {
                submission.degraded();
                return Answer { disposition: Disposition::Fallback { source, cause }, data };
            }
        }
        let attempt = self.remembered(failure);
        let kept = self.backlog.letters().put(Entry::new(operation, attempt), cause, attempt.at).await;
        if kept == Ok(true) {
            submission.kept();
            Answer { disposition: Disposition::DeadLettered { cause }, data: None }
        } else {
            submission.rejected();
            Answer { disposition: Disposition::Rejected { cause }, data: None }
        }
    }

    /// Puts an operation into the queue; false when the queue did not take it.
    async fn enqueue(&self, operation: &Operation, failure: Failure) -> bool {
        let entry = Entry::new(operation.clone(), self.remembered(failure));
        // The breaker holds the drain back by itself, and may close early; the other waits are known.
        let due = match failure.retry_at {
            Some(at) if failure.cause != FailureKind::BreakerOpen => self.wall.unix_millis(at),
            _ => self.wall.unix_millis(Instant::now()),
        };
        self.backlog.queue().push(entry, due).await == Ok(true)
    }

    pub(super) fn remembered(&self, failure: Failure) -> Attempt {
        Attempt { at: self.wall.unix_millis(Instant::now()), cause: failure.cause, status: failure.status }
    }

    /// The state now.
    pub fn gauges(&self) -> PipelineGauges {
        let counts = self.ledger.counts(|| self.backlog.counts());
        PipelineGauges {
            queue_depth: counts.queued,
            dead_letters: counts.dead_lettered,
            credits_used: self.credits.as_ref().map_or(0, CreditBudget::charged),
            breaker: self.breaker.as_ref().map(Breaker::state),
            credit_breaker: self.credits.as_ref().map(CreditBudget::state),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            counts,
        }
    }

    /// What a health check shows.
    pub fn health(&self) -> HealthStatus {
        let circuit = self.breaker.as_ref().map(Breaker::state);
        self.health.status(Instant::now(), circuit, self.backlog.queue().depth())
    }

    /// The circuit breaker, to hold it open or reset it.
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// The queue and the dead letters, to list and export them.
    pub fn backlog(&self) -> &B {
        &self.backlog
    }
}

/// An answer that is an HTTP error is a failure whatever else it says, and no answer at all is never a success.
fn failure_of(reply: &Reply) -> Option<FailureKind> {
    reply.failure.or(match reply.status {
        Some(status) => FailureKind::of_status(status),
        None => Some(FailureKind::BadAnswer),
    })
}

fn settle_permit(permit: Permit<'_>, failure: Option<FailureKind>, now: Instant, elapsed: Duration) {
    match failure.map(|cause| policy(cause).blame) {
        None => permit.success(now, elapsed),
        Some(Blame::Vendor) => permit.failure(now, elapsed),
        Some(Blame::Nobody) => permit.ignore(now),
    }
}

fn close_reservation(reservation: Reservation<'_>, result: &Result<Accepted, Failure>) {
    match result {
        Ok(accepted) => reservation.settle(accepted.at),
        Err(failure) if failure.cause == FailureKind::CreditsExhausted => reservation.refused_by_vendor(Instant::now()),
        Err(failure) if policy(failure.cause).blame == Blame::Vendor => reservation.failed(Instant::now()),
        Err(_) => reservation.release(Instant::now()),
    }
}

/// Counts an attempt as under way, until it is dropped.
struct InFlight<'a>(&'a AtomicU64);

impl<'a> InFlight<'a> {
    fn enter(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S, B> fmt::Debug for Pipeline<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("emitter", &self.emitter).field("settings", &self.settings).finish_non_exhaustive()
    }
}
