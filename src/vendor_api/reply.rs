//! What a vendor's answer means to the pipeline.

use http::header::RETRY_AFTER;

use crate::outcome::FailureKind;
use crate::resilience::{Reply, RetryAfter, parse_retry_after};
use crate::transport::Answer;

/// Bytes of an answer that are kept for the fallback's cache; the rest is read and counted only.
pub const LONGEST_ANSWER_KEPT: usize = 64 * 1024;

/// The reply that an attempt's outcome makes: `failure` says why it failed, `answer` is what came, if anything did.
pub fn reply(failure: Option<FailureKind>, answer: Option<&Answer>) -> Reply {
    let Some(answer) = answer else { return Reply { failure, ..Reply::default() } };
    let retry_after = failure.and(answer.headers.get(RETRY_AFTER));
    Reply {
        status: Some(answer.status),
        failure,
        retry_after: retry_after.map(|value| value.to_str().map_or(RetryAfter::Unreadable, parse_retry_after)),
        data: if failure.is_none() { serde_json::from_slice(&answer.body).ok() } else { None },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, retry_after: Option<&'static str>, body: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(value));
        }
        Answer { status, headers, body: Bytes::from_static(body.as_bytes()), body_bytes: body.len() as u64 }
    }

    #[test]
    fn a_success_brings_its_data_and_a_failure_what_it_asks_for() {
        let success = reply(None, Some(&answer(200, Some("5"), r#"{"title":"CTO"}"#)));
        assert_eq!((success.data, success.retry_after), (Some(json!({"title": "CTO"}).into()), None));
        let failure = reply(Some(FailureKind::RateLimited), Some(&answer(429, Some("5"), "{}")));
        assert_eq!((failure.data, failure.retry_after), (None, Some(RetryAfter::Delay(Duration::from_secs(5)))));
        assert_eq!(reply(Some(FailureKind::Timeout), None).status, None);
    }
}
