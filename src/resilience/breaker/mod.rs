//! Circuit breaker: a vendor that fails is left alone for a while.
//!
//! Without one, every caller of a vendor that is down waits out its own timeout, holds a connection and a lead meanwhile,
//! and the vendor comes back into the load that overloaded it. Two mistakes undo most breakers, and this one avoids both: when
//! half-open, only a bounded number of probes may be in flight; and each permit carries the generation that it was given
//! in, so that a result from before a transition can't decide about the state after it.
//!
//! The file `machine.rs` is a pure state machine: time comes in as an argument, and what happened comes out as values. This
//! file puts it behind one short lock and sends its events. States have resilience4j's names.

mod cause;
mod lock;
mod machine;
mod window;

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::event::{BreakerState, Guard};

use super::emitter::Emitter;
use super::settings::{BreakerMode, BreakerSettings};

pub use cause::Cause;
pub use lock::{Lock, Locks, StdLocks};
pub use machine::{BreakerMetrics, Rejected};
pub(super) use machine::{CallResult, Machine, Notice};

/// A circuit breaker, shared by all calls to one vendor.
#[derive(Debug)]
pub struct Breaker<K: Locks = StdLocks> {
    machine: K::Lock<Machine>,
    emitter: Emitter,
}

impl<K: Locks> Breaker<K> {
    /// A closed breaker, or one in the mode that the settings say. `rng` draws the spread of cool-downs.
    pub fn new(settings: BreakerSettings, rng: ChaCha8Rng, emitter: Emitter, now: Instant) -> Self {
        let breaker = Self { machine: K::Lock::new(Machine::new(settings, rng, now)), emitter };
        if settings.mode != BreakerMode::InForce {
            breaker.set_mode(settings.mode, now);
        }
        breaker
    }

    /// Asks to make a call at `now`.
    ///
    /// # Errors
    /// When the breaker is open, or half-open with all permits given out.
    pub fn try_acquire(&self, now: Instant) -> Result<Permit<'_, K>, Rejected> {
        let acquired = self.change(now, |machine, notices| machine.acquire(now, notices));
        acquired.map(|generation| Permit { breaker: self, generation, settled: false })
    }

    /// The state. Reading never changes it: an open breaker whose cool-down is over stays open until the next call.
    pub fn state(&self) -> BreakerState {
        self.machine.with(|machine| machine.state())
    }

    /// Whether a call at `now` would be let through, without making it.
    pub fn would_reject(&self, now: Instant) -> Option<Rejected> {
        self.machine.with(|machine| machine.would_reject(now))
    }

    /// What it knows.
    pub fn metrics(&self, now: Instant) -> BreakerMetrics {
        self.machine.with(|machine| machine.metrics(now))
    }

    /// Switches it to a mode; to the one in force it is closed, with an empty window, whatever it was before.
    pub fn set_mode(&self, mode: BreakerMode, now: Instant) {
        self.change(now, |machine, notices| machine.set_mode(mode, notices));
    }

    fn settle(&self, generation: u64, result: CallResult, now: Instant) {
        self.change(now, |machine, notices| machine.settle(generation, result, now, notices));
    }

    /// Sends what happened, after the lock is free: texts are made here, and only when there is something to say.
    fn change<T>(&self, now: Instant, work: impl FnOnce(&mut Machine, &mut Vec<Notice>) -> T) -> T {
        let mut notices = Vec::new();
        let result = self.machine.with(|machine| work(machine, &mut notices));
        for notice in notices {
            self.emitter.emit(now, notice.event(Guard::CircuitBreaker));
        }
        result
    }
}

/// Leave to make one call. Dropped without a result, it is given back, and counts as nothing; dropped by a panic, it
/// counts as a failure.
#[derive(Debug)]
#[must_use = "a permit that is dropped gives no result to the breaker"]
pub struct Permit<'a, K: Locks = StdLocks> {
    breaker: &'a Breaker<K>,
    generation: u64,
    settled: bool,
}

impl<K: Locks> Permit<'_, K> {
    /// The call succeeded after `elapsed`.
    pub fn success(self, now: Instant, elapsed: Duration) {
        self.settle(CallResult::Success { elapsed }, now);
    }

    /// The vendor failed after `elapsed`.
    pub fn failure(self, now: Instant, elapsed: Duration) {
        self.settle(CallResult::Failure { elapsed }, now);
    }

    /// The call says nothing about the vendor's health (a 4xx): as if it had not been made.
    pub fn ignore(self, now: Instant) {
        self.settle(CallResult::Ignored, now);
    }

    fn settle(mut self, result: CallResult, now: Instant) {
        self.settled = true;
        self.breaker.settle(self.generation, result, now);
    }
}

impl<K: Locks> Drop for Permit<'_, K> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let result = if std::thread::panicking() { CallResult::Failure { elapsed: Duration::ZERO } } else { CallResult::Ignored };
        self.breaker.settle(self.generation, result, Instant::now());
    }
}
