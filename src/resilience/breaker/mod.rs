//! Circuit breaker: a vendor that fails is left alone for a while.
//!
//! Without one, every caller of a vendor that is down waits out its own timeout, holds a connection and a lead meanwhile,
//! and the vendor comes back into the load that felled it. Two mistakes undo most breakers, and this one avoids both: when
//! half-open, only a bounded number of probes may be under way; and each permit carries the generation that it was given
//! in, so that a result from before a transition can't decide about the state after it.
//!
//! The file `machine.rs` is a pure state machine: time comes in as an argument, and what happened comes out as values. This
//! file puts it behind one short lock and sends its events. States have resilience4j's names.

mod cause;
mod machine;
mod window;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::event::{BreakerState, EventKind, Guard};

use super::emitter::Emitter;
use super::settings::BreakerSettings;

pub use cause::Cause;
use machine::{Finding, Machine, Notice};

/// A circuit breaker, shared by all calls to one vendor.
#[derive(Debug)]
pub struct Breaker {
    machine: Mutex<Machine>,
    emitter: Emitter,
}

/// The breaker let nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is {}", state.as_str())]
pub struct Rejected {
    /// The breaker's state.
    pub state: BreakerState,
    /// When the cool-down is over; `None` when no time is set (probes under way, held open by hand).
    pub retry_at: Option<Instant>,
}

/// What the breaker knows, read without changing anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerMetrics {
    /// The state.
    pub state: BreakerState,
    /// Calls in the window.
    pub calls: u32,
    /// Failures among them.
    pub failures: u32,
    /// Slow calls among them.
    pub slow: u32,
    /// Failures in percent; `None` below the minimum of calls.
    pub failure_rate: Option<f64>,
    /// Results that came back from before a transition and were ignored.
    pub stale: u64,
}

impl Breaker {
    /// A closed breaker. `rng` draws the spread of cool-downs.
    pub fn new(settings: BreakerSettings, rng: ChaCha8Rng, emitter: Emitter, now: Instant) -> Self {
        Self { machine: Mutex::new(Machine::new(settings, rng, now)), emitter }
    }

    /// Asks to make a call at `now`.
    ///
    /// # Errors
    /// When the breaker is open, or half-open with all permits given out.
    pub fn try_acquire(&self, now: Instant) -> Result<Permit<'_>, Rejected> {
        let (result, notices) = {
            let mut machine = self.lock();
            let mut notices = Vec::new();
            (machine.acquire(now, &mut notices), notices)
        };
        self.emit(now, notices);
        result.map(|generation| Permit { breaker: self, generation, settled: false })
    }

    /// The state. Reading never changes it: an open breaker whose cool-down is over stays open until somebody calls.
    pub fn state(&self) -> BreakerState {
        self.lock().state()
    }

    /// Whether a call at `now` would be let through, without making it.
    pub fn would_reject(&self, now: Instant) -> Option<Rejected> {
        self.lock().would_reject(now)
    }

    /// What it knows.
    pub fn metrics(&self, now: Instant) -> BreakerMetrics {
        self.lock().metrics(now)
    }

    /// Holds it open until [`Breaker::reset`].
    pub fn force_open(&self, now: Instant) {
        self.change(now, Machine::force_open);
    }

    /// Closes it, with an empty window.
    pub fn reset(&self, now: Instant) {
        self.change(now, Machine::reset);
    }

    fn settle(&self, generation: u64, finding: Finding, now: Instant) {
        let notices = {
            let mut machine = self.lock();
            let mut notices = Vec::new();
            machine.settle(generation, finding, now, &mut notices);
            notices
        };
        self.emit(now, notices);
    }

    fn change(&self, now: Instant, change: fn(&mut Machine, &mut Vec<Notice>)) {
        let mut notices = Vec::new();
        change(&mut self.lock(), &mut notices);
        self.emit(now, notices);
    }

    /// Sends what happened, after the lock is free: texts are made here, and only when there is something to say.
    fn emit(&self, now: Instant, notices: Vec<Notice>) {
        for notice in notices {
            let kind = match notice {
                Notice::Transition { from, to, cause, tally } => EventKind::Transition {
                    guard: Guard::CircuitBreaker,
                    from,
                    to,
                    cause: cause.to_string(),
                    calls: tally.calls,
                    failures: tally.failures,
                },
                Notice::Stale { success } => EventKind::StaleResult { success },
            };
            self.emitter.emit(now, kind);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to make one call. Dropped without a result, it is given back, and counts as nothing; dropped by a panic, it
/// counts as a failure.
#[derive(Debug)]
#[must_use = "a permit that is dropped gives no result to the breaker"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    generation: u64,
    settled: bool,
}

impl Permit<'_> {
    /// The call succeeded after `elapsed`.
    pub fn success(self, now: Instant, elapsed: Duration) {
        self.settle(Finding::Success { elapsed }, now);
    }

    /// The vendor failed after `elapsed`.
    pub fn failure(self, now: Instant, elapsed: Duration) {
        self.settle(Finding::Failure { elapsed }, now);
    }

    /// The call says nothing about the vendor's health (a 4xx): as if it had not been made.
    pub fn ignore(self, now: Instant) {
        self.settle(Finding::Ignored, now);
    }

    fn settle(mut self, finding: Finding, now: Instant) {
        self.settled = true;
        self.breaker.settle(self.generation, finding, now);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let finding = if std::thread::panicking() { Finding::Failure { elapsed: Duration::ZERO } } else { Finding::Ignored };
        self.breaker.settle(self.generation, finding, Instant::now());
    }
}
