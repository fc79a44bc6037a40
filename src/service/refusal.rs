//! The one form in which the service says no: `{"errors":[{"message":…,"field":…,"line":…,"column":…,"help":…}]}`.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::text::did_you_mean;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// What is wrong.
    pub(super) message: String,
    /// The field or header at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<&'static str>,
    /// Line of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    /// Column of that line in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<usize>,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
}

/// A request that is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<Problem>,
    /// Seconds after which it may be asked again.
    retry_after: Option<u32>,
    /// The connection is of no more use.
    closes: bool,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(super) fn of(field: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(message) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn at(mut self, line: usize, column: usize) -> Self {
        self.line = Some(line);
        self.column = Some(column);
        self
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, problem: Problem) -> Self {
        Self { status, errors: vec![problem], retry_after: None, closes: false }
    }

    pub(super) fn all(status: StatusCode, errors: Vec<Problem>) -> Self {
        Self { status, errors, retry_after: None, closes: false }
    }

    /// 503: not now.
    pub(super) fn unavailable(problem: Problem, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, problem) }
    }

    pub(super) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &serde_json::json!({ "errors": self.errors }));
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // What is answered are numbers and texts, which always have a JSON form.
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// "did you mean `a`?", or all known names.
pub(super) fn nearest(name: &str, known: &[&str]) -> String {
    did_you_mean(name, known, || format!("there are {}", known.join(", ")))
}
