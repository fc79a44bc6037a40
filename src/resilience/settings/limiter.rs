//! Settings of the rate limiter.

use std::time::Duration;

/// A client-side rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimiterSettings {
    /// Requests a second.
    pub rate: f64,
    /// Requests that may go at once.
    pub burst: u32,
    /// Longest wait for a turn; a call that would wait longer is not sent.
    pub max_wait: Duration,
}
