//! What each fault does to a request, and which requests a share hits.

mod scope;
mod wire;

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method};
use tokio::time::Instant;

use super::effect::{Moment, Verdict};
use super::share::Share;
use super::*;
use crate::clock::DayClock;
use crate::latency::LatencyModel;
use crate::seed::Seed;
use crate::settings::{ClaySettings, CustomerIoSettings};
use crate::simulated::clay::Clay;
use crate::simulated::customer_io::CustomerIo;
use crate::simulated::{Answer, Request, Vendor};

impl Fault {
    pub(crate) fn on_vendor(self, vendor: SimulatedVendor) -> Self {
        Self { vendor: Some(vendor), ..self }
    }

    pub(crate) fn on_routes<const N: usize>(self, routes: [&str; N]) -> Self {
        Self { routes: routes.map(str::to_owned).to_vec(), ..self }
    }

    pub(crate) fn on_customers<const N: usize>(self, customers: [&str; N]) -> Self {
        Self { customers: customers.map(str::to_owned).to_vec(), ..self }
    }

    pub(crate) fn begins_at(self, at: Duration) -> Self {
        Self { at, ..self }
    }

    pub(crate) fn lasting(self, lasts: Duration) -> Self {
        Self { lasts: Some(lasts), ..self }
    }

    pub(crate) fn with_share(self, share: f64) -> Self {
        Self { share, ..self }
    }

    pub(crate) fn every(self, nth: u32) -> Self {
        Self { every: Some(nth), ..self }
    }

    pub(crate) fn ramping(self, up: Duration, down: Duration) -> Self {
        Self { ramp_up: up, ramp_down: down, ..self }
    }
}

/// A fault of both vendors from 10 s to 15 s.
pub(super) fn fault(kind: FaultKind) -> Fault {
    Fault::new("test", kind).begins_at(Duration::from_secs(10)).lasting(Duration::from_secs(5))
}

fn clay() -> Clay {
    Clay::new(ClaySettings::default(), Seed(1), DayClock::machine())
}

/// Half a second after 1994-11-06 08:49:37 GMT, the date of RFC 9110's example.
fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500)
}

fn request() -> Request<'static> {
    static HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
    Request { method: &Method::POST, path: "/", query: None, headers: &HEADERS, body: b"" }
}

fn judge(kind: FaultKind, vendor: &dyn Vendor) -> Verdict {
    let now = Instant::now();
    fault(kind).effect(Seed(1), SimulatedVendor::Clay, now).judge(vendor, &request(), Moment { now, date: date() })
}

fn answer(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Answer(answer) => answer,
        other => panic!("{other:?} is no answer"),
    }
}

#[test]
fn descriptions_name_kind_and_scope() {
    let mut refused = fault(FaultKind::Outage { how: Outage::Refuse });
    refused.vendor = Some(SimulatedVendor::Clay);
    assert_eq!(refused.describe(), "outage (connection refused)");

    let mut limited = fault(FaultKind::RateLimit { rate: 5.0, burst: 5, retry_after: RetryAfterStyle::Seconds });
    assert_eq!(limited.describe(), "429 beyond 5 requests/s (burst 5)");
    limited.share = 0.3;
    limited.routes = vec!["clay.webhook".to_owned()];
    assert_eq!(limited.describe(), "429 beyond 5 requests/s (burst 5), 30 % of clay.webhook");

    let mut error = fault(FaultKind::Error { status: 500, body: None });
    error.share = 0.125;
    assert_eq!(error.describe(), "status 500, 12.5 % of all requests");
    error.share = 1.0;
    error.routes = vec!["customer_io.track".to_owned()];
    assert_eq!(error.describe(), "status 500, customer_io.track only");

    let slow = LatencyModel::Lognormal { p50: Duration::from_millis(40), p99: Duration::from_millis(200) };
    assert_eq!(FaultKind::Latency { model: slow, jitter: Duration::ZERO }.describe(), "latency + p50 40ms, p99 200ms");
}

#[test]
fn a_fault_survives_its_way_to_the_simulator() {
    let sent =
        fault(FaultKind::Latency { model: LatencyModel::Fixed { delay: Duration::from_millis(3) }, jitter: Duration::ZERO });
    let text = serde_json::to_string(&sent).unwrap();
    assert_eq!(serde_json::from_str::<Fault>(&text).unwrap(), sent);
}

