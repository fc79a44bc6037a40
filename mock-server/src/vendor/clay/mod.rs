//! The simulated Clay: webhook sources and the `/v1/resource` of the load-scale document.
//!
//! Errors are always `{"message":"…"}`, as Clay documents for its public API; for webhook sources no body is publicly
//! documented, and the same form was chosen because clients already have to read it.

mod resource;
mod webhook;

use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{Method, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use super::limit::OwnLimit;
use super::{Answer, Request, Vendor};
use crate::fault::{RetryAfterStyle, SimulatedVendor};
use crate::seed::Seed;
use crate::settings::ClaySettings;

/// The webhook source's route.
pub const WEBHOOK: &str = "clay.webhook";
/// The route of `/v1/resource`.
pub const RESOURCE: &str = "clay.resource";

/// Every route.
pub(super) const ROUTES: &[&str] = &[WEBHOOK, RESOURCE];

/// The largest body that any of its routes reads, in bytes (reported by integrators as 100 KB; taken as 100 × 1024
/// because the unit is not publicly documented and the larger reading refuses nothing that Clay accepts).
pub const LARGEST_PAYLOAD: usize = 100 * 1024;

/// A Clay workspace with one webhook source.
pub struct Clay {
    settings: ClaySettings,
    seed: Seed,
    answered: AtomicU64,
    submissions: AtomicU64,
    limit: OwnLimit,
}

impl Clay {
    /// A fresh workspace.
    pub fn new(settings: ClaySettings, seed: Seed) -> Self {
        let limit = OwnLimit::new(settings.rate_limit);
        Self { settings, seed, answered: AtomicU64::new(0), submissions: AtomicU64::new(0), limit }
    }

    fn dispatch(&self, request: &Request<'_>, now: Instant) -> Answer {
        let (path_is_known, post) = match path(request.path) {
            Some(Path::Webhook(id)) if self.owns(id) => (true, WEBHOOK),
            Some(Path::Resource) => (true, RESOURCE),
            _ => (false, ""),
        };
        match (path_is_known, request.method == Method::POST) {
            (false, _) => self.error(StatusCode::NOT_FOUND, "not found"),
            (true, false) => self.error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").allowing("POST"),
            (true, true) if post == WEBHOOK => self.submit(request, now),
            (true, true) => self.resource(request),
        }
    }

    fn bearer_is_right(&self, request: &Request<'_>) -> bool {
        let Some(value) = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return false };
        value
            .split_once(' ')
            .is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && token.trim() == self.settings.api_key)
    }

    fn too_many(&self, wait: std::time::Duration) -> Answer {
        let mut answer = self.error(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded");
        // In seconds no date is needed.
        if let Some(value) = RetryAfterStyle::Seconds.value(wait, std::time::SystemTime::UNIX_EPOCH) {
            answer.headers.insert(RETRY_AFTER, value);
        }
        answer
    }
}

impl Vendor for Clay {
    fn vendor(&self) -> SimulatedVendor {
        SimulatedVendor::Clay
    }

    fn route(&self, method: &Method, request_path: &str) -> Option<&'static str> {
        match path(request_path)? {
            _ if method != Method::POST => None,
            Path::Webhook(_) => Some(WEBHOOK),
            Path::Resource => Some(RESOURCE),
        }
    }

    fn answer(&self, request: &Request<'_>, now: Instant) -> Answer {
        let mut answer = self.dispatch(request, now);
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        answer.delay = self.settings.latency.sample(&mut self.seed.draw("clay latency", number));
        answer
    }

    fn error(&self, status: StatusCode, message: &str) -> Answer {
        Answer::json(status, json!({ "message": message }).to_string())
    }
}

enum Path<'a> {
    Webhook(&'a str),
    Resource,
}

fn path(path: &str) -> Option<Path<'_>> {
    match path.strip_prefix("/v3/sources/webhook/") {
        Some(id) if !id.is_empty() && !id.contains('/') => Some(Path::Webhook(id)),
        Some(_) => None,
        None => (path == "/v1/resource").then_some(Path::Resource),
    }
}

#[cfg(test)]
mod tests;
