//! What happens to one request, until it is over and written down.
//!
//! A record is made when a request arrives and travels with it: through the faults, the vendor, and along the answer. Where
//! it is dropped the request is over, whichever way, so that every request has exactly one entry in the ledger.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, Method, request};
use tokio::time::Instant;

use super::Shared;
use crate::clock::wall_clock;
use crate::counts::CLOSED;
use crate::ledger::{Entry, LONGEST_KEY, LONGEST_PATH, Sent};
use crate::vendor::{Answer, Effect, NO_ROUTE};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request that is not over yet.
pub(super) struct Record {
    shared: Arc<Shared>,
    pub(super) number: u64,
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

impl Record {
    pub(super) fn begin(shared: Arc<Shared>, parts: &request::Parts, arrived: Instant) -> Self {
        let path = parts.uri.path();
        let key =
            parts.headers.get(IDEMPOTENCY_KEY).map(|key| cut(&String::from_utf8_lossy(key.as_bytes()), LONGEST_KEY).to_owned());
        Self {
            number: shared.ledger.next_request(),
            arrived,
            route: shared.vendor.route(&parts.method, path).unwrap_or(NO_ROUTE),
            method: method(&parts.method),
            path: cut(path, LONGEST_PATH).to_owned(),
            idempotency_key: key,
            hits: Vec::new(),
            effects: Vec::new(),
            status: None,
            retry_after: None,
            sent: Sent::Nothing,
            by_fault: false,
            shared,
        }
    }

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
    pub(super) fn will_answer(&mut self, answer: &Answer, by_fault: bool) {
        self.status = Some(answer.status.as_u16());
        self.retry_after = answer.headers.get(RETRY_AFTER).and_then(RetryAfter::read);
        self.by_fault = by_fault;
    }

    /// The answer got so far.
    pub(super) fn has_sent(&mut self, sent: Sent) {
        self.sent = sent;
    }

    fn count(&self) {
        let (status, by_fault) = match (self.sent, self.status) {
            (Sent::Whole, Some(status)) => (status, self.by_fault),
            // Otherwise the client went away.
            _ => (CLOSED, self.was_cut_off()),
        };
        self.shared.counts.add(self.route, status, by_fault);
    }

    /// A request that is over before it was answered, while a fault closes every connection, was hit by that fault, although
    /// it had been judged before the fault began.
    fn blame_closing_faults(&mut self) {
        if self.sent != Sent::Whole && !self.was_cut_off() {
            for name in self.shared.active().closing() {
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
        let hits = std::mem::take(&mut self.hits);
        let actual = hits.iter().filter(|hit| hit.happened).map(|hit| hit.name.clone()).collect();
        self.shared.ledger.write(Entry {
            entry: 0,
            request: self.number,
            at_us: micros(self.arrived.saturating_duration_since(self.shared.ledger.start())),
            took_us: micros(self.arrived.elapsed()),
            vendor: self.shared.vendor.vendor(),
            route: Cow::Borrowed(self.route),
            method: std::mem::take(&mut self.method),
            path: std::mem::take(&mut self.path),
            idempotency_key: self.idempotency_key.take(),
            intended: hits.into_iter().map(|hit| hit.name).collect(),
            actual,
            effects: std::mem::take(&mut self.effects),
            status: self.status,
            sent: self.sent,
            retry_after_us: self.retry_after.filter(|_| self.sent == Sent::Whole).map(RetryAfter::micros),
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

    /// From now on.
    fn micros(self) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds.saturating_mul(1_000_000),
            Self::Date(date) => micros(date.duration_since(wall_clock()).unwrap_or_default()),
        }
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The usual methods cost no memory.
fn method(method: &Method) -> Cow<'static, str> {
    let usual = [Method::POST, Method::PUT, Method::GET, Method::DELETE, Method::PATCH, Method::HEAD, Method::OPTIONS];
    match usual.iter().position(|usual| usual == method) {
        Some(index) => Cow::Borrowed(["POST", "PUT", "GET", "DELETE", "PATCH", "HEAD", "OPTIONS"][index]),
        None => Cow::Owned(cut(method.as_str(), LONGEST_PATH).to_owned()),
    }
}

/// The longest beginning of `text` that is no longer than this many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_characters_whole() {
        assert_eq!([cut("abc", 5), cut("abc", 2), cut("aé", 2), cut("é", 1)], ["abc", "ab", "a", ""]);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &'static str| RetryAfter::read(&HeaderValue::from_static(text));
        assert_eq!(read("30").map(RetryAfter::micros), Some(30_000_000));
        assert_eq!(read("18446744073709551615").map(RetryAfter::micros), Some(u64::MAX));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT").map(RetryAfter::micros), Some(0));
        let in_a_day = httpdate::fmt_http_date(wall_clock() + std::time::Duration::from_secs(86_400));
        let micros = RetryAfter::read(&in_a_day.parse().unwrap()).map(RetryAfter::micros).unwrap();
        assert!((86_300_000_000..=86_400_000_000).contains(&micros), "{micros}");
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn methods_keep_their_names() {
        for name in ["POST", "PUT", "GET", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"] {
            assert_eq!(method(&Method::from_bytes(name.as_bytes()).unwrap()), name);
        }
    }
}
