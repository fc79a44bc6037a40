//! `lead` to a service: one `POST /leads`, and only its 202 makes the lead the service's.
//!
//! A client that goes on sending to a service that has asked for a pause keeps it from recovering. A user who was refused with
//! Retry-After waits for as long before the next lead, up to a bound.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use mock_server::json::Json;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::kind::Submission;
use super::leads::Lead;
use super::measured::{Call, Meter, Sent};
use super::submissions::{DriverJournal, not_taken, of_answer};
use crate::journal::Answered;
use crate::measure::{CheckId, Recorder, RecorderBuilder, RouteId};
use crate::outcome::{FailureKind, Peer};
use crate::resilience::{DayClock, RetryAfter};
use crate::text::hex;
use crate::transport::Body;
use crate::vendor_api::{EndpointError, IDEMPOTENCY_KEY, LONGEST_ANSWER_KEPT, bearer, reply};

/// Longest wait that a service may ask a user for: a load that waits for longer measures nothing.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The wait that a service's Retry-After is taken for when it cannot be read.
const UNREADABLE_WAIT: Duration = Duration::from_secs(1);
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A service that takes leads: what is known of it before the load.
#[derive(Debug, Clone)]
pub struct LeadService {
    /// What each lead's request has of its own is added to it.
    request: Request<Full<Bytes>>,
    timeout: Duration,
    run: String,
}

impl LeadService {
    /// The service at `base`, a URL without a trailing slash. `run` is this run's own text: a lead that another run has
    /// submitted, to a service that outlives both, is another lead.
    ///
    /// # Errors
    /// When the URL or the token cannot be used.
    pub fn new(base: &str, token: Option<&str>, timeout: Duration, run: String) -> Result<Self, EndpointError> {
        let url = format!("{base}/leads");
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.parse().map_err(|_| EndpointError::BadUrl(url))?;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, bearer(token, "the service")?);
        }
        Ok(Self { request, timeout, run })
    }

    pub(super) fn register(&self, as_what: Submission, recorder: &mut RecorderBuilder, wall: DayClock) -> ServiceLead {
        ServiceLead {
            service: self.clone(),
            route: recorder.route(as_what.route, Peer::Service),
            accepted: recorder.check(as_what.check),
            wall,
        }
    }

    fn request(&self, key: &str, body: String) -> Request<Full<Bytes>> {
        let mut request = self.request.clone();
        *request.body_mut() = Full::new(Bytes::from(body));
        if let Ok(key) = HeaderValue::from_str(key) {
            request.headers_mut().insert(IDEMPOTENCY_KEY, key);
        }
        request
    }
}

/// The journey.
#[derive(Debug)]
pub(super) struct ServiceLead {
    service: LeadService,
    route: RouteId,
    accepted: CheckId,
    wall: DayClock,
}

impl ServiceLead {
    /// Submits a lead. Gives what was said to it, why it failed, and how long the service asks its user to wait.
    pub(super) async fn run(
        &self,
        lead: &Lead,
        due: Duration,
        meter: &Meter,
        recorder: &Recorder,
        journal: &DriverJournal,
    ) -> (Answered, Option<FailureKind>, Duration) {
        let body = body(lead);
        let key = key(&self.service.run, &body);
        journal.submitted(&key, &lead.user, "lead");
        let request = self.service.request(&key, body);
        // Its key lets the service know a repetition.
        let kept = Body::Keep(LONGEST_ANSWER_KEPT);
        let call = Call { body: kept, ..Call::only(self.route, due, self.service.timeout, true) };
        let Sent { failure, answer, .. } = meter.send(call, request, not_taken).await;
        let answered = of_answer(answer.as_ref().map(|answer| answer.status), failure);
        journal.answered(&key, answered);
        let accepted = matches!(answered, Answered::Acknowledged | Answered::Duplicate);
        recorder.check(self.accepted, accepted);
        let asked = reply(failure, answer.as_ref()).retry_after;
        let wait = wait(asked, &self.wall, Instant::now());
        (answered, failure, wait)
    }
}

/// How long a user waits whom the service has asked for it. What is not understood was a wish to wait.
fn wait(asked: Option<RetryAfter>, wall: &DayClock, now: Instant) -> Duration {
    asked.map_or(Duration::ZERO, |asked| asked.wait(wall, now).unwrap_or(UNREADABLE_WAIT).min(LONGEST_WAIT))
}

fn body(lead: &Lead) -> String {
    #[derive(Serialize)]
    struct Submission<'a> {
        user: &'a str,
        data: &'a Json,
    }
    // Texts and values that came from JSON can be written as JSON.
    serde_json::to_string(&Submission { user: &lead.user, data: &lead.data }).unwrap_or_default()
}

/// 64 hex digits: what the lead is known by at the service, and in every journal.
fn key(run: &str, body: &str) -> String {
    hex(&Sha256::new().chain_update(run.as_bytes()).chain_update([0]).chain_update(body.as_bytes()).finalize())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_of_the_lead_and_of_the_run() {
        let lead = |user: &str| Lead { user: user.to_owned(), data: json!({ "email": user }).into() };
        let first = key("run", &body(&lead("ada")));
        assert!(first.len() == 64 && first.bytes().all(|digit| digit.is_ascii_hexdigit() && !digit.is_ascii_uppercase()));
        assert_eq!(first, key("run", &body(&lead("ada"))));
        assert_ne!(first, key("run", &body(&lead("bob"))));
        assert_ne!(first, key("another", &body(&lead("ada"))));
        assert_eq!(body(&lead("ada")), r#"{"user":"ada","data":{"email":"ada"}}"#);
    }

    #[test]
    fn what_is_not_understood_is_never_taken_for_no_wait() {
        let (wall, now) = (DayClock::start(), Instant::now());
        for (asked, expected) in [
            (None, 0),
            (Some("0"), 0),
            (Some("7"), 7),
            (Some("86400"), 30),
            (Some("99999999999999999999"), 30),
            (Some("1.5"), 1),
            (Some("-1"), 1),
            (Some("soon"), 1),
            (Some(""), 1),
        ] {
            let asked = asked.map(crate::resilience::parse_retry_after);
            assert_eq!(wait(asked, &wall, now), Duration::from_secs(expected), "{asked:?}");
        }
    }

    #[test]
    fn a_token_is_sent_and_never_printed() {
        let service = LeadService::new("http://127.0.0.1:1", Some("hush"), Duration::from_secs(1), String::new()).unwrap();
        assert_eq!(service.request("k", String::new()).headers()[AUTHORIZATION], "Bearer hush");
        assert!(!format!("{service:?}").contains("hush"), "{service:?}");
        let error = LeadService::new("http://127.0.0.1:1", Some("two\nlines"), Duration::ZERO, String::new()).unwrap_err();
        assert!(!error.to_string().contains("two"), "{error}");
    }
}
