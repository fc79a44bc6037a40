//! Delivery: from an operation to the vendor's answer.
//!
//! ```text
//! credit budget → retry → rate limiter → in-flight limit → circuit breaker → timeout → sender
//! ```
//!
//! The order is the point. Credits are reserved once for an operation, however often it is tried, or else for each attempt where
//! callbacks say what it did cost. Each attempt passes the
//! limiter and the in-flight limit again, because a retry is a request too, and asks the breaker last, so that no waiting
//! attempt holds one of its permits.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mock_server::json::Json;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep, timeout_at};

use crate::event::{BreakerState, EventKind};
use crate::failpoint::{self, Failpoint};
use crate::outcome::FailureKind;

use super::breaker::{Breaker, Permit};
use super::credits::{CreditBudget, CreditRefusal, Ending, Hold, Reservation};
use super::durable_credits::DurableCredits;
use super::health::HealthMonitor;
use super::held::{Held, HeldBy};
use super::in_flight::InFlight;
use super::limiter::{LONGEST_PAUSE, Limiter, LimiterFull};
use super::policy::{Blame, did_nothing, policy};
use super::retry::{Next, RetryBudget, next_attempt};
use super::store_faults::StoreFaults;
use super::throttle::Throttle;
use super::{Backlog, DayClock, Emitter, Operation, PipelineSettings, Reply, RetrySettings, Sender, StoreError};

/// How soon something that was throttled is tried again: each try counts as pressure on the vendor.
const THROTTLED: Duration = Duration::from_secs(1);

/// The vendor accepted it.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) attempts: u32,
    /// What the vendor answered.
    pub(super) data: Option<Json>,
    /// The answer's status.
    pub(super) status: Option<u16>,
    /// When the answer arrived.
    pub(super) at: Instant,
}

/// The vendor did not accept it, or nothing was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) cause: FailureKind,
    pub(super) status: Option<u16>,
    /// The wait that the vendor asked for.
    pub(super) asked: Option<Duration>,
    /// The earliest time at which another attempt makes sense.
    pub(super) retry_at: Option<Instant>,
}

impl Failure {
    /// Nothing was sent.
    pub(super) fn unsent(cause: FailureKind, retry_at: Option<Instant>) -> Self {
        Self { cause, status: None, asked: None, retry_at }
    }

    /// When another attempt is due that is planned for `due`.
    pub(super) fn not_before(&self, due: Instant) -> Instant {
        self.retry_at.map_or(due, |retry_at| retry_at.max(due))
    }

    fn of_reply(cause: FailureKind, reply: &Reply, asked: Option<Duration>, now: Instant) -> Self {
        let retry_at = asked.map(|asked| now + asked.min(LONGEST_PAUSE));
        Self { cause, status: reply.status, asked, retry_at }
    }
}

/// A guard that would stop an attempt now.
pub(super) struct Block {
    pub(super) failure: Failure,
    /// It lasts, so that fallbacks may answer instead. A probe in flight does not last, nor does a pause that an attempt
    /// would wait out.
    pub(super) lasts: bool,
}

/// The guards in front of one vendor, and what sends.
pub(super) struct Delivery<S, B> {
    sender: S,
    timeout: Duration,
    retry: RetrySettings,
    retry_budget: Option<RetryBudget>,
    retry_rng: Mutex<ChaCha8Rng>,
    pub(super) credits: Option<DurableCredits<B>>,
    limiter: Limiter,
    pub(super) in_flight: InFlight,
    pub(super) throttle: Option<Throttle>,
    pub(super) breaker: Option<Breaker>,
    pub(super) health: HealthMonitor,
    /// Errors of the store that no caller waits for.
    pub(super) faults: StoreFaults,
    emitter: Emitter,
    wall: DayClock,
}

