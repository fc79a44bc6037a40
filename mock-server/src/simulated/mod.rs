//! The simulated vendors as plain code: a request and a time go in, an answer comes out.
//!
//! Nothing here knows of sockets or of wiremock, so every rule of a vendor is tested by calling it.

pub mod clay;
pub mod customer_io;
pub(crate) mod json;
pub(crate) mod own_limit;
mod problem;
mod seen;
mod table;
mod third_vendor;

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::json::Json;

pub use own_limit::OwnLimit;
pub use problem::SettingsProblem;
pub(crate) use table::VendorSettings;
pub use table::{PerVendor, SimulatedVendor, per_vendor, routes};

/// A route that faults can name and that answers are counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteName {
    /// The name (`clay.webhook`).
    pub name: &'static str,
    /// Whose it is.
    pub vendor: SimulatedVendor,
}

/// What requests that match no route are counted under.
pub const NO_ROUTE: &str = "none";

/// A request as a vendor sees it, read to its end.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// What a vendor answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers, but for those that belong to the connection.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long the vendor thinks before it gives the answer.
    pub delay: Duration,
    /// What the request has changed; empty where it changed nothing.
    pub effects: Vec<Effect>,
    /// The limit of the vendor's own that refused the request, if one did.
    pub limit: Option<&'static OwnLimit>,
}

/// Something that a request changed at a vendor, for the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// What was done: `customer.identified`, `event.recorded`, `row.added`.
    pub what: Cow<'static, str>,
    /// Whose it is: a customer's identifier, a lead's e-mail address or whatever else names it; empty where nothing does.
    pub subject: String,
    /// What else the request names it by: another identifier, the e-mail addresses that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The identity that makes a duplicate of it known, where the request gave one: an event's ULID.
    pub id: Option<String>,
    /// Credits that it costs; a row's are charged once it is enriched, if there are enough then.
    pub credits: u32,
}

/// Names of an effect that are kept: a person has few, and a request may hold a thousand addresses.
const MOST_NAMES: usize = 4;

impl Effect {
    /// With these names besides its subject.
    pub(crate) fn named(mut self, names: impl Iterator<Item = String>) -> Self {
        self.names.extend(names.filter(|name| *name != self.subject).take(MOST_NAMES));
        self
    }
}

/// A simulated vendor.
pub trait Vendor: Any + Send + Sync {
    /// The name of the route that a request takes, or `None`.
    fn route(&self, method: &Method, path: &str) -> Option<&'static str>;

    /// Whose request it is: a customer's identifier, a lead's e-mail address. For faults that hit some customers only.
    fn subject<'a>(&self, _request: &Request<'a>) -> Option<Cow<'a, str>> {
        None
    }

    /// Whether the request carries `secret` in the way that its route asks for (a bearer token, the password of Basic
    /// authentication, a header). For faults that rotate keys.
    fn carries(&self, _request: &Request<'_>, _secret: &str) -> bool {
        false
    }

    /// Secrets that are accepted beside the configured one from now on; empty for none. For faults that rotate keys.
    fn accept_also(&self, _secrets: Vec<String>) {}

    /// The names of the parts of the vendor's state that can be read back: `customers`, `rows`, `credits`.
    fn sections(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// One part of the state: a JSON array of items in order of age, each an object with an `id`, or one JSON object.
    /// `None` where there is no such section.
    fn section(&self, _name: &str) -> Option<Json> {
        None
    }

    /// Forgets everything that requests have changed, as if freshly started.
    fn reset(&self) {}

    /// The answer to a request that came at `now`. Must not block.
    fn answer(&self, request: &Request<'_>, now: Instant) -> Answer;

    /// The vendor's form of an error.
    fn error(&self, status: StatusCode, message: &str) -> Answer;
}

impl Answer {
    /// A JSON answer without delay, with the content type that Customer.io was recorded to send.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::with_type(status, "application/json; charset=utf-8", body.into())
    }

    /// A plain text answer without delay.
    pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::with_type(status, "text/plain; charset=utf-8", body.into())
    }

    /// An answer without delay, of the type that its body looks like: JSON, HTML or plain text.
    pub(crate) fn of_look(status: StatusCode, body: Bytes) -> Self {
        if serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok() {
            return Self::json(status, body);
        }
        if body.trim_ascii_start().starts_with(b"<") {
            return Self::with_type(status, "text/html; charset=utf-8", body);
        }
        Self::text(status, body)
    }

    fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body, delay: Duration::ZERO, effects: Vec::new(), limit: None }
    }

    /// The same with a hint when to come back, where there is one.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, value: Option<HeaderValue>) -> Self {
        self.headers.extend(value.map(|value| (RETRY_AFTER, value)));
        self
    }

    /// The same, refused by this limit of the vendor's own.
    #[must_use]
    pub(crate) fn refused_by(self, limit: &'static OwnLimit) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// The same with the methods that the path does take (RFC 9110, 15.5.6: a 405 must name them).
    #[must_use]
    pub(crate) fn allowing(mut self, methods: &'static str) -> Self {
        self.headers.insert(ALLOW, HeaderValue::from_static(methods));
        self
    }
}
