//! From an operation to the vendor's answer: credit budget → limiter → in-flight limit → breaker → timeout → sender.
//!
//! The order is the point. Credits are reserved once for an operation, however often it is tried. Each attempt passes the
//! limiter and the in-flight limit anew, because a retry is a request too, and asks the breaker last, so that a permit is
//! never held by somebody who waits.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::event::EventKind;
use crate::failpoint::{self, Failpoint};
use crate::outcome::FailureKind;

use super::breaker::Permit;
use super::credits::{CreditRefusal, Reservation};
use super::limiter::{LONGEST_PAUSE, LimiterFull};
use super::operation::{Operation, OperationKind};
use super::pipeline::Pipeline;
use super::policy::{Blame, policy};
use super::queue::Attempt;
use super::queue::backlog::Backlog;
use super::retry::{Next, next_attempt};
use super::sender::{Reply, Sender};
use super::settings::{FallbackStep, RetrySettings};

/// How soon something that was throttled is tried again: each try counts as pressure on the vendor.
const THROTTLED: Duration = Duration::from_secs(1);

/// The vendor accepted it.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) attempts: u32,
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
    /// The wait that the vendor asked for.
    pub(super) asked: Option<Duration>,
    /// Before this there is no sense in trying again.
    pub(super) retry_at: Option<Instant>,
}

impl Failure {
    /// Nothing was sent.
    pub(super) fn unsent(cause: FailureKind, retry_at: Option<Instant>) -> Self {
        Self { cause, status: None, asked: None, retry_at }
    }

    fn of_reply(cause: FailureKind, reply: &Reply, asked: Option<Duration>, now: Instant) -> Self {
        let retry_at = asked.map(|asked| now + asked.min(LONGEST_PAUSE));
        Self { cause, status: reply.status, asked, retry_at }
    }
}

impl<S: Sender, B: Backlog> Pipeline<S, B> {
    /// Tries an operation as often as the retry settings say, here and now.
    pub(super) async fn deliver(&self, operation: &Operation) -> Result<Accepted, Failure> {
        self.charged(operation, self.with_retries(operation)).await
    }

    /// Tries an operation once, before `ends` or not at all; it is its `number`th attempt.
    pub(super) async fn deliver_once(&self, operation: &Operation, number: u32, ends: Instant) -> Result<Accepted, Failure> {
        self.charged(operation, self.try_once(operation, number, Some(ends))).await
    }

