//! The one form in which the admin API says no: `{"errors":[{"field":…,"message":…,"help":…}]}`.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Errors {
    /// Every problem that was found, at least one.
    pub(super) errors: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// The field at fault, as a path (`routes[1]`), or null where it is not about a field.
    pub(super) field: Option<String>,
    /// What is wrong.
    pub(super) message: String,
    /// What would be right, where that is not in the message.
    pub(super) help: Option<String>,
}

/// A request that is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<Problem>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into(), help: None }
    }

    pub(super) fn of(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, problem: Problem) -> Self {
        Self { status, errors: vec![problem] }
    }

    /// 422: it can be read and makes no sense.
    pub(super) fn unprocessable(errors: Vec<Problem>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, errors }
    }

    /// 404, with what there is.
    pub(super) fn not_found(what: &str, name: &str, known: &[&str]) -> Self {
        Self::new(StatusCode::NOT_FOUND, Problem::new(format!("there is no {what} `{name}`")).help(nearest(name, known)))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&Errors { errors: self.errors }).unwrap_or_default();
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response = (self.status, [json], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Which of the known names was probably meant, and all that there are.
pub(super) fn nearest(name: &str, known: &[&str]) -> String {
    match (crate::text::nearest(name, known.iter().copied()), known) {
        (_, []) => "there are none".to_owned(),
        (Some(near), _) => format!("did you mean `{near}`? There are {}", known.join(", ")),
        (None, _) => format!("there are {}", known.join(", ")),
    }
}
