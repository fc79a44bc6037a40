//! What both sides of a pipeline use: the caller's side, which submits operations, and the workers of its queue.

use std::sync::Arc;

use tokio::time::Instant;

use super::delivery::{Delivery, Failure};
use super::fallback::Fallback;
use super::idempotency::Idempotency;
use super::queue::entry::Attempt;
use super::queue::notifier::Notifier;
use super::queue::progress::Progress;
use super::settings::PipelineSettings;
use super::tally::Tally;
use super::wall::{DayClock, UnixMillis};

/// The state that submitting and draining have in common.
pub(super) struct Shared<S, B> {
    pub(super) settings: PipelineSettings,
    pub(super) delivery: Delivery<S, B>,
    pub(super) fallback: Fallback,
    pub(super) idempotency: Option<Idempotency>,
    pub(super) backlog: Arc<B>,
    pub(super) tally: Tally,
    pub(super) wall: DayClock,
    /// Wakes a worker when an entry came into the queue.
    pub(super) arrived: Notifier,
    /// Whether entries are leased.
    pub(super) progress: Progress,
}

impl<S, B> Shared<S, B> {
    /// A failure, as the queue and the dead letters record it.
    pub(super) fn attempt(&self, failure: &Failure) -> Attempt {
        Attempt { at: self.now(), cause: failure.cause, status: failure.status }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.millis(Instant::now())
    }

    pub(super) fn millis(&self, at: Instant) -> UnixMillis {
        self.wall.unix_millis(at)
    }
}
