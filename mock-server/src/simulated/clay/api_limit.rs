//! The public API's rate limit, and the headers that report it.
//!
//! 429 and Retry-After are documented, and that `X-RateLimit-Limit`, `-Remaining` and `-Reset` come "when available". Their
//! units are not: the limit and what remains of it are requests, and the reset is in whole seconds from now until all of the
//! limit is there again, as Retry-After counts.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::bucket::TokenBucket;
use crate::limit::RateLimit;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// A token bucket that answers report.
#[derive(Debug, Clone)]
pub(super) struct ApiLimit {
    pub(super) bucket: TokenBucket,
    burst: u32,
}

impl ApiLimit {
    /// A limit of requests a second and a burst.
    pub(super) fn new(RateLimit { rate, burst }: RateLimit) -> Self {
        Self { bucket: TokenBucket::new(rate, burst), burst }
    }

    /// Adds the headers.
    pub(super) fn report(&self, now: Duration, headers: &mut HeaderMap) {
        let (left, full_in) = self.bucket.level(now);
        headers.insert(LIMIT, HeaderValue::from(self.burst));
        headers.insert(REMAINING, HeaderValue::from(left));
        headers.insert(RESET, HeaderValue::from(full_in.as_secs() + u64::from(full_in.subsec_nanos() > 0)));
    }
}