impl<S: Sender, B: Backlog> Delivery<S, B> {
    pub(super) fn new(
        settings: &PipelineSettings,
        sender: S,
        backlog: &Arc<B>,
        emitter: Emitter,
        wall: DayClock,
        rng: ChaCha8Rng,
    ) -> Self {
        let now = Instant::now();
        // Streams of one seed, so that drawing a cool-down does not change a back-off.
        let [breaker_rng, throttle_rng] = [1, 2].map(|number| {
            let mut stream = rng.clone();
            stream.set_stream(number);
            stream
        });
        let credits = settings.credits.map(|credits| CreditBudget::new(credits, wall, emitter.clone(), now));
        Self {
            sender,
            timeout: settings.timeout,
            retry: settings.retry,
            retry_budget: RetryBudget::new(&settings.retry),
            retry_rng: Mutex::new(rng),
            credits: credits.map(|budget| DurableCredits::new(budget, Arc::clone(backlog))),
            limiter: Limiter::new(settings.limiter, settings.retry.max_delay, now),
            in_flight: InFlight::new(settings.in_flight),
            throttle: settings.throttle.map(|throttle| Throttle::new(throttle, throttle_rng, emitter.clone(), now)),
            breaker: settings.breaker.map(|breaker| Breaker::new(breaker, breaker_rng, emitter.clone(), now)),
            health: HealthMonitor::new(settings.health, emitter.clone(), now),
            faults: StoreFaults::default(),
            emitter,
            wall,
        }
    }

    /// Restores the credits that earlier processes may have spent.
    pub(super) async fn restore(&self) -> Result<(), StoreError> {
        match &self.credits {
            Some(credits) => credits.restore().await,
            None => Ok(()),
        }
    }

    pub(super) fn budget(&self) -> Option<&CreditBudget> {
        self.credits.as_ref().map(|credits| &credits.budget)
    }

    /// The longest time that one attempt may take, its waits included.
    pub(super) fn longest_attempt(&self) -> Duration {
        self.timeout.saturating_add(self.limiter.longest_wait()).saturating_add(self.in_flight.longest_wait())
    }

    /// The guard that would stop an attempt now, read without changing any of them.
    pub(super) fn block(&self, now: Instant) -> Option<Block> {
        if let Some(rejected) = self.breaker.as_ref().and_then(|breaker| breaker.would_reject(now)) {
            let failure = Failure::unsent(FailureKind::BreakerOpen, rejected.retry_at);
            return Some(Block { failure, lasts: rejected.state != BreakerState::HalfOpen });
        }
        if let Some(refusal) = self.budget().and_then(|budget| budget.would_refuse(now)) {
            let failure = Failure::unsent(FailureKind::BudgetExhausted, refusal.retry_at());
            return Some(Block { failure, lasts: refusal.retry_at().is_some() });
        }
        let until = self.limiter.paused_until(now)?;
        let failure = Failure::unsent(FailureKind::LimiterFull, Some(until));
        Some(Block { failure, lasts: until > now + self.limiter.longest_wait() })
    }

    /// What lets nothing through for long, each with when that ends. A probe in flight does not last.
    pub(super) fn held(&self, now: Instant) -> Vec<Held> {
        let rejected = self.breaker.as_ref().and_then(|breaker| breaker.would_reject(now));
        let breaker = rejected.and_then(|rejected| match rejected.state {
            BreakerState::HalfOpen => None,
            BreakerState::ForcedOpen => Some((HeldBy::ForcedOpen, None)),
            _ => Some((HeldBy::CircuitBreaker, rejected.retry_at)),
        });
        let credits = self.budget().into_iter().flat_map(|budget| budget.held(now));
        let pause = self.limiter.paused_until(now).map(|until| (HeldBy::Pause, Some(until)));
        let full = self.limiter.full_until(now).filter(|_| pause.is_none()).map(|until| (HeldBy::RateLimiter, Some(until)));
        breaker.into_iter().chain(credits).chain(pause).chain(full).map(|(by, until)| by.until(until, &self.wall)).collect()
    }

