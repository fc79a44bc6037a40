//! Acme, a vendor that does not exist: the test that a vendor is a folder and a row of the table.

#![cfg(feature = "third-vendor")]

use std::borrow::Cow;

use http::{Method, StatusCode};
use tokio::time::Instant;

use super::{Answer, Effect, Request, Vendor};

/// The one route: `POST /v1/things`.
pub(super) const ROUTES: &[&str] = &["acme.things"];

/// Takes things.
pub(super) struct Acme;

impl Vendor for Acme {
    fn route(&self, method: &Method, path: &str) -> Option<&'static str> {
        (method == Method::POST && path == "/v1/things").then_some(ROUTES[0])
    }

    fn answer(&self, request: &Request<'_>, _now: Instant) -> Answer {
        match self.route(request.method, request.path) {
            Some(_) => Answer { effects: vec![pushed()], ..Answer::json(StatusCode::OK, r#"{"ok":true}"#) },
            None => self.error(StatusCode::NOT_FOUND, "not found"),
        }
    }

    fn error(&self, status: StatusCode, message: &str) -> Answer {
        Answer::json(status, serde_json::json!({ "error": message }).to_string())
    }
}

fn pushed() -> Effect {
    Effect { what: Cow::Borrowed("thing.pushed"), subject: String::new(), names: Vec::new(), id: None, credits: 0 }
}
