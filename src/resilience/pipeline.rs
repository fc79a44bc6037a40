//! The composition, per vendor:
//!
//! ```text
//! idempotency → credit budget → retry → rate limiter → in-flight limit → circuit breaker → timeout → sender
//!                                 ↘ cache, queue, local guess, drop → dead letters
//! ```
//!
//! Patterns that are put together by each caller are put together differently by each, and one of them forgets the budget.
//! Here it is done once. A duplicate costs nothing, so it is found first; the order of the rest stands in `attempts.rs`, what
//! comes after it in `fall_back.rs`. Whatever comes of an operation, exactly one counter says so; a call that is
//! dropped gives back what it held and stays unacknowledged.

use std::fmt;
use std::sync::{Arc, Mutex};

use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::time::Instant;

use crate::clock::LoadClock;
use crate::event::{BreakerState, EventSink};
use crate::outcome::{LeadCounts, Vendor};
use crate::seed::Seed;

use super::attempts::Accepted;
use super::breaker::Breaker;
use super::credits::CreditBudget;
use super::degradation::AnswerCache;
use super::emitter::Emitter;
use super::health::{HealthMonitor, HealthStatus};
use super::idempotency::{Claim, Idempotency};
use super::in_flight::{InFlight, PlaceWaits};
use super::limiter::Limiter;
use super::operation::{Disposition, Operation, Source};
use super::pacing::Pace;
use super::queue::backlog::{Backlog, MemoryBacklog};
use super::queue::{FallbackQueue, StoreError};
use super::retry::RetryBudget;
use super::sender::Sender;
use super::settings::{BreakerMode, PipelineSettings};
use super::tally::Tally;
use super::throttle::{Throttle, ThrottleGauges};
use super::wall::DayClock;
use super::work::{Bell, Shift};

/// The pipeline between a service and one vendor.
pub struct Pipeline<S, B = MemoryBacklog> {
    pub(super) settings: PipelineSettings,
    pub(super) sender: S,
    pub(super) idempotency: Option<Idempotency>,
    pub(super) credits: Option<CreditBudget>,
    pub(super) limiter: Limiter,
    pub(super) in_flight: InFlight,
    pub(super) throttle: Option<Throttle>,
    pub(super) retry_budget: Option<RetryBudget>,
    pub(super) retry_rng: Mutex<ChaCha8Rng>,
    pub(super) breaker: Option<Breaker>,
    pub(super) health: HealthMonitor,
    pub(super) cache: AnswerCache,
    pub(super) backlog: B,
    pub(super) tally: Tally,
    pub(super) emitter: Emitter,
    pub(super) wall: DayClock,
    /// What follows from the answer to an operation of the queue.
    follow_up: Option<FollowUp>,
    /// Wake the workers who do what follows.
    pub(super) follow_up_bells: Vec<Bell>,
    pub(super) shift: Shift,
    pub(super) pace: Pace,
    /// One at a time keeps the credits that may be spent.
    pub(super) keeping_credits: tokio::sync::Mutex<()>,
    /// Wakes the drain when an entry came into the queue.
    pub(super) arrived: Bell,
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
    /// What waiting for a place among them came to.
    pub place_waits: PlaceWaits,
    /// What throttling knows, where there is any.
    pub throttle: Option<ThrottleGauges>,
    /// What became of the operations.
    pub counts: LeadCounts,
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
        // Streams of one seed: a drawn cool-down moves no back-off.
        let [breaker_rng, throttle_rng] = [1, 2].map(|number| {
            let mut stream = rng.clone();
            stream.set_stream(number);
            stream
        });
        Self {
            sender,
            idempotency: settings.idempotency.map(Idempotency::new),
            credits: settings.credits.map(|credits| CreditBudget::new(credits, wall, emitter.clone(), now)),
            limiter: Limiter::new(settings.limiter, settings.retry.max_delay, now),
            in_flight: InFlight::new(settings.in_flight),
            throttle: settings.throttle.map(|throttle| Throttle::new(throttle, throttle_rng, emitter.clone(), now)),
            retry_budget: RetryBudget::new(&settings.retry),
            retry_rng: Mutex::new(rng),
            breaker: settings.breaker.map(|breaker| Breaker::new(breaker, breaker_rng, emitter.clone(), now)),
            health: HealthMonitor::new(settings.health, emitter.clone(), now),
            cache: AnswerCache::new(settings.fallback.cache_capacity),
            backlog,
            tally: Tally::default(),
            emitter,
            wall,
            follow_up: None,
            follow_up_bells: Vec::new(),
            shift: Shift::default(),
            pace: Pace::new(settings.fallback.drain_pacing, now),
            keeping_credits: tokio::sync::Mutex::default(),
            arrived: Bell::default(),
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

    /// The same pipeline, which rings this bell when operations that follow from an answer are in their queues.
    #[must_use]
    pub fn ringing(mut self, bell: Bell) -> Self {
        self.follow_up_bells.push(bell);
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
        if let Some(credits) = &self.credits
            && let Some(state) = self.backlog.credits().await?
        {
            credits.restore(state, Instant::now());
        }
        Ok(())
    }

    /// Does an operation, and says what became of it. When this returns, the operation is acknowledged; dropping the future
    /// before leaves it unacknowledged.
    pub async fn call(&self, operation: Operation) -> Disposition {
        self.ask(operation).await.disposition
    }

    /// As [`Pipeline::call`], with the data that the vendor or a fallback gave.
    pub async fn ask(&self, operation: Operation) -> Answer {
        let submission = self.tally.submit();
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
        if self.must_wait_in_line(&operation.user).await {
            return self.queue_behind(operation, claim, submission).await;
        }
        match self.deliver(&operation).await {
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

    /// The state now.
    pub fn gauges(&self) -> PipelineGauges {
        let counts = self.tally.counts(|| self.backlog.counts());
        PipelineGauges {
            queue_depth: counts.queued,
            dead_letters: counts.dead_lettered,
            credits_used: self.credits.as_ref().map_or(0, CreditBudget::charged),
            breaker: self.breaker.as_ref().map(Breaker::state),
            credit_breaker: self.credits.as_ref().map(CreditBudget::state),
            in_flight: self.in_flight.count(),
            place_waits: self.in_flight.waits(),
            throttle: self.throttle.as_ref().map(|throttle| throttle.gauges(Instant::now())),
            counts,
        }
    }

    /// Credits that the budget would still give out today; `None` without a budget.
    pub fn credits_left(&self) -> Option<u64> {
        let (credits, settings) = (self.credits.as_ref()?, self.settings.credits?);
        let (used, reserved) = credits.today(Instant::now());
        Some(settings.daily_limit.saturating_sub(used.saturating_add(reserved)))
    }

    /// What a health check shows.
    pub fn health(&self) -> HealthStatus {
        let circuit = self.breaker.as_ref().map(Breaker::state);
        self.health.status(Instant::now(), circuit, self.backlog.queue().depth())
    }

    /// Switches the circuit breaker to another mode; workers that it held up see it within seconds. False without a breaker.
    pub fn set_breaker_mode(&self, mode: BreakerMode) -> bool {
        let Some(breaker) = &self.breaker else { return false };
        breaker.set_mode(mode, Instant::now());
        true
    }

    /// The circuit breaker, to read and switch it.
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// The queue and the dead letters, to list and export them.
    pub fn backlog(&self) -> &B {
        &self.backlog
    }
}

impl<S, B> fmt::Debug for Pipeline<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("emitter", &self.emitter).field("settings", &self.settings).finish_non_exhaustive()
    }
}
