//! The one form in which the admin API and the harness's service refuse a request:
//! `{"errors":[{"message":…,"field":…,"line":…,"column":…,"help":…}]}`, without what is not known.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Errors {
    /// Every problem that was found, at least one.
    pub errors: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// The field at fault, as a path (`routes[1]`); absent where it is not about a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would be right, where that is not in the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Line of the body, from 1. The admin API has it in the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub line: Option<usize>,
    /// Column of that line in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub column: Option<usize>,
}

/// A request that is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// What is wrong.
    pub errors: Vec<Problem>,
    /// Seconds after which the client may ask again.
    retry_after: Option<u32>,
    /// The connection is of no more use.
    closes: bool,
}

impl Problem {
    /// A problem that is about no field.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// A problem of a field or header.
    pub fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(message) }
    }

    /// With what would be right.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// With its place in the body.
    #[must_use]
    pub fn at(self, line: usize, column: usize) -> Self {
        Self { line: Some(line), column: Some(column), ..self }
    }
}

impl Refusal {
    /// Refuses for one reason.
    pub fn new(status: StatusCode, problem: Problem) -> Self {
        Self { status, errors: vec![problem], retry_after: None, closes: false }
    }

    /// 422: it can be read and makes no sense.
    pub fn unprocessable(errors: Vec<Problem>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, errors, retry_after: None, closes: false }
    }

    /// 503: not now.
    pub fn unavailable(problem: Problem, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, problem) }
    }

    /// And closes the connection.
    #[must_use]
    pub fn closing(self) -> Self {
        Self { closes: true, ..self }
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
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // What is answered are numbers and texts, which always have a JSON form.
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
