//! One request and its answer: what every transport carries.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request};
use http_body_util::Full;

use super::error::SendError;
use super::trace::Trace;

/// Carries requests to servers and their answers back, in tokio's time.
pub trait Transport: Debug + Send + Sync {
    /// Sends a request to its absolute URL and reads the answer's body to its end, all within `timeout`. A future that is
    /// dropped closes its connection. It fails when no whole answer came. `trace` says how far it has got.
    fn send<'a>(
        &'a self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
        body: Body,
        trace: &'a Trace,
    ) -> BoxFuture<'a, Result<Answer, SendError>>;
}

/// What to do with an answer's body. It is read to the end either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Count its bytes.
    Count,
    /// Keep it, up to so many bytes; the rest is counted only.
    Keep(usize),
}

impl Body {
    /// The most bytes that are kept.
    pub(super) fn limit(self) -> usize {
        match self {
            Self::Count => 0,
            Self::Keep(limit) => limit,
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was asked for.
    pub body: Bytes,
    /// Length of the whole body.
    pub body_bytes: u64,
}

/// What came of an exchange, or a timeout when nothing has after `limit`.
pub(super) async fn within(
    limit: Duration,
    exchange: impl Future<Output = Result<Answer, SendError>>,
) -> Result<Answer, SendError> {
    tokio::time::timeout(limit, exchange).await.unwrap_or(Err(SendError::Timeout))
}
