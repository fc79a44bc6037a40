//! What an operation answers, with its documentation.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::refusal::json;

/// An answer of one kind.
pub(super) trait Reply {
    /// What the OpenAPI document says of it.
    fn documented() -> Documented;
    /// The answer itself.
    fn into_response(self) -> Response;
}

/// What the OpenAPI document says of an answer.
#[derive(Clone, Copy)]
pub(super) struct Documented {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// Its content type and schema; `None` for an empty answer.
    pub(super) content: Option<(&'static str, SchemaOf)>,
}

/// Makes a schema among others.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// 200 with JSON.
pub(super) struct Json<T>(pub(super) T);

/// 201 with JSON.
pub(super) struct Created<T>(pub(super) T);

/// 204.
pub(super) struct Done;

/// One JSON value a line, each of schema `T`.
pub(super) struct Lines<T>(pub(super) Body, pub(super) std::marker::PhantomData<T>);

/// The metrics in Prometheus' text form.
pub(super) struct Metrics(pub(super) String);

/// A certificate.
pub(super) struct Pem(pub(super) String);

/// A page.
pub(super) struct Html(pub(super) &'static str, pub(super) HeaderValue);

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PEM: &str = "application/x-pem-file";
const HTML: &str = "text/html; charset=utf-8";

fn of_type(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(content_type))], body.into()).into_response()
}

impl<T: Serialize + JsonSchema> Reply for Json<T> {
    fn documented() -> Documented {
        let content = Some((JSON, (|generator| generator.subschema_for::<T>()) as SchemaOf));
        Documented { status: 200, description: "What was asked for.", content }
    }

    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize + JsonSchema> Reply for Created<T> {
    fn documented() -> Documented {
        Documented { status: 201, description: "It is there now.", ..Json::<T>::documented() }
    }

    fn into_response(self) -> Response {
        json(StatusCode::CREATED, &self.0)
    }
}

impl Reply for Done {
    fn documented() -> Documented {
        Documented { status: 204, description: "Done.", content: None }
    }

    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl<T: JsonSchema> Reply for Lines<T> {
    fn documented() -> Documented {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        Documented { status: 200, description: "One JSON object a line.", content: Some((NDJSON, schema)) }
    }

    fn into_response(self) -> Response {
        of_type(StatusCode::OK, NDJSON, self.0)
    }
}

fn text(description: &'static str, content_type: &'static str) -> Documented {
    Documented { status: 200, description, content: Some((content_type, |generator| generator.subschema_for::<String>())) }
}

impl Reply for Metrics {
    fn documented() -> Documented {
        text("Metrics in Prometheus' text form.", METRICS)
    }

    fn into_response(self) -> Response {
        of_type(StatusCode::OK, METRICS, self.0)
    }
}

impl Reply for Pem {
    fn documented() -> Documented {
        text("A certificate in PEM form.", PEM)
    }

    fn into_response(self) -> Response {
        of_type(StatusCode::OK, PEM, self.0)
    }
}

impl Reply for Html {
    fn documented() -> Documented {
        text("A page for a browser.", HTML)
    }

    fn into_response(self) -> Response {
        let policy = (HeaderName::from_static("content-security-policy"), self.1);
        let mut response = of_type(StatusCode::OK, HTML, self.0);
        response.headers_mut().extend([policy]);
        response
    }
}
