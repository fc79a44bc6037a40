//! What an exchange's sender knows of it while it is under way, and when its future was dropped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::outcome::Steps;

/// No time: what it stands for has not happened.
const NEVER: u64 = u64::MAX;

/// The steps of an exchange, as they happen.
#[derive(Debug)]
pub struct Trace {
    sent: Instant,
    pub(super) repeats: bool,
    /// Nanoseconds, each.
    connecting: AtomicU64,
    tls: AtomicU64,
    handed: AtomicU64,
    answered: AtomicU64,
}

impl Trace {
    /// Of an exchange that begins at `sent`.
    pub fn new(sent: Instant) -> Self {
        let [connecting, tls, answered] = [NEVER; 3].map(AtomicU64::new);
        Self { sent, repeats: false, connecting, tls, handed: AtomicU64::new(0), answered }
    }

    /// A request that may be `repeated` goes over a new connection where one that was kept has ended before any answer: the server
    /// may have closed it as idle while the request was on its way (RFC 9112, 9.5). It must be one that has the same effect when
    /// it is processed twice (RFC 9110, 9.2.2).
    pub fn repeating(self, repeats: bool) -> Self {
        Self { repeats, ..self }
    }

    /// What has happened so far.
    pub fn steps(&self) -> Steps {
        let read = |at: &AtomicU64| Some(at.load(Ordering::Relaxed)).filter(|at| *at != NEVER).map(Duration::from_nanos);
        let handed = read(&self.handed).unwrap_or(Duration::MAX);
        Steps { connecting: read(&self.connecting), tls: read(&self.tls), handed, answered: read(&self.answered) }
    }

    /// There was no connection for the request: one is made.
    pub(super) fn connects(&self) {
        self.handed.store(NEVER, Ordering::Relaxed);
    }

    pub(super) fn connected(&self, took: Duration) {
        set(&self.connecting, took);
    }

    pub(super) fn secured(&self, took: Duration) {
        set(&self.tls, took);
    }

    pub(super) fn handed(&self) {
        set(&self.handed, self.sent.elapsed());
    }

    pub(super) fn answered(&self) {
        set(&self.answered, self.sent.elapsed());
    }
}

fn set(step: &AtomicU64, time: Duration) {
    step.store(u64::try_from(time.as_nanos()).unwrap_or(NEVER - 1), Ordering::Relaxed);
}
