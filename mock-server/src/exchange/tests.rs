//! How faults compose, with paused time and without a socket.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use tokio::time::timeout;

use super::testing::{altering, clay_with, fault};
use tokio::time::Instant;

use super::*;
use crate::counts::CLOSED;
use crate::fault::{ActiveFault, Fault, FaultKind, Outage, RetryAfterStyle};
use crate::latency::LatencyModel;
use crate::ledger::Sent;
use crate::seed::Seed;
use crate::simulated::NO_ROUTE;
use crate::simulated::clay::{RESOURCE, WEBHOOK};
use crate::wire::{End, Script, Step};

fn latency(milliseconds: u64) -> FaultKind {
    FaultKind::Latency { model: LatencyModel::Fixed { delay: Duration::from_millis(milliseconds) }, jitter: Duration::ZERO }
}

fn limit(rate: f64, burst: u32) -> FaultKind {
    FaultKind::RateLimit { rate, burst, retry_after: RetryAfterStyle::Seconds }
}

fn judged(vendor: &Arc<FaultyVendor>, route: &'static str) -> (Option<u16>, u64) {
    let (method, headers) = (Method::POST, HeaderMap::new());
    let mut record = vendor.record(&method, "/", &headers, Instant::now());
    record.route = route;
    let request = crate::simulated::Request { method: &method, path: "/", query: None, headers: &headers, body: b"" };
    let judged = vendor.judge(record, &request, Instant::now());
    let status = if judged.closes { Some(CLOSED) } else { judged.answer.map(|answer| answer.status.as_u16()) };
    (status, judged.delay.as_millis() as u64)
}

#[tokio::test(start_paused = true)]
async fn without_faults_nothing_happens() {
    assert_eq!(judged(&clay_with(Vec::new()), WEBHOOK), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_and_hold_back_other_faults_answers_too() {
    let vendor = clay_with(vec![fault(latency(30)), fault(FaultKind::Error { status: 500, body: None }), fault(latency(12))]);
    assert_eq!(judged(&vendor, WEBHOOK), (Some(500), 42));
}

#[tokio::test(start_paused = true)]
async fn an_outage_comes_before_a_limit_before_an_error_whatever_their_order_in_the_timetable() {
    let error = || fault(FaultKind::Error { status: 500, body: None });
    let vendor = clay_with(vec![error(), fault(limit(1.0, 1))]);
    // The first takes the token and fails, the second gets no token.
    assert_eq!([judged(&vendor, WEBHOOK), judged(&vendor, WEBHOOK)], [(Some(500), 0), (Some(429), 0)]);

    let mut half = fault(FaultKind::Outage { how: Outage::Close });
    half.routes = vec![RESOURCE.to_owned()];
    let vendor = clay_with(vec![error(), fault(limit(1.0, 1)), half]);
    // What an outage ends takes no token.
    assert_eq!(judged(&vendor, RESOURCE), (Some(CLOSED), 0));
    assert_eq!([judged(&vendor, WEBHOOK), judged(&vendor, WEBHOOK)], [(Some(500), 0), (Some(429), 0)]);
}

#[tokio::test(start_paused = true)]
async fn of_two_of_one_kind_the_earlier_wins() {
    let error = |status| fault(FaultKind::Error { status, body: None });
    assert_eq!(judged(&clay_with(vec![error(502), error(500)]), WEBHOOK), (Some(502), 0));
}

#[tokio::test(start_paused = true)]
async fn a_fault_hits_its_routes_only() {
    let mut error = fault(FaultKind::Error { status: 500, body: None });
    error.routes = vec![WEBHOOK.to_owned()];
    let vendor = clay_with(vec![error]);
    assert_eq!([judged(&vendor, WEBHOOK).0, judged(&vendor, RESOURCE).0, judged(&vendor, NO_ROUTE).0], [Some(500), None, None]);
}

#[tokio::test(start_paused = true)]
async fn exactly_burst_and_rate_come_through_a_limit() {
    let vendor = clay_with(vec![fault(limit(5.0, 5))]);
    let mut passed = 0;
    // 1,000 requests in 10 s.
    for _ in 0..1_000 {
        passed += u32::from(judged(&vendor, WEBHOOK).0.is_none());
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    assert_eq!(passed, 5 + 49);
}

fn post() -> Request<Bytes> {
    Request::post("/v1/resource").body(Bytes::from_static(b"{}")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_socket_gets_what_faults_leave() {
    let ten = || fault(FaultKind::Error { status: 500, body: Some("0123456789".to_owned()) });
    type Alter = fn(&mut Script) -> bool;
    let cases: [(Alter, Result<&[u8], NoAnswer>); 6] = [
        (|script| script.steps.drain(1..).count() > 0 && script.content_length.replace(10).is_none(), Err(NoAnswer::Incomplete)),
        (|script| script.steps.drain(..).count() > 0, Err(NoAnswer::Closed)),
        (|script| script.content_length.replace(4).is_none(), Ok(b"0123")),
        (|script| std::mem::replace(&mut script.end, End::Reset) == End::Close, Ok(b"0123456789")),
        (
            |script| {
                std::mem::replace(script, Script { steps: Vec::new(), end: End::Reset, content_length: None }).end == End::Close
            },
            Err(NoAnswer::Reset),
        ),
        (
            |script| std::mem::replace(&mut script.steps, vec![Step::Raw(Bytes::from_static(b"x"))]).len() > 1,
            Err(NoAnswer::Malformed),
        ),
    ];
    for (alter, expected) in cases {
        let vendor = clay_with(vec![ten()]);
        vendor.set_active(vendor.active().with(altering("altered", true, alter)));
        let answered = vendor.send(post()).await;
        assert_eq!(answered.as_ref().map(|answered| &answered.body[..]).map_err(|error| *error), expected);
        assert!(vendor.ledger().entries()[0].was_hit_by("altered"), "{expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_and_a_slow_body_take_their_time() {
    let vendor = clay_with(vec![
        fault(latency(500)),
        fault(FaultKind::Error { status: 500, body: Some("0123".to_owned()) }),
        fault(FaultKind::SlowBody { chunk: 1, pause: Duration::from_secs(1) }),
    ]);
    let begun = Instant::now();
    let answered = vendor.send(post()).await.unwrap();
    assert_eq!((answered.head_at - begun, begun.elapsed()), (Duration::from_millis(500), Duration::from_millis(3_500)));
    assert_eq!((answered.head.status.as_u16(), &answered.body[..]), (500, &b"0123"[..]));
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_over_when_the_client_gives_up() {
    let vendor = clay_with(vec![fault(FaultKind::Hang)]);
    assert!(timeout(Duration::from_secs(30), vendor.send(post())).await.is_err());
    let entry = vendor.ledger().entries().remove(0);
    assert_eq!((entry.sent, entry.took_us, entry.was_hit_by("hang")), (Sent::Nothing, 30_000_000, true));
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_closes_connections_ends_what_is_under_way() {
    let vendor = clay_with(vec![fault(latency(60_000))]);
    let request = tokio::spawn({
        let vendor = vendor.clone();
        async move { vendor.send(post()).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let refuse = Fault::new("refuse", FaultKind::Outage { how: Outage::Refuse });
    vendor.set_active(vendor.active().with(ActiveFault::begin(&refuse, 9, Seed(1), vendor.name(), Instant::now())));
    assert_eq!(request.await.unwrap(), Err(NoAnswer::Closed));
    assert!(vendor.ledger().entries()[0].was_hit_by("refuse"));
    assert_eq!(vendor.send(post()).await.map(|_| ()), Err(NoAnswer::Refused));
}
