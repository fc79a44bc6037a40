//! The simulated vendors as plain code: a request and a time go in, an answer comes out.
//!
//! Nothing here knows of sockets or of wiremock, so every rule of a vendor is tested by calling it.

pub mod clay;
pub mod customer_io;
pub(crate) mod json;
pub(crate) mod limit;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use crate::fault::SimulatedVendor;

/// A route that faults can name and that answers are counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteName {
    /// The name (`clay.webhook`).
    pub name: &'static str,
    /// Whose it is.
    pub vendor: SimulatedVendor,
}

/// Every route.
pub const ROUTES: &[RouteName] = &[
    RouteName { name: clay::WEBHOOK, vendor: SimulatedVendor::Clay },
    RouteName { name: clay::RESOURCE, vendor: SimulatedVendor::Clay },
    RouteName { name: customer_io::IDENTIFY, vendor: SimulatedVendor::CustomerIo },
    RouteName { name: customer_io::TRACK, vendor: SimulatedVendor::CustomerIo },
];

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
}

/// A simulated vendor.
pub trait Vendor: Send + Sync + 'static {
    /// Which one.
    fn vendor(&self) -> SimulatedVendor;

    /// The name of the route that a request takes, or `None`.
    fn route(&self, method: &Method, path: &str) -> Option<&'static str>;

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

    fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body, delay: Duration::ZERO }
    }

    /// The same with the methods that the path does take (RFC 9110, 15.5.6: a 405 must name them).
    #[must_use]
    pub(crate) fn allowing(mut self, methods: &'static str) -> Self {
        self.headers.insert(ALLOW, HeaderValue::from_static(methods));
        self
    }

    /// Whether the request was carried out.
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }
}