    /// Tries an operation as often as the retry settings allow, without the queue.
    pub(super) async fn deliver(&self, operation: &Operation) -> Result<Accepted, Failure> {
        self.charged(self.with_retries(operation), true).await
    }

    /// Tries an operation once, before `ends` or not at all; it is its `number`th attempt, and the `last` for now unless a quick
    /// retry follows.
    pub(super) async fn deliver_once(
        &self,
        operation: &Operation,
        number: u32,
        last: bool,
        ends: Instant,
    ) -> Result<Accepted, Failure> {
        self.charged(self.try_once(operation, number, Some(ends)), last).await
    }

    /// Reserves credits, and charges them when the operation is accepted. To the budget's breaker a failed operation is one failure,
    /// however often it was tried: the `last` attempt counts.
    async fn charged(&self, delivery: impl Future<Output = Result<Accepted, Failure>>, last: bool) -> Result<Accepted, Failure> {
        let reservation = self.budget().map(|budget| budget.reserve(Instant::now())).transpose()?;
        let result = delivery.await;
        if let Some(reservation) = reservation {
            close_reservation(reservation, &result, last);
            if matches!(&result, Err(failure) if failure.cause == FailureKind::CreditsExhausted) {
                // So that a restarted process does not ask the vendor again today. If the store cannot keep it, the vendor
                // refuses once more.
                self.cover_credits().await.ok();
            }
        }
        result
    }

    async fn cover_credits(&self) -> Result<(), Failure> {
        let Some(credits) = &self.credits else { return Ok(()) };
        credits.cover().await.map_err(|error| {
            self.faults.note("the credits that were spent are not written", &error);
            Failure::unsent(FailureKind::BudgetExhausted, None)
        })
    }

    async fn with_retries(&self, operation: &Operation) -> Result<Accepted, Failure> {
        let ends = self.retry.deadline.map(|deadline| Instant::now() + deadline.min(LONGEST_PAUSE));
        let mut attempts = 0;
        loop {
            let failure = match self.try_once(operation, attempts + 1, ends).await {
                Ok(accepted) => return Ok(Accepted { attempts: attempts + 1, ..accepted }),
                Err(failure) => failure,
            };
            attempts += 1;
            match self.next(attempts, &failure) {
                // A retry that could begin but not be answered in time is not worth its request.
                Next::RetryAfter(wait) if ends.is_none_or(|ends| Instant::now() + wait < ends) => sleep(wait).await,
                _ => return Err(failure),
            }
        }
    }

    /// One attempt, which is answered before `ends` or not at all.
    async fn try_once(&self, operation: &Operation, number: u32, ends: Option<Instant>) -> Result<Accepted, Failure> {
        self.take_turn().await?;
        let Some(_permit) = self.in_flight.acquire().await else {
            return Err(Failure::unsent(FailureKind::InFlightFull, None));
        };
        let mut hold = match self.budget() {
            Some(budget) => budget.hold(&operation.key, Instant::now())?,
            None => None,
        };
        self.cover_credits().await?;
        let (reply, now) = self.attempt(operation, number, ends, hold.as_mut()).await?;
        let Some(cause) = failure_of(operation, &reply) else {
            if let Some(budget) = &self.retry_budget {
                budget.succeeded();
            }
            return Ok(Accepted { attempts: 1, data: reply.data, status: reply.status, at: now });
        };
        let asked = reply.retry_after.and_then(|after| after.wait(&self.wall, now)).map(|asked| self.believed(asked, operation));
        if cause == FailureKind::RateLimited {
            // What is not understood was a wish to wait.
            self.pause(now, asked.or(reply.retry_after.map(|_| self.retry.base_delay)));
        }
        Err(Failure::of_reply(cause, &reply, asked, now))
    }

    /// Waits for the limiter, unless the breaker or the throttle would reject the attempt anyway.
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