    /// Reserves credits, and charges them when the operation is accepted.
    async fn charged(
        &self,
        operation: &Operation,
        delivery: impl Future<Output = Result<Accepted, Failure>>,
    ) -> Result<Accepted, Failure> {
        let reservation = self.reserve_credits()?;
        let result = delivery.await;
        if let Some(reservation) = reservation {
            close_reservation(reservation, &result);
            if matches!(&result, Err(failure) if failure.cause == FailureKind::CreditsExhausted) {
                // A restart should not ask the vendor again today; if it can't be kept, it will, and be told again.
                let _ = self.cover_credits().await;
            }
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

    /// Has the store keep what may be spent, before it is. Without that nothing is sent.
    async fn cover_credits(&self) -> Result<(), Failure> {
        let Some(credits) = &self.credits else { return Ok(()) };
        if credits.uncovered(Instant::now()).is_none() {
            return Ok(());
        }
        let _one_at_a_time = self.keeping_credits.lock().await;
        let Some(state) = credits.uncovered(Instant::now()) else { return Ok(()) };
        let kept = self.backlog.keep_credits(state).await;
        kept.map_err(|_| Failure::unsent(FailureKind::BudgetExhausted, None))?;
        credits.covered(state);
        Ok(())
    }

    async fn with_retries(&self, operation: &Operation) -> Result<Accepted, Failure> {
        let retry = &self.settings.retry;
        let ends = retry.deadline.map(|deadline| Instant::now() + deadline.min(LONGEST_PAUSE));
        let mut attempts = 0;
        loop {
            let failure = match self.try_once(operation, attempts + 1, ends).await {
                Ok(accepted) => return Ok(Accepted { attempts: attempts + 1, ..accepted }),
                Err(failure) => failure,
            };
            attempts += 1;
            match self.next(retry, attempts, &failure) {
                // A retry that could begin but not be answered in time is not worth its request.
                Next::RetryAfter(wait) if ends.is_none_or(|ends| Instant::now() + wait < ends) => sleep(wait).await,
                _ => return Err(failure),
            }
        }
    }

    /// One attempt, which is answered before `ends` or not at all.
    async fn try_once(&self, operation: &Operation, number: u32, ends: Option<Instant>) -> Result<Accepted, Failure> {
        self.take_turn().await?;
        let Some(_place) = self.in_flight.enter().await else {
            return Err(Failure::unsent(FailureKind::InFlightFull, None));
        };
        self.cover_credits().await?;
        let (reply, now) = self.attempt(operation, number, ends).await?;
        let Some(cause) = failure_of(&reply) else {
            if let Some(budget) = &self.retry_budget {
                budget.succeeded();
            }
            return Ok(Accepted { attempts: 1, data: reply.data, status: reply.status, at: now });
        };
        let asked = reply.retry_after.and_then(|after| after.wait(&self.wall, now));
        if cause == FailureKind::RateLimited {
            self.pause(now, asked);
        }
        Err(Failure::of_reply(cause, &reply, asked, now))
    }

    /// Waits for the limiter, unless the call would be rejected anyway: nobody queues for a turn that is wasted.
    async fn take_turn(&self) -> Result<(), Failure> {
        let now = Instant::now();
        if let Some(rejected) = self.breaker.as_ref().and_then(|breaker| breaker.would_reject(now)) {
            return Err(Failure::unsent(FailureKind::BreakerOpen, rejected.retry_at));
        }
        if self.throttle.as_ref().is_some_and(|throttle| !throttle.admits(now)) {
            return Err(Failure::unsent(FailureKind::Throttled, Some(now + THROTTLED)));
        }
        let full = |full: LimiterFull| Failure::unsent(FailureKind::LimiterFull, Some(full.retry_at));
        self.limiter.admit(now).await.map_err(full)
    }

    /// Breaker → timeout → sender, and when the answer was there.
    async fn attempt(&self, operation: &Operation, number: u32, ends: Option<Instant>) -> Result<(Reply, Instant), Failure> {
        let sent = Instant::now();
        let left = ends.map_or(Duration::MAX, |ends| ends.saturating_duration_since(sent));
        if left.is_zero() {
            return Err(Failure::unsent(FailureKind::LimiterFull, None));
        }
        let permit = match &self.breaker {
            None => None,
            Some(breaker) => {
                Some(breaker.try_acquire(sent).map_err(|rejected| Failure::unsent(FailureKind::BreakerOpen, rejected.retry_at))?)
            }
        };
        failpoint::reach(Failpoint::BeforeSend);
        let reply = timeout(self.settings.timeout.min(left), self.sender.send(operation, number)).await;
        failpoint::reach(Failpoint::AfterAnswer);
        let reply = reply.unwrap_or_else(|_| Reply { failure: Some(FailureKind::Timeout), ..Reply::default() });
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(sent);
        let failure = failure_of(&reply);
        if let Some(permit) = permit {
            settle_permit(permit, failure, now, elapsed);
        }
        if let Some(throttle) = &self.throttle {
            throttle.answered(now, is_accepted(failure));
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

    /// Whether and when another attempt is made after the `attempts`th failed. Takes its token from the retry budget.
    pub(super) fn next(&self, retry: &RetrySettings, attempts: u32, failure: &Failure) -> Next {
        let budget_allows = match &self.retry_budget {
            Some(budget) if policy(failure.cause).retried => budget.failed(),
            _ => true,
        };
        let mut rng = self.retry_rng.lock().unwrap_or_else(PoisonError::into_inner);
        next_attempt(retry, attempts, failure.cause, failure.asked, budget_allows, &mut *rng)
    }

    /// A failed attempt, as the queue and the dead letters remember it.
    pub(super) fn remembered(&self, failure: &Failure) -> Attempt {
        Attempt { at: self.wall.unix_millis(Instant::now()), cause: failure.cause, status: failure.status }
    }
}

/// An answer that is an HTTP error is a failure whatever else it says, and no answer at all is never a success.
fn failure_of(reply: &Reply) -> Option<FailureKind> {
    reply.failure.or(match reply.status {
        Some(status) => FailureKind::of_status(status),
        None => Some(FailureKind::BadAnswer),
    })
}

/// Whether the vendor took the request up, whatever it then thought of its content.
fn is_accepted(failure: Option<FailureKind>) -> bool {
    failure.is_none_or(|cause| policy(cause).blame == Blame::Nobody && cause != FailureKind::RateLimited)
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
