//! Rate limit: 429 beyond a token bucket.
//!
//! Retry-After is computed from the bucket and never too early, so that a client which obeys it gets through when it is
//! alone, and the ledger shows which clients obey it.

use http::StatusCode;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultProblem, Moment, Verdict};
use crate::bucket::TokenBucket;
use crate::retry_after::RetryAfterStyle;
use crate::simulated::{Request, Vendor};

pub(super) const FACTS: Facts = Facts {
    keys: &["rate", "burst", "retry_after"],
    needs: &[("rate", "rate = 5")],
    defaults: |form| {
        form.burst.get_or_insert(1);
        form.retry_after.get_or_insert(RetryAfterStyle::Seconds);
    },
    ..Facts::NONE
};

pub(super) fn describe(rate: &f64, burst: &u32, retry_after: &RetryAfterStyle) -> String {
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

pub(super) fn check(rate: &f64, burst: &u32, _: &RetryAfterStyle, problems: &mut Vec<FaultProblem>) {
    // `contains` is false for NaN too.
    if !RATES.contains(rate) {
        let help = "it must be from 0.001 to 1,000,000, in requests a second";
        problems.push(FaultProblem::value("rate", format!("{rate:?} is not a rate"), help));
    }
    if *burst == 0 {
        problems.push(FaultProblem::value("burst", "with a burst of 0 nothing would ever pass", "it must be at least 1"));
    } else if *burst > LARGEST_BURST {
        let problem = format!("a burst of {burst} limits nothing");
        problems.push(FaultProblem::value("burst", problem, "it must be at most 1,000,000"));
    }
}

pub(super) fn effect(rate: &f64, burst: &u32, retry_after: &RetryAfterStyle, begun: Begun<'_>) -> Box<dyn Effect> {
    let bucket = Mutex::new(TokenBucket::new(*rate, *burst));
    Box::new(RateLimiter { bucket, retry_after: *retry_after, start: begun.at })
}

struct RateLimiter {
    bucket: Mutex<TokenBucket>,
    retry_after: RetryAfterStyle,
    start: Instant,
}

impl Effect for RateLimiter {
    fn judge(&self, vendor: &dyn Vendor, _request: &Request<'_>, moment: Moment) -> Verdict {
        let elapsed = moment.now.saturating_duration_since(self.start);
        let taken = self.bucket.lock().take(elapsed);
        let Err(wait) = taken else { return Verdict::Pass };
        let answer = vendor.error(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded");
        Verdict::Answer(answer.with_retry_after(self.retry_after.value(wait, moment.date)))
    }
}
