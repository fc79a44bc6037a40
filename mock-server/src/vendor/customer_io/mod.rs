//! The simulated Customer.io: the Track API, version 1.
//!
//! A success is `{}` and a newline, as recorded from production. Errors are JSON objects of the documented form
//! `{"meta":{"errors":["…"]}}`; the form of 401, 404, 405, 413 and 429 bodies is not publicly documented, and the same one
//! was chosen because a body that is no JSON makes the vendor's own Node client give up without a retry.

mod identify;
mod limits;
mod track;

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::time::Instant;

use super::limit::OwnLimit;
use super::{Answer, Request, Vendor};
use crate::fault::{RetryAfterStyle, SimulatedVendor};
use crate::seed::Seed;
use crate::settings::CustomerIoSettings;

/// The route that creates or updates a customer.
pub const IDENTIFY: &str = "customer_io.identify";
/// The route that records an event of a customer.
pub const TRACK: &str = "customer_io.track";

/// Every route.
pub(super) const ROUTES: &[&str] = &[IDENTIFY, TRACK];

/// The body of a success.
const DONE: &[u8] = b"{}\n";

/// A Customer.io workspace.
pub struct CustomerIo {
    settings: CustomerIoSettings,
    seed: Seed,
    answered: AtomicU64,
    limit: OwnLimit,
}

impl CustomerIo {
    /// A fresh workspace.
    pub fn new(settings: CustomerIoSettings, seed: Seed) -> Self {
        let limit = OwnLimit::new(settings.rate_limit);
        Self { settings, seed, answered: AtomicU64::new(0), limit }
    }

    fn dispatch(&self, request: &Request<'_>, now: Instant) -> Answer {
        let Some(path) = path(request.path) else { return self.error(StatusCode::NOT_FOUND, "not found") };
        let allowed = path.method();
        if request.method != allowed {
            let methods = if allowed == Method::PUT { "PUT" } else { "POST" };
            return self.error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").allowing(methods);
        }
        if !self.credentials_are_right(request) {
            return self.error(StatusCode::UNAUTHORIZED, "Unauthorized request");
        }
        if let Err(wait) = self.limit.take(now) {
            return self.too_many(wait);
        }
        let id = percent_decode_str(path.id()).collect::<Vec<u8>>();
        let checked = limits::identifier(&id).and_then(|()| match path {
            Path::Customer(_) => identify::check(request.body),
            Path::Events(_) => track::check(request.body),
        });
        match checked {
            Ok(()) => Answer::json(StatusCode::OK, DONE),
            Err(problem) => self.error(StatusCode::BAD_REQUEST, &problem),
        }
    }

    fn credentials_are_right(&self, request: &Request<'_>) -> bool {
        let given =
            request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
        let Some((scheme, token)) = given else { return false };
        let Ok(pair) = STANDARD.decode(token.trim()) else { return false };
        let (site, key) = (self.settings.site_id.as_bytes(), self.settings.api_key.as_bytes());
        scheme.eq_ignore_ascii_case("basic")
            && pair.len() == site.len() + 1 + key.len()
            && pair.starts_with(site)
            && pair[site.len()] == b':'
            && pair.ends_with(key)
    }

    /// The limit is documented (1,000 requests/s, "not strictly enforced"), the answer beyond it is not. Retry-After in
    /// seconds was chosen because the vendor's App API gives it that way.
    fn too_many(&self, wait: std::time::Duration) -> Answer {
        let mut answer = self.error(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded");
        if let Some(value) = RetryAfterStyle::Seconds.value(wait, std::time::SystemTime::UNIX_EPOCH) {
            answer.headers.insert(RETRY_AFTER, value);
        }
        answer
    }
}

impl Vendor for CustomerIo {
    fn vendor(&self) -> SimulatedVendor {
        SimulatedVendor::CustomerIo
    }

    fn route(&self, method: &Method, request_path: &str) -> Option<&'static str> {
        let path = path(request_path).filter(|path| path.method() == method)?;
        Some(match path {
            Path::Customer(_) => IDENTIFY,
            Path::Events(_) => TRACK,
        })
    }

    fn answer(&self, request: &Request<'_>, now: Instant) -> Answer {
        let mut answer = self.dispatch(request, now);
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        answer.delay = self.settings.latency.sample(&mut self.seed.draw("customer_io latency", number));
        answer
    }

    fn error(&self, status: StatusCode, message: &str) -> Answer {
        Answer::json(status, json!({ "meta": { "errors": [message] } }).to_string())
    }
}

enum Path<'a> {
    Customer(&'a str),
    Events(&'a str),
}

impl Path<'_> {
    fn method(&self) -> &'static Method {
        match self {
            Self::Customer(_) => &Method::PUT,
            Self::Events(_) => &Method::POST,
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Customer(id) | Self::Events(id) => id,
        }
    }
}

fn path(path: &str) -> Option<Path<'_>> {
    match path.strip_prefix("/api/v1/customers/")?.split_once('/') {
        None => Some(path.strip_prefix("/api/v1/customers/")?).filter(|id| !id.is_empty()).map(Path::Customer),
        Some((id, "events")) if !id.is_empty() => Some(Path::Events(id)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
