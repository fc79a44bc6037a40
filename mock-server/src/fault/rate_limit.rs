//! Rate limit: 429 beyond a token bucket.
//!
//! Retry-After is computed from the bucket and never too early, so that a client which obeys it gets through when it is
//! alone, and a client which does not obey it can be told from one which does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::{Effect, Moment, Verdict};
use super::problem::FaultProblem;
use crate::bucket::TokenBucket;
use crate::simulated::{Request, Vendor};

/// Ways to say when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterStyle {
    /// Whole seconds, rounded up, so that it is never too early.
    Seconds,
    /// An HTTP date.
    Date,
    /// Not at all.
    None,
}

impl RetryAfterStyle {
    /// The header's value for a wait that begins at `date`; rounded up to whole seconds, the finest that HTTP knows.
    pub(crate) fn value(self, wait: Duration, date: SystemTime) -> Option<HeaderValue> {
        match self {
            Self::Seconds => Some(HeaderValue::from(whole_seconds(wait))),
            Self::Date => {
                let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let until = SystemTime::UNIX_EPOCH + Duration::from_secs(whole_seconds(since_epoch.saturating_add(wait)));
                HeaderValue::from_str(&httpdate::fmt_http_date(until)).ok()
            }
            Self::None => None,
        }
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

pub(super) fn describe(rate: f64, burst: u32, retry_after: RetryAfterStyle) -> String {
    let hint = match retry_after {
        RetryAfterStyle::Seconds => "",
        RetryAfterStyle::Date => ", Retry-After as a date",
        RetryAfterStyle::None => ", no Retry-After",
    };
    format!("429 beyond {rate} requests/s (burst {burst}{hint})")
}

/// Rates that make sense, in requests a second: from one in a quarter of an hour to far more than the simulator answers. The
/// written form's schema names the same bounds.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=1e6;
/// The largest burst that makes sense, likewise.
const LARGEST_BURST: u32 = 1_000_000;

pub(super) fn problems(rate: f64, burst: u32, problems: &mut Vec<FaultProblem>) {
    // `contains` is false for NaN too.
    if !RATES.contains(&rate) {
        let help = "it must be from 0.001 to 1,000,000, in requests a second";
        problems.push(FaultProblem::value("rate", format!("{rate:?} is no rate"), help));
    }
    if burst == 0 {
        problems.push(FaultProblem::value("burst", "with a burst of 0 nothing would ever pass", "it must be at least 1"));
    } else if burst > LARGEST_BURST {
        let problem = format!("a burst of {burst} limits nothing");
        problems.push(FaultProblem::value("burst", problem, "it must be at most 1,000,000"));
    }
}

pub(super) struct Limited {
    bucket: Mutex<TokenBucket>,
    retry_after: RetryAfterStyle,
    start: Instant,
}

impl Limited {
    pub(super) fn new(rate: f64, burst: u32, retry_after: RetryAfterStyle, start: Instant) -> Self {
        Self { bucket: Mutex::new(TokenBucket::new(rate, burst)), retry_after, start }
    }
}

impl Effect for Limited {
    fn judge(&self, vendor: &dyn Vendor, _request: &Request<'_>, moment: Moment) -> Verdict {
        let elapsed = moment.now.saturating_duration_since(self.start);
        let taken = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(elapsed);
        let Err(wait) = taken else { return Verdict::Pass };
        let mut answer = vendor.error(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded");
        if let Some(value) = self.retry_after.value(wait, moment.date) {
            answer.headers.insert(RETRY_AFTER, value);
        }
        Verdict::Answer(answer)
    }
}
