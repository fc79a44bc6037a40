//! An operation as the HTTP request that its vendor knows.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::endpoints::Endpoints;
use super::measured::Meter;
use crate::measure::RouteId;
use crate::outcome::FailureKind;
use crate::resilience::{Operation, OperationKind, Reply, RetryAfter, Sender, parse_retry_after};
use crate::transport::{Answer, Body};

/// Most of an answer that is kept for the fallback's cache.
const KEPT: usize = 64 * 1024;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const WEBHOOK_TOKEN: HeaderName = HeaderName::from_static("x-clay-webhook-auth");

/// The routes of the operations.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperationRoutes {
    pub(super) webhook: RouteId,
    pub(super) identify: RouteId,
    pub(super) track: RouteId,
}

/// Sends operations to Clay and to Customer.io.
#[derive(Debug, Clone)]
pub(super) struct VendorSender {
    pub(super) meter: Meter,
    pub(super) endpoints: Endpoints,
    pub(super) routes: OperationRoutes,
    pub(super) timeout: Duration,
}

impl Sender for VendorSender {
    async fn send(&self, operation: &Operation, attempt: u32) -> Reply {
        let Some((route, mut request)) = self.request(operation) else {
            // Nothing can be sent to an endpoint that the scenario does not name; validation refuses such scenarios.
            return Reply { failure: Some(FailureKind::ConnectionRefused), ..Reply::default() };
        };
        // No vendor documents it, and it does no harm: it joins a vendor's log to an operation.
        if let Ok(key) = HeaderValue::from_str(&operation.key) {
            request.headers_mut().insert(IDEMPOTENCY_KEY, key);
        }
        let sent = self.meter.send(route, attempt, request, self.timeout, Body::Keep(KEPT)).await;
        reply(sent.failure, sent.answer.as_ref())
    }
}

fn reply(failure: Option<FailureKind>, answer: Option<&Answer>) -> Reply {
    let Some(answer) = answer else { return Reply { failure, ..Reply::default() } };
    let retry_after = failure.and(answer.headers.get(RETRY_AFTER));
    Reply {
        status: Some(answer.status),
        failure,
        retry_after: retry_after.map(|value| value.to_str().map_or(RetryAfter::Unreadable, parse_retry_after)),
        data: if failure.is_none() { serde_json::from_slice(&answer.body).ok() } else { None },
    }
}

impl VendorSender {
    fn request(&self, operation: &Operation) -> Option<(RouteId, Request<Full<Bytes>>)> {
        let body = |value: &Value| Full::new(Bytes::from(value.to_string()));
        match operation.kind {
            OperationKind::Enrich => {
                let mut request = json(Method::POST, self.endpoints.clay_webhook.clone()?, body(&operation.data));
                if let Some(token) = &self.endpoints.clay_webhook_token {
                    request.headers_mut().insert(WEBHOOK_TOKEN, token.clone());
                }
                Some((self.routes.webhook, request))
            }
            OperationKind::Identify => {
                let uri = self.customer(&operation.user, "")?;
                Some((self.routes.identify, self.authorised(json(Method::PUT, uri, body(&operation.data)))))
            }
            OperationKind::Track => {
                let uri = self.customer(&operation.user, "/events")?;
                let event = with_event_id(&operation.data, &operation.key);
                Some((self.routes.track, self.authorised(json(Method::POST, uri, body(&event)))))
            }
        }
    }

    fn customer(&self, user: &str, rest: &str) -> Option<Uri> {
        let base = self.endpoints.customer_io.as_deref()?;
        format!("{base}/api/v1/customers/{}{rest}", utf8_percent_encode(user, NON_ALPHANUMERIC)).parse().ok()
    }

    fn authorised(&self, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
        if let Some(value) = &self.endpoints.customer_io_authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        request
    }
}

fn json(method: Method, uri: Uri, body: Full<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request.headers_mut().insert(CONTENT_TYPE, JSON);
    request
}

/// The event with the `id` by which Customer.io ignores duplicates: the same for every attempt.
fn with_event_id(event: &Value, key: &str) -> Value {
    let mut event = event.as_object().cloned().unwrap_or_else(Map::new);
    event.insert("id".to_owned(), Value::String(ulid(key)));
    Value::Object(event)
}

/// A ULID (26 digits of Crockford's base 32, 128 bits) from the first 128 bits of a key in hex.
fn ulid(key: &str) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = key.get(..32).and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0);
    (0..26).rev().map(|digit| char::from(DIGITS[((bits >> (digit * 5)) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_a_ulid_and_follows_the_key() {
        let first = ulid(&"ff".repeat(32));
        assert_eq!(first, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_ne!(ulid(&"0a".repeat(32)), first);
    }
}
