//! What the pipeline sends through. The pipeline knows no HTTP client; tests give it a scripted sender.

use std::future::Future;
use std::time::{Duration, SystemTime};

use mock_server::json::Json;
use tokio::time::Instant;

use crate::outcome::FailureKind;

use super::operation::Operation;

/// Sends one attempt of an operation to the vendor.
pub trait Sender: Send + Sync + 'static {
    /// Sends it. `attempt` counts from 1. The answer's body has been read to its end when the future resolves.
    /// The pipeline waits until `deadline`, then drops the future, which abandons the request.
    fn send(&self, operation: &Operation, attempt: u32, deadline: Instant) -> impl Future<Output = Reply> + Send;
}

/// What came back from one attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// The HTTP status; `None` when there was no answer.
    pub status: Option<u16>,
    /// Why the attempt failed; `None` for a success.
    pub failure: Option<FailureKind>,
    /// What the vendor asked for.
    pub retry_after: Option<RetryAfter>,
    /// What the vendor answered, where it is JSON: kept in the cache of the fallback.
    pub data: Option<Json>,
}

/// The header Retry-After, read but not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds from now.
    Delay(Duration),
    /// Until this date.
    Until(SystemTime),
    /// The header was there and could not be read.
    Unreadable,
}
