//! One request through the edge.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::Shared;
use crate::clock::wall_clock;
use crate::counts::CLOSED;
use crate::fault::effect::{Moment, Verdict};
use crate::vendor::{self, Answer, NO_ROUTE};

/// The largest body that is read at all, in bytes. Ten times what any route takes, so that routes give their own answers,
/// and bounded, so that memory is.
const LARGEST_BODY: usize = 1024 * 1024;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(super) struct Closed;

/// What the faults have made of a request.
struct Judged {
    verdict: Option<Verdict>,
    delay: Duration,
}

/// Answers one request, late if need be.
///
/// # Errors
///
/// [`Closed`], by a fault or because the client went away.
pub(super) async fn answer(shared: &Shared, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Closed> {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let mut pending = Pending::new(shared, &parts.method, parts.uri.path());
    let body = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(pending.answered(too_large(shared), false)),
        Err(_) => return Err(Closed),
    };
    let judged = judge(shared, pending.route, &parts, &body);
    let (answer, by_fault) = match judged.verdict {
        Some(Verdict::Answer(answer)) => (answer, true),
        Some(_) => {
            pending.closed_by_fault();
            return Err(Closed);
        }
        None => (forward(shared, parts, body).await, false),
    };
    let delay = judged.delay.saturating_add(answer.delay);
    if !delay.is_zero() {
        tokio::time::sleep_until(arrived + delay).await;
    }
    Ok(pending.answered(answer, by_fault))
}

/// Puts the request before every active fault in the order in which they compose.
fn judge(shared: &Shared, route: &str, parts: &request::Parts, body: &Bytes) -> Judged {
    let active = shared.active();
    let mut judged = Judged { verdict: None, delay: Duration::ZERO };
    if active.0.is_empty() {
        return judged;
    }
    let (path, query) = (parts.uri.path(), parts.uri.query());
    let request = vendor::Request { method: &parts.method, path, query, headers: &parts.headers, body };
    let moment = Moment { now: Instant::now(), date: wall_clock() };
    for fault in active.0.iter() {
        // An answer is final, but for what delays it or happens to it on its way.
        if fault.may_end && judged.verdict.is_some() {
            continue;
        }
        match fault.judge(shared.vendor.as_ref(), route, &request, moment) {
            Verdict::Pass => {}
            Verdict::Delay(delay) => judged.delay = judged.delay.saturating_add(delay),
            Verdict::Wire { .. } => {}
            verdict => judged.verdict = Some(verdict),
        }
    }
    judged
}

async fn forward(shared: &Shared, parts: request::Parts, body: Bytes) -> Answer {
    // "OPTIONS *" and CONNECT have targets that are no path: no vendor has them, and wiremock panics on them.
    if !parts.uri.path().starts_with('/') {
        return shared.vendor.error(StatusCode::NOT_FOUND, "not found");
    }
    match shared.backend.answer(parts, body).await {
        Ok(answer) => answer,
        Err(error) => shared.vendor.error(StatusCode::BAD_GATEWAY, &error.to_string()),
    }
}

fn too_large(shared: &Shared) -> Answer {
    let mut answer = shared.vendor.error(StatusCode::PAYLOAD_TOO_LARGE, "the payload is over 1 MiB");
    // The rest of the body is not read, so the connection cannot be used again.
    answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// A request that has not been answered yet. Dropped with its connection, it counts as closed.
struct Pending<'a> {
    shared: &'a Shared,
    route: &'static str,
    counted: bool,
}

impl<'a> Pending<'a> {
    fn new(shared: &'a Shared, method: &Method, path: &str) -> Self {
        Self { shared, route: shared.vendor.route(method, path).unwrap_or(NO_ROUTE), counted: false }
    }

    fn answered(&mut self, answer: Answer, by_fault: bool) -> Response<Full<Bytes>> {
        self.count(answer.status.as_u16(), by_fault);
        let mut response = Response::new(Full::new(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        response
    }

    fn closed_by_fault(&mut self) {
        self.count(CLOSED, true);
    }

    fn count(&mut self, status: u16, by_fault: bool) {
        self.counted = true;
        self.shared.counts.add(self.route, status, by_fault);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.counted {
            // By a fault where it has just closed every connection; otherwise the client went away.
            self.count(CLOSED, self.shared.active().refuse_connections());
        }
    }
}

#[cfg(test)]
mod tests;
