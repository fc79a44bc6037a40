//! What happens to one request, until it is over and written down.
//!
//! A record is made when a request arrives and travels with it: through the faults, the vendor, and along the answer. Where
//! it is dropped the request is over, whichever way, so that every request has exactly one entry in the ledger.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::Instant;

use super::FaultyVendor;
use crate::counts::{CLOSED, Kind};
use crate::duration::micros;
use crate::ledger::{Entry, LONGEST_KEY, LONGEST_PATH, Sent};
use crate::simulated::{Answer, Effect, NO_ROUTE, OwnLimit};
use crate::text::cut;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request that is not over yet.
pub(crate) struct Record {
    vendor: Arc<FaultyVendor>,
    pub(crate) number: u64,
    pub(super) arrived: Instant,
    pub(super) route: &'static str,
    method: Cow<'static, str>,
    path: String,
    idempotency_key: Option<String>,
    hits: Vec<Hit>,
    effects: Vec<Effect>,
    status: Option<u16>,
    retry_after: Option<RetryAfter>,
    sent: Sent,
    /// Whether a fault made the answer.
    by_fault: bool,
    /// The limit of the vendor's own that made it.
    limit: Option<&'static OwnLimit>,
}

/// A fault that was meant to hit the request.
struct Hit {
    name: Arc<str>,
    what: What,
    happened: bool,
}

/// What a fault was meant to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// To hold the answer back.
    Delay,
    /// To answer, or to close the connection.
    End,
    /// To alter the answer on its way.
    Alter,
}

impl FaultyVendor {
    /// The record of a request whose head has arrived.
    pub(crate) fn record(self: &Arc<Self>, method: &Method, path: &str, headers: &HeaderMap, arrived: Instant) -> Record {
        let key = headers.get(IDEMPOTENCY_KEY).map(|key| cut(&String::from_utf8_lossy(key.as_bytes()), LONGEST_KEY).to_owned());
        Record {
            number: self.ledger.next_request(),
            arrived,
            route: self.vendor.route(method, path).unwrap_or(NO_ROUTE),
            method: name_of(method),
            path: cut(path, LONGEST_PATH).to_owned(),
            idempotency_key: key,
            hits: Vec::new(),
            effects: Vec::new(),
            status: None,
            retry_after: None,
            sent: Sent::Nothing,
            by_fault: false,
            limit: None,
            vendor: self.clone(),
        }
    }
}

impl Record {
    /// A fault is meant to hit the request. Returns by which number [`Self::happened`] knows it.
    pub(super) fn intend(&mut self, name: Arc<str>, what: What) -> usize {
        self.hits.push(Hit { name, what, happened: false });
        self.hits.len() - 1
    }

    /// A fault did happen.
    pub(super) fn happened(&mut self, hit: usize) {
        self.hits[hit].happened = true;
    }

    /// All faults that were meant to do this did so.
    pub(super) fn all_happened(&mut self, what: What) {
        self.hits.iter_mut().filter(|hit| hit.what == what).for_each(|hit| hit.happened = true);
    }

    /// The request has changed something at the vendor.
    pub(super) fn has_effects(&mut self, effects: Vec<Effect>) {
        self.effects = effects;
    }

    /// This is the answer, and whether a fault made it.
    pub(crate) fn will_answer(&mut self, answer: &Answer, by_fault: bool) {
        self.status = Some(answer.status.as_u16());
        self.retry_after = answer.headers.get(RETRY_AFTER).and_then(RetryAfter::read);
        self.by_fault = by_fault;
        self.limit = answer.limit;
    }

    /// The answer got so far.
    pub(crate) fn has_sent(&mut self, sent: Sent) {
        self.sent = sent;
    }

    fn count(&self) {
        let kind = match (self.sent, self.status) {
            (Sent::Whole, Some(status)) => Kind { route: self.route, status, by_fault: self.by_fault, limit: self.limit },
            // Otherwise the client went away.
            _ => Kind { route: self.route, status: CLOSED, by_fault: self.was_cut_off(), limit: None },
        };
        self.vendor.counts.add(kind);
    }

    /// A request that is over before it was answered, while a fault closes every connection, was hit by that fault, although
    /// it had been judged before the fault began.
    fn blame_closing_faults(&mut self) {
        if self.sent != Sent::Whole && !self.was_cut_off() {
            for name in self.vendor.active().closing() {
                self.hits.push(Hit { name: name.clone(), what: What::End, happened: true });
            }
        }
    }

    fn was_cut_off(&self) -> bool {
        self.hits.iter().any(|hit| hit.happened && hit.what != What::Delay)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.blame_closing_faults();
        self.count();
        let now = Instant::now();
        let hits = std::mem::take(&mut self.hits);
        let actual = hits.iter().filter(|hit| hit.happened).map(|hit| hit.name.clone()).collect();
        let retry_after = self.retry_after.filter(|_| self.sent == Sent::Whole);
        self.vendor.ledger.write(Entry {
            entry: 0,
            request: self.number,
            at_us: micros(self.arrived.saturating_duration_since(self.vendor.ledger.start)),
            took_us: micros(now.saturating_duration_since(self.arrived)),
            vendor: self.vendor.name(),
            route: Cow::Borrowed(self.route),
            method: std::mem::take(&mut self.method),
            path: std::mem::take(&mut self.path),
            idempotency_key: self.idempotency_key.take(),
            intended: hits.into_iter().map(|hit| hit.name).collect(),
            actual,
            effects: std::mem::take(&mut self.effects),
            status: self.status,
            sent: self.sent,
            retry_after_us: retry_after.map(|wait| wait.micros(|| self.vendor.clock.date(now))),
        });
    }
}

/// When a client may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RetryAfter {
    Seconds(u64),
    Date(SystemTime),
}

impl RetryAfter {
    fn read(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let date = || httpdate::parse_http_date(text).map(Self::Date).ok();
        text.parse().map(Self::Seconds).ok().or_else(date)
    }

    /// From the date that `now` gives.
    fn micros(self, now: impl FnOnce() -> SystemTime) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds.saturating_mul(1_000_000),
            Self::Date(date) => micros(date.duration_since(now()).unwrap_or_default()),
        }
    }
}

/// The usual methods cost no memory.
fn name_of(method: &Method) -> Cow<'static, str> {
    let usual = [Method::POST, Method::PUT, Method::GET, Method::DELETE, Method::PATCH, Method::HEAD, Method::OPTIONS];
    match usual.iter().position(|usual| usual == method) {
        Some(index) => Cow::Borrowed(["POST", "PUT", "GET", "DELETE", "PATCH", "HEAD", "OPTIONS"][index]),
        None => Cow::Owned(cut(method.as_str(), LONGEST_PATH).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let noon = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(784_123_200);
        let read = |text: &'static str| RetryAfter::read(&HeaderValue::from_static(text)).map(|wait| wait.micros(|| noon));
        assert_eq!(read("30"), Some(30_000_000));
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 12:00:30 GMT"), Some(30_000_000));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn methods_keep_their_names() {
        for name in ["POST", "PUT", "GET", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"] {
            assert_eq!(name_of(&Method::from_bytes(name.as_bytes()).unwrap()), name);
        }
    }
}