    /// Breaker → timeout → sender. Gives the reply and when it arrived.
    async fn attempt(
        &self,
        operation: &Operation,
        number: u32,
        ends: Option<Instant>,
        mut hold: Option<&mut Hold<'_>>,
    ) -> Result<(Reply, Instant), Failure> {
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
        if let Some(hold) = &mut hold {
            hold.may_cost = true;
        }
        let deadline = sent + self.timeout.min(left);
        let reply = timeout_at(deadline, self.sender.send(operation, number, deadline)).await;
        failpoint::reach(Failpoint::AfterAnswer);
        let reply = reply.unwrap_or_else(|_| Reply { failure: Some(FailureKind::Timeout), ..Reply::default() });
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(sent);
        let failure = failure_of(operation, &reply);
        if let Some(hold) = hold {
            hold.may_cost = !failure.is_some_and(|cause| did_nothing(cause, reply.status));
        }
        if let Some(permit) = permit {
            settle_permit(permit, failure, now, elapsed);
        }
        if let Some(throttle) = &self.throttle {
            throttle.answered(now, is_accepted(failure));
        }
        if failure != Some(FailureKind::LocalLimit) {
            self.health.record(now, failure.is_none(), elapsed);
        }
        Ok((reply, now))
    }

    /// A Retry-After, cut to the longest that is believed.
    fn believed(&self, asked: Duration, operation: &Operation) -> Duration {
        let longest = self.retry.max_retry_after.min(LONGEST_PAUSE);
        if asked > longest {
            log::warn!(
                "{} asked for a pause of {} s (Retry-After): it is cut to {} s, see `retry.max_retry_after`",
                operation.kind.vendor().display_name(),
                asked.as_secs(),
                longest.as_secs()
            );
        }
        asked.min(longest)
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
    pub(super) fn next(&self, attempts: u32, failure: &Failure) -> Next {
        let budget_allows = match &self.retry_budget {
            Some(budget) if policy(failure.cause).retried => budget.failed(),
            _ => true,
        };
        let mut rng = self.retry_rng.lock();
        next_attempt(&self.retry, attempts, failure.cause, failure.asked, budget_allows, &mut *rng)
    }
}

impl From<CreditRefusal> for Failure {
    fn from(refusal: CreditRefusal) -> Self {
        Self::unsent(FailureKind::BudgetExhausted, refusal.retry_at())
    }
}

/// An answer whose status is not the one of success is a failure whatever else it says, and no answer at all is never a success.
fn failure_of(operation: &Operation, reply: &Reply) -> Option<FailureKind> {
    reply.failure.or(match reply.status {
        Some(status) => operation.kind.route().failure_of(status),
        None => Some(FailureKind::BadAnswer),
    })
}

/// Whether the vendor took the request up, whatever it then thought of its content.
fn is_accepted(failure: Option<FailureKind>) -> bool {
    failure.is_none_or(|cause| {
        policy(cause).blame == Blame::None && !matches!(cause, FailureKind::RateLimited | FailureKind::NotProcessed)
    })
}

fn settle_permit(permit: Permit<'_>, failure: Option<FailureKind>, now: Instant, elapsed: Duration) {
    match failure.map(|cause| policy(cause).blame) {
        None => permit.success(now, elapsed),
        Some(Blame::Vendor) => permit.failure(now, elapsed),
        Some(Blame::None) => permit.ignore(now),
    }
}

fn close_reservation(reservation: Reservation<'_>, result: &Result<Accepted, Failure>, last: bool) {
    let (ending, at) = match result {
        Ok(accepted) => (Ending::Charged, accepted.at),
        Err(failure) if failure.cause == FailureKind::CreditsExhausted => (Ending::RefusedByVendor, Instant::now()),
        Err(Failure { cause, .. }) if policy(*cause).blame == Blame::Vendor && (last || !policy(*cause).retried) => {
            (Ending::Failed, Instant::now())
        }
        Err(_) => (Ending::Released, Instant::now()),
    };
    reservation.close(ending, at);
}
