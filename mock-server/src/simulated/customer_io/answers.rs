//! The forms of answers: each API has its own.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::route::Api;
use crate::json::Json;
use crate::retry_after::RetryAfterStyle;
use crate::simulated::{Answer, own_limit};

/// The body of a success, as recorded from production.
const DONE: &[u8] = b"{}\n";

/// A success without content.
pub(super) fn done() -> Answer {
    Answer::json(StatusCode::OK, DONE)
}

/// A success with content, and a newline behind it as behind the recorded one.
pub(super) fn success(value: &impl Serialize) -> Answer {
    Answer::json(StatusCode::OK, format!("{}\n", Json::of(value)))
}

/// An error of version 1 of the Track API (documented for 400).
pub(super) fn track_v1(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, json!({ "meta": { "errors": [message] } }).to_string())
}

/// An error of a merge or a transactional message (documented).
pub(super) fn meta_error(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, json!({ "meta": { "error": message } }).to_string())
}

/// An error of the App API (documented for 400, 401, 404, 422 and 429).
pub(super) fn app(status: StatusCode, detail: &str) -> Answer {
    let error = json!({ "detail": detail, "status": status.as_str() });
    Answer::json(status, json!({ "errors": [error] }).to_string())
}

/// The reason of what exceeds a limit.
const TOO_LARGE: &str = "too_large";

/// An error of version 2 of the Track API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invalid {
    /// In one word: `required`, `invalid`, `too_large`. The words that the vendor uses are not publicly documented.
    pub(super) reason: &'static str,
    /// The field, with a dot before each inner one.
    pub(super) field: &'static str,
    /// In a sentence.
    pub(super) message: String,
}

impl Invalid {
    pub(super) fn required(field: &'static str) -> Self {
        Self { reason: "required", field, message: format!("{field} is required") }
    }

    pub(super) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { reason: "invalid", field, message: message.into() }
    }

    pub(super) fn too_large(field: &'static str, message: impl Into<String>) -> Self {
        Self { reason: TOO_LARGE, field, message: message.into() }
    }

    /// As JSON, with its place in the batch if there is one.
    pub(super) fn to_json(&self, batch_index: Option<usize>) -> Value {
        let mut error = json!({ "reason": self.reason, "field": self.field, "message": self.message });
        if let Some(index) = batch_index {
            error["batch_index"] = index.into();
        }
        error
    }

    /// A whole request that is wrong.
    pub(super) fn answer(&self) -> Answer {
        self.refuses(track_v2(StatusCode::BAD_REQUEST, &[self.to_json(None)]))
    }

    /// The answer in an API's own form, with the limit that it is about.
    pub(super) fn refuses(&self, answer: Answer) -> Answer {
        if self.is_too_large() { answer.refused_by(&own_limit::SIZE) } else { answer }
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.reason == TOO_LARGE
    }
}

/// Errors of version 2 of the Track API (documented for 207 and 400).
pub(super) fn track_v2(status: StatusCode, errors: &[Value]) -> Answer {
    Answer::json(status, json!({ "errors": errors }).to_string())
}

/// An error of the API that a path belongs to. Where a form is documented for some statuses only, it is used for all: a
/// body that is not JSON makes the vendor's own Node client give up without a retry. Of Pipelines no form is publicly
/// documented; the one of the Track API, version 1, was chosen.
pub(super) fn error(api: Api, status: StatusCode, message: &str) -> Answer {
    match api {
        Api::App => app(status, message),
        Api::TrackV2 => track_v2(status, &[json!({ "reason": "invalid", "field": "", "message": message })]),
        Api::TrackV1 | Api::Pipelines | Api::Open => track_v1(status, message),
    }
}

/// 429 with what to wait, in whole seconds; without where a daily quota is used up (documented for the App API; for the
/// others neither body nor header is, and the same header was chosen).
pub(super) fn too_many(api: Api, message: &str, wait: Option<Duration>) -> Answer {
    let value = wait.and_then(|wait| RetryAfterStyle::Seconds.value(wait, SystemTime::UNIX_EPOCH));
    error(api, StatusCode::TOO_MANY_REQUESTS, message).with_retry_after(value)
}
