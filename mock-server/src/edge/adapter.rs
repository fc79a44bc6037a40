//! wiremock's view of a vendor.
//!
//! The parts of an answer that are not for the client (how long the vendor takes, what the request has changed) bypass
//! wiremock: a wait inside wiremock would end with the instance, and a batch's effects do not fit into a header. The target
//! bypasses it on the way in, because wiremock normalises it as browsers do: `/customers/%2e%2e/events` is not `/events`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::uri::PathAndQuery;
use parking_lot::Mutex;
use tokio::time::Instant;
use wiremock::{Mock, Respond, ResponseTemplate};

use crate::simulated::{Effect, OwnLimit, Request, Vendor};

/// The header by which a request that wiremock answers is known to be one that the edge waits for.
pub(super) const NUMBER: HeaderName = HeaderName::from_static("x-simulated-request");

/// What of an answer is not for the client.
#[derive(Default)]
pub(super) struct Aside {
    pub(super) delay: Duration,
    pub(super) effects: Vec<Effect>,
    pub(super) limit: Option<&'static OwnLimit>,
}

/// The targets of the requests that are under way, and what has been said aside of them, by their numbers.
#[derive(Clone, Default)]
pub(super) struct Asides(Arc<Mutex<HashMap<u64, (PathAndQuery, Aside)>>>);

impl Asides {
    /// A request for this target is under way, for as long as what this returns is kept.
    pub(super) fn expect(&self, number: u64, target: PathAndQuery) -> Expected<'_> {
        self.0.lock().insert(number, (target, Aside::default()));
        Expected { asides: self, number }
    }

    fn target(&self, number: u64) -> Option<PathAndQuery> {
        self.0.lock().get(&number).map(|(target, _)| target.clone())
    }

    fn put(&self, number: u64, aside: Aside) {
        // A request that is no longer in flight takes nothing.
        if let Some((_, expected)) = self.0.lock().get_mut(&number) {
            *expected = aside;
        }
    }

    fn take(&self, number: u64) -> Aside {
        self.0.lock().remove(&number).map(|(_, aside)| aside).unwrap_or_default()
    }
}

/// A request that is under way.
pub(super) struct Expected<'a> {
    asides: &'a Asides,
    number: u64,
}

impl Expected<'_> {
    /// What has been said aside of it so far.
    pub(super) fn take(&self) -> Aside {
        self.asides.take(self.number)
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.asides.take(self.number);
    }
}

struct Adapter {
    vendor: Arc<dyn Vendor>,
    asides: Asides,
}

/// A mock that answers every request as `vendor` does.
pub(super) fn mock(vendor: Arc<dyn Vendor>, asides: Asides) -> Mock {
    Mock::given(wiremock::matchers::any()).respond_with(Adapter { vendor, asides })
}

impl Respond for Adapter {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let number = request.headers.get(NUMBER).and_then(|number| number.to_str().ok()?.parse().ok());
        let target = number.and_then(|number| self.asides.target(number));
        let tidied = || (request.url.path(), request.url.query());
        let (path, query) = target.as_ref().map_or_else(tidied, |target| (target.path(), target.query()));
        let answer = self.vendor.answer(
            &Request { method: &request.method, path, query, headers: &request.headers, body: &request.body },
            Instant::now(),
        );
        if let Some(number) = number {
            self.asides.put(number, Aside { delay: answer.delay, effects: answer.effects, limit: answer.limit });
        }
        let mut template = ResponseTemplate::new(answer.status.as_u16()).set_body_bytes(answer.body);
        for (name, value) in &answer.headers {
            template = template.append_header(name, value);
        }
        template
    }
}
