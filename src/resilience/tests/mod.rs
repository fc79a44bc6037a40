//! Tests of the patterns together, with a vendor that follows a script and time that is paused.

mod breaker_in_pipeline;
mod breaker_invariants;
mod breaker_model;
mod breaker_modes;
mod breaker_transitions;
mod credit_budget;
mod credits_by_callback;
mod credits_survive;
mod direct_calls;
mod draining;
mod durable_drain;
mod failing_store;
mod forwarding;
mod long_day;
mod shared_store;
mod whole_pipeline;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::clock::LoadClock;
use crate::event::{BreakerState, Event, EventKind, EventSink, Guard};
use crate::outcome::{FailureKind, Vendor};
use crate::seed::Seed;

use super::emitter::Emitter;
use super::operation::{Operation, OperationKind};
use super::pipeline::Pipeline;
use super::queue::MemoryBacklog;
use super::sender::{Reply, RetryAfter, Sender};
use super::settings::{Backoff, BreakerMode, BreakerSettings, PipelineSettings, RetrySettings, Window};
use super::wall::DayClock;

/// Keeps what was emitted.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<Event>>);

impl EventSink for Log {
    fn emit(&self, event: Event) {
        self.0.lock().expect("no panic").push(event);
    }
}

impl Log {
    fn all(&self) -> Vec<Event> {
        self.0.lock().expect("no panic").clone()
    }

    /// The states that a guard entered.
    fn entered(&self, of: Guard) -> Vec<BreakerState> {
        let state = |event: Event| match event.kind {
            EventKind::Transition { guard, to, .. } if guard == of => Some(to),
            _ => None,
        };
        self.all().into_iter().filter_map(state).collect()
    }

    fn last_cause(&self) -> String {
        let cause = |event: Event| match event.kind {
            EventKind::Transition { cause, .. } => Some(cause),
            _ => None,
        };
        self.all().into_iter().rev().find_map(cause).expect("a transition")
    }

    /// For each stale result whether it was a success.
    fn stale(&self) -> Vec<bool> {
        let stale = |event: Event| match event.kind {
            EventKind::StaleResult { success } => Some(success),
            _ => None,
        };
        self.all().into_iter().filter_map(stale).collect()
    }
}

/// What the vendor does with one request.
#[derive(Debug, Clone)]
enum Step {
    Answer(Reply),
    Late(Duration, Reply),
    Hang,
    Panic,
}

/// A vendor that follows a script, then does the same for ever, and remembers what it got and when.
#[derive(Debug)]
struct Script {
    start: Instant,
    steps: Mutex<VecDeque<Step>>,
    afterwards: Mutex<Step>,
    got: Mutex<Vec<(Duration, String, u32)>>,
}

impl Script {
    fn then(&self, step: Step) {
        *self.afterwards.lock().expect("no panic") = step;
    }

    fn next(&self, steps: impl IntoIterator<Item = Step>) {
        self.steps.lock().expect("no panic").extend(steps);
    }

    /// When each request came, in seconds.
    fn times(&self) -> Vec<f64> {
        self.got.lock().expect("no panic").iter().map(|(at, ..)| at.as_secs_f64()).collect()
    }

    fn users(&self) -> Vec<String> {
        self.got.lock().expect("no panic").iter().map(|(_, user, _)| user.clone()).collect()
    }

    fn attempts(&self) -> Vec<u32> {
        self.got.lock().expect("no panic").iter().map(|&(.., attempt)| attempt).collect()
    }

    fn count(&self) -> usize {
        self.got.lock().expect("no panic").len()
    }
}

impl Sender for Arc<Script> {
    async fn send(&self, operation: &Operation, attempt: u32, _deadline: Instant) -> Reply {
        self.got.lock().expect("no panic").push((self.start.elapsed(), operation.user.clone(), attempt));
        let step = self.steps.lock().expect("no panic").pop_front();
        match step.unwrap_or_else(|| self.afterwards.lock().expect("no panic").clone()) {
            Step::Answer(reply) => reply,
            Step::Late(wait, reply) => {
                tokio::time::sleep(wait).await;
                reply
            }
            Step::Hang => std::future::pending().await,
            Step::Panic => panic!("the sender panics, as the script says"),
        }
    }
}

fn status(status: u16) -> Step {
    Step::Answer(Reply { status: Some(status), failure: FailureKind::of_status(status), ..Reply::default() })
}

fn too_many(seconds: u64) -> Step {
    Step::Answer(Reply {
        status: Some(429),
        failure: Some(FailureKind::RateLimited),
        retry_after: Some(RetryAfter::Delay(Duration::from_secs(seconds))),
        data: None,
    })
}

fn refused() -> Step {
    Step::Answer(Reply { failure: Some(FailureKind::ConnectionRefused), ..Reply::default() })
}

type Tested = Pipeline<Arc<Script>>;

/// A pipeline, its vendor, and its events.
struct Rig {
    pipeline: Arc<Tested>,
    vendor: Arc<Script>,
    log: Arc<Log>,
    start: Instant,
}

/// The vendor answers 200 at once unless the script differs.
fn rig(settings: PipelineSettings) -> Rig {
    let start = Instant::now();
    let vendor = Arc::new(Script { start, steps: Mutex::default(), afterwards: Mutex::new(status(200)), got: Mutex::default() });
    let log = Arc::new(Log::default());
    let (backlog, rng) = (MemoryBacklog::new(&settings.fallback), Seed(1).stream(Vendor::Clay.as_str()));
    let pipeline = Pipeline::with_backlog(settings, vendor.clone(), backlog, emitter(start, &log), DayClock::start(), rng);
    Rig { pipeline: Arc::new(pipeline), vendor, log, start }
}

impl Rig {
    /// At rest every operation is in exactly one place.
    fn assert_balanced(&self) {
        let counts = self.pipeline.gauges().counts;
        let places = counts.delivered
            + counts.duplicate
            + counts.degraded
            + counts.queued
            + counts.dead_lettered
            + counts.rejected
            + counts.unacknowledged;
        assert_eq!((counts.submitted, counts.lost), (places, 0), "{counts:?}");
    }
}

/// Defaults, with exact back-off and no credit budget.
fn plain() -> PipelineSettings {
    let retry = RetrySettings { backoff: Backoff::None, ..RetrySettings::default() };
    PipelineSettings { retry, ..PipelineSettings::of(Vendor::CustomerIo) }
}

fn no_retries() -> PipelineSettings {
    PipelineSettings { retry: RetrySettings { max_retries: 0, ..plain().retry }, ..plain() }
}

/// A lead of its own user.
fn lead(number: u32) -> Operation {
    let email = format!("lead{number}@big-corp.test");
    Operation::new(OperationKind::Enrich, format!("user{number}"), json!({ "email": email }))
}

fn emitter(start: Instant, log: &Arc<Log>) -> Emitter {
    Emitter::new(Vendor::Clay, LoadClock::starting_at(start), log.clone())
}

/// What holds in the table of transitions unless a row says otherwise.
fn table() -> BreakerSettings {
    BreakerSettings {
        mode: BreakerMode::InForce,
        window: Window::Count,
        failures: 5,
        calls: 10,
        span: Duration::from_secs(20),
        minimum_calls: 5,
        failure_rate: 50.0,
        slow_call: None,
        slow_rate: 50.0,
        cooldown: Duration::from_secs(5),
        cooldown_jitter: 0.0,
        half_open_permits: 3,
        success_threshold: 3,
        half_open_max: Duration::from_secs(60),
    }
}
