//! Whether the queue moves: a self-check that needs no idea of what could stop it.
//!
//! A record that cannot be read, a worker that hangs, an index that lost a row: each stops delivery without an error. What
//! all have in common is seen from outside: something is queued, due and allowed, and nothing is leased.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// When the queue moved last, or had no reason to.
#[derive(Debug)]
pub(in crate::resilience) struct Progress(Mutex<Instant>);

impl Progress {
    pub(in crate::resilience) fn new(now: Instant) -> Self {
        Self(Mutex::new(now))
    }

    /// An entry was leased, or none could be.
    pub(in crate::resilience) fn moved(&self, now: Instant) {
        *self.0.lock() = now;
    }

    /// For how long nothing has moved.
    pub(in crate::resilience) fn still_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.0.lock())
    }
}
