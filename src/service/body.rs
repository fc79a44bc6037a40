//! Reading a request's body: never more of it than is allowed, never for longer.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mock_server::content_encoding;
use tokio::time::timeout;

use super::refusal::{Problem, Refusal};
use crate::service::Limits;

/// The body without the encoding that its headers name, of no more than the limit either.
pub(super) fn decoded(headers: &HeaderMap, body: Bytes, limits: &Limits) -> Result<Bytes, Refusal> {
    content_encoding::decoded(headers, body, limits.body_bytes).map_err(|undecoded| {
        let problem = Problem::of("Content-Encoding", undecoded.to_string());
        Refusal::new(undecoded.status(), problem.help(format!("at most {} bytes are read", limits.body_bytes)))
    })
}

/// Reads the whole body. One that says that it is too large is refused before any of it is read.
pub(super) async fn read(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes, Refusal> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > limits.body_bytes as u64) {
        return Err(too_large(limits.body_bytes));
    }
    match timeout(limits.body_timeout, Limited::new(body, limits.body_bytes).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limits.body_bytes)),
        Ok(Err(_)) => {
            let problem = Problem::new("the body ended before it was whole");
            Err(Refusal::new(StatusCode::BAD_REQUEST, problem).closing())
        }
        Err(_) => Err(too_slow(limits.body_timeout)),
    }
}

fn too_large(most: usize) -> Refusal {
    let problem = Problem::new(format!("the body is larger than {most} bytes")).help("send fewer leads in one request");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, problem).closing()
}

fn too_slow(within: Duration) -> Refusal {
    let problem = Problem::new(format!("the body did not come within {within:?}"));
    Refusal::new(StatusCode::REQUEST_TIMEOUT, problem).closing()
}
