//! wiremock's view of a vendor.
//!
//! The delay goes to the edge in a header of their own: a wait inside wiremock would end with the instance, and the edge can
//! count it from the request's arrival.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Response};
use tokio::time::Instant;
use wiremock::{Mock, Respond, ResponseTemplate};

use crate::vendor::{Answer, Request, Vendor};

/// Nanoseconds that the vendor thinks. Never seen by a client.
const DELAY: HeaderName = HeaderName::from_static("x-simulated-delay-ns");

struct Adapter(Arc<dyn Vendor>);

/// A mock that answers every request as `vendor` does.
pub(super) fn mock(vendor: Arc<dyn Vendor>) -> Mock {
    Mock::given(wiremock::matchers::any()).respond_with(Adapter(vendor))
}

impl Respond for Adapter {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let answer = self.0.answer(
            &Request {
                method: &request.method,
                path: request.url.path(),
                query: request.url.query(),
                headers: &request.headers,
                body: &request.body,
            },
            Instant::now(),
        );
        let delay = u64::try_from(answer.delay.as_nanos()).unwrap_or(u64::MAX);
        let mut template = ResponseTemplate::new(answer.status.as_u16()).set_body_bytes(answer.body);
        for (name, value) in &answer.headers {
            template = template.insert_header(name, value);
        }
        template.insert_header(DELAY, HeaderValue::from(delay))
    }
}

/// The answer that a wiremock instance gave.
pub(super) fn answer(response: Response<bytes::Bytes>) -> Answer {
    let (mut parts, body) = response.into_parts();
    let delay = parts.headers.remove(DELAY).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    Answer { status: parts.status, headers: parts.headers, body, delay: Duration::from_nanos(delay), effects: Vec::new() }
}
