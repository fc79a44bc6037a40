//! How faults compose, with paused time and without a socket in front.

use super::super::testing::{fault, with};
use super::*;
use crate::counts::CLOSED;
use crate::fault::{FaultKind, Outage, RetryAfterStyle};
use crate::latency::LatencyModel;
use crate::vendor::NO_ROUTE;
use crate::vendor::clay::{RESOURCE, WEBHOOK};

fn latency(milliseconds: u64) -> FaultKind {
    FaultKind::Latency { model: LatencyModel::Fixed { delay: Duration::from_millis(milliseconds) }, jitter: Duration::ZERO }
}

fn limit(rate: f64, burst: u32) -> FaultKind {
    FaultKind::RateLimit { rate, burst, retry_after: RetryAfterStyle::Seconds }
}

fn judged(shared: &Arc<Shared>, route: &'static str) -> (Option<u16>, u64) {
    let parts = Request::post("/").body(()).unwrap().into_parts().0;
    let mut record = Record::begin(shared.clone(), &parts, Instant::now());
    record.route = route;
    let judgement = judge(shared, &parts, &Bytes::new(), &mut record);
    let status = judgement.end.map(|end| match end {
        Ending::Answer(answer) => answer.status.as_u16(),
        Ending::Close => CLOSED,
    });
    (status, judgement.delay.as_millis() as u64)
}

#[tokio::test(start_paused = true)]
async fn without_faults_nothing_happens() {
    assert_eq!(judged(&with(Vec::new()).await, WEBHOOK), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_and_hold_back_other_faults_answers_too() {
    let shared = with(vec![fault(latency(30)), fault(FaultKind::Error { status: 500, body: None }), fault(latency(12))]).await;
    assert_eq!(judged(&shared, WEBHOOK), (Some(500), 42));
}

#[tokio::test(start_paused = true)]
async fn an_outage_comes_before_a_limit_before_an_error_whatever_their_order_in_the_timetable() {
    let error = || fault(FaultKind::Error { status: 500, body: None });
    let shared = with(vec![error(), fault(limit(1.0, 1))]).await;
    // The first takes the token and fails, the second gets no token.
    assert_eq!([judged(&shared, WEBHOOK), judged(&shared, WEBHOOK)], [(Some(500), 0), (Some(429), 0)]);

    let mut half = fault(FaultKind::Outage { how: Outage::Close });
    half.routes = vec![RESOURCE.to_owned()];
    let shared = with(vec![error(), fault(limit(1.0, 1)), half]).await;
    // What an outage ends takes no token.
    assert_eq!(judged(&shared, RESOURCE), (Some(CLOSED), 0));
    assert_eq!([judged(&shared, WEBHOOK), judged(&shared, WEBHOOK)], [(Some(500), 0), (Some(429), 0)]);
}

#[tokio::test(start_paused = true)]
async fn of_two_of_one_kind_the_earlier_wins() {
    let error = |status| fault(FaultKind::Error { status, body: None });
    assert_eq!(judged(&with(vec![error(502), error(500)]).await, WEBHOOK), (Some(502), 0));
}

#[tokio::test(start_paused = true)]
async fn a_fault_hits_its_routes_only() {
    let mut error = fault(FaultKind::Error { status: 500, body: None });
    error.routes = vec![WEBHOOK.to_owned()];
    let shared = with(vec![error]).await;
    assert_eq!([judged(&shared, WEBHOOK).0, judged(&shared, RESOURCE).0, judged(&shared, NO_ROUTE).0], [Some(500), None, None]);
}

#[tokio::test(start_paused = true)]
async fn exactly_burst_and_rate_come_through_a_limit() {
    let shared = with(vec![fault(limit(5.0, 5))]).await;
    let mut passed = 0;
    // 1,000 requests in 10 s.
    for _ in 0..1_000 {
        passed += u32::from(judged(&shared, WEBHOOK).0.is_none());
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    assert_eq!(passed, 5 + 49);
}
