//! A vendor's own rate limit.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::bucket::TokenBucket;

/// A token bucket whose clock starts with its first request, or none at all.
pub(crate) struct OwnLimit(Option<Mutex<Running>>);

struct Running {
    bucket: TokenBucket,
    start: Option<Instant>,
}

impl OwnLimit {
    /// A limit of requests a second and a burst.
    pub(crate) fn new(limit: Option<(f64, u32)>) -> Self {
        Self(limit.map(|(rate, burst)| Mutex::new(Running { bucket: TokenBucket::new(rate, burst), start: None })))
    }

    /// Takes a token.
    ///
    /// # Errors
    ///
    /// How long to wait for the next one.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let Some(running) = &self.0 else { return Ok(()) };
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        let start = *running.start.get_or_insert(now);
        running.bucket.take(now.saturating_duration_since(start))
    }
}