#[test]
fn an_outage_closes_or_answers_503_in_the_vendors_own_form() {
    assert!(matches!(judge(FaultKind::Outage { how: Outage::Close }, &clay()), Verdict::Close));
    assert!(matches!(judge(FaultKind::Outage { how: Outage::Refuse }, &clay()), Verdict::Close));
    let gone = FaultKind::Outage { how: Outage::Unavailable };
    let from_clay = answer(judge(gone.clone(), &clay()));
    assert_eq!((from_clay.status.as_u16(), &from_clay.body[..]), (503, &br#"{"message":"service unavailable"}"#[..]));
    let customer_io = CustomerIo::new(CustomerIoSettings::default(), Seed(1), DayClock::machine());
    assert_eq!(&answer(judge(gone, &customer_io)).body[..], br#"{"meta":{"errors":["service unavailable"]}}"#);
}

#[test]
fn an_error_has_the_vendors_body_or_one_of_its_own() {
    let failing = |body: Option<&str>| answer(judge(FaultKind::Error { status: 502, body: body.map(str::to_owned) }, &clay()));
    assert_eq!((failing(None).status.as_u16(), &failing(None).body[..]), (502, &br#"{"message":"Bad Gateway"}"#[..]));
    let json = failing(Some(r#"{"a":1}"#));
    assert_eq!(
        (&json.body[..], &json.headers[CONTENT_TYPE]),
        (&br#"{"a":1}"#[..], &"application/json; charset=utf-8".parse().unwrap())
    );
    // A body that is no JSON does not claim to be.
    for (body, kind) in [("<html>", "text/html; charset=utf-8"), ("gone", "text/plain; charset=utf-8")] {
        let other = failing(Some(body));
        assert_eq!((&other.body[..], &other.headers[CONTENT_TYPE]), (body.as_bytes(), &kind.parse().unwrap()));
    }
    let redirect = answer(judge(FaultKind::Error { status: 302, body: None }, &clay()));
    assert_eq!((redirect.status.as_u16(), &redirect.body[..]), (302, &b""[..]), "an error of the vendor's is not what it says");
}

#[test]
fn latency_draws_a_new_delay_for_each_request() {
    let kind = FaultKind::Latency {
        model: LatencyModel::Uniform { min: Duration::ZERO, max: Duration::from_secs(1) },
        jitter: Duration::ZERO,
    };
    let draw = |seed, vendor| {
        let clay = clay();
        let effect = fault(kind.clone()).effect(Seed(seed), vendor, Instant::now());
        let moment = Moment { now: Instant::now(), date: date() };
        (0..100)
            .map(|_| match effect.judge(&clay, &request(), moment) {
                Verdict::Delay(delay) => delay,
                other => panic!("{other:?} is no delay"),
            })
            .collect::<Vec<Duration>>()
    };
    let delays = draw(1, SimulatedVendor::Clay);
    assert_eq!(delays.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(delays, draw(1, SimulatedVendor::Clay));
    assert_ne!(delays, draw(2, SimulatedVendor::Clay));
    assert_ne!(delays, draw(1, SimulatedVendor::CustomerIo));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_never_too_early() {
    for (style, expected) in [
        // A token takes 2.5 s.
        (RetryAfterStyle::Seconds, Some("3")),
        // 2.5 s after half past 37 is second 40 to the dot.
        (RetryAfterStyle::Date, Some("Sun, 06 Nov 1994 08:49:40 GMT")),
        (RetryAfterStyle::None, None),
    ] {
        let clay = clay();
        let limit = fault(FaultKind::RateLimit { rate: 0.4, burst: 1, retry_after: style });
        let effect = limit.effect(Seed(1), SimulatedVendor::Clay, Instant::now());
        let judge = || effect.judge(&clay, &request(), Moment { now: Instant::now(), date: date() });
        assert!(matches!(judge(), Verdict::Pass));
        let refused = answer(judge());
        assert_eq!(refused.status, 429);
        assert_eq!(refused.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap()), expected);
        tokio::time::advance(Duration::from_millis(2_500)).await;
        assert!(matches!(judge(), Verdict::Pass));
    }
}

#[test]
fn a_date_in_the_middle_of_a_second_is_rounded_up() {
    let value = RetryAfterStyle::Date.value(Duration::from_millis(1), date()).unwrap();
    assert_eq!(value, "Sun, 06 Nov 1994 08:49:38 GMT");
    assert_eq!(RetryAfterStyle::Seconds.value(Duration::from_millis(1), date()).unwrap(), "1");
    assert_eq!(RetryAfterStyle::Seconds.value(Duration::from_secs(2), date()).unwrap(), "2");
}

fn hits(share: &Share, body: &str) -> bool {
    let headers = HeaderMap::new();
    share.hits(&Request { method: &Method::POST, path: "/x", query: None, headers: &headers, body: body.as_bytes() }, 1.0)
}

fn hit_bodies(share: f64, seed: u64, name: &str, order: impl Iterator<Item = u32>) -> HashSet<u32> {
    let share = Share::new(share, Seed(seed), name);
    order.filter(|number| hits(&share, &number.to_string())).collect()
}

#[test]
fn a_share_is_met_within_the_binomial_bound() {
    for share in [0.01, 0.3, 0.5, 0.99] {
        let hit = hit_bodies(share, 1, "f", 0..20_000).len() as f64;
        // Five standard deviations.
        let bound = 5.0 * (20_000.0 * share * (1.0 - share)).sqrt();
        assert!((hit - 20_000.0 * share).abs() < bound, "{hit} of 20,000 at {share}");
    }
    assert_eq!(hit_bodies(0.0, 1, "f", 0..1_000).len(), 0);
    assert_eq!(hit_bodies(1.0, 1, "f", 0..1_000).len(), 1_000);
}

#[test]
fn the_same_seed_hits_the_same_requests_in_any_order() {
    let forwards = hit_bodies(0.3, 1, "f", 0..1_000);
    assert_eq!(forwards, hit_bodies(0.3, 1, "f", (0..1_000).rev()));
    assert_ne!(forwards, hit_bodies(0.3, 2, "f", 0..1_000));
    assert_ne!(forwards, hit_bodies(0.3, 1, "g", 0..1_000));
}

#[test]
fn equal_requests_are_neither_all_hit_nor_none() {
    let count = |seed| {
        let share = Share::new(0.3, Seed(seed), "f");
        (0..10_000).filter(|_| hits(&share, r#"{"test":true}"#)).count()
    };
    // Five standard deviations: 229.
    assert!(count(1).abs_diff(3_000) < 229, "{}", count(1));
    assert_eq!(count(1), count(1));
}
