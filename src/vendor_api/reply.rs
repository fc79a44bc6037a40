//! What a vendor's answer means to the pipeline.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::de::IgnoredAny;

use crate::outcome::{FailureKind, Route, Says};
use crate::resilience::{Reply, RetryAfter, parse_retry_after};
use crate::transport::Answer;

/// Bytes of an answer that are kept for the fallback's cache; the rest is read and counted only.
pub const LONGEST_ANSWER_KEPT: usize = 64 * 1024;

/// Why an answer is no success of a route: its status is not one of those that the vendor documents, or its body is not what a
/// vendor says (a gateway or a captive portal has answered in its place, with a page and 200).
pub fn failure_of(route: &Route, answer: &Answer) -> Option<FailureKind> {
    let is_other = || match route.says {
        Says::Json => !is_json(answer),
        Says::Undocumented => is_page(answer) || ((claims(answer, "json") || begins_as_json(answer)) && !is_json(answer)),
    };
    route.failure_of(answer.status).or_else(|| is_other().then_some(FailureKind::BadAnswer))
}

/// Whether an answer is a page for people: HTML, by its type or by its look.
pub fn is_page(answer: &Answer) -> bool {
    let begins = answer.body.trim_ascii_start().first();
    begins == Some(&b'<') || (claims(answer, "html") && begins.is_some())
}

/// Whether the body is JSON; of one of which only a part was kept, whether it begins like JSON.
fn is_json(answer: &Answer) -> bool {
    match answer.body_bytes > answer.body.len() as u64 {
        true => begins_as_json(answer),
        false => serde_json::from_slice::<IgnoredAny>(&answer.body).is_ok(),
    }
}

fn begins_as_json(answer: &Answer) -> bool {
    matches!(answer.body.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn claims(answer: &Answer, kind: &str) -> bool {
    let claimed = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    claimed.is_some_and(|value| value.to_ascii_lowercase().contains(kind))
}

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
    use crate::outcome::OperationKind;

    fn answer(status: u16, retry_after: Option<&'static str>, body: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(value));
        }
        Answer { status, headers, body: Bytes::from_static(body.as_bytes()), body_bytes: body.len() as u64 }
    }

    fn said(kind: Option<&'static str>, body: &'static str) -> Answer {
        let mut said = answer(200, None, body);
        said.headers.extend(kind.map(|kind| (CONTENT_TYPE, http::HeaderValue::from_static(kind))));
        said
    }

    #[test]
    fn only_what_a_vendor_says_is_a_success_of_its_routes() {
        let [enrich, identify, track] = OperationKind::OF_A_LEAD.map(OperationKind::route);
        let page = "<!doctype html><title>Sign in</title>";
        for no_vendor in [
            said(Some("text/html"), page),
            said(None, page),
            said(Some("application/json"), page),
            said(Some("text/html"), "Sign in"),
            said(Some("application/json"), "{\"a\":"),
            said(None, "{\"a\":"),
            said(Some("application/json"), ""),
        ] {
            for route in [enrich, identify, track] {
                assert_eq!(failure_of(route, &no_vendor), Some(FailureKind::BadAnswer), "{} {no_vendor:?}", route.name);
            }
        }
        for (body, of_customer_io) in [("{}\n", None), ("", Some(FailureKind::BadAnswer)), ("OK", Some(FailureKind::BadAnswer))] {
            assert_eq!(failure_of(enrich, &said(None, body)), None, "Clay documents no body: {body:?}");
            assert_eq!(failure_of(track, &said(None, body)), of_customer_io, "{body:?}");
        }
        let long = Answer { body_bytes: 100_000, ..said(None, "{\"a\":") };
        assert_eq!(failure_of(track, &long), None, "a part of it was kept");
        assert_eq!(failure_of(track, &answer(302, None, "{}")), Some(FailureKind::BadAnswer));
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
