//! The transport over sockets and the simulated network give the same answers and the same names to failures.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mock_server::clock::DayClock;
use mock_server::fault::{
    Fault, FaultKind, LostAnswer, Malformed, Outage, ResetPoint, RetryAfterStyle, SimulatedVendor, WebhookFault,
};
use mock_server::latency::LatencyModel;
use mock_server::settings::SimulationSettings;
use mock_server::simulation::SimulatedVendors;
use plimsoll::seed::Seed;
use plimsoll::transport::{Answer, Body, HttpClient, PoolSettings, SendError, SimulatedNetwork, Trace, Transport};
use tokio::runtime::Builder;
use tokio::time::Instant;

/// Where no answer comes in time.
const SHORT: Duration = Duration::from_millis(200);
/// Where one does, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);

/// A status, the part of the body that was kept, and the length of the whole.
type Outcome = Result<(u16, Bytes, u64), SendError>;

/// What Clay answers to a submission.
const BODY: &str = r#"{"success":true}"#;

fn answered(status: u16, body: &'static str) -> Outcome {
    Ok((status, Bytes::from_static(body.as_bytes()), body.len() as u64))
}

/// Every kind of fault, in every way that a client sees differently.
fn kinds() -> Vec<FaultKind> {
    let fixed = LatencyModel::Fixed { delay: Duration::from_millis(20) };
    let mut kinds = vec![
        FaultKind::Auth { status: 403, new_key: None },
        FaultKind::RateLimit { rate: 0.01, burst: 1, retry_after: RetryAfterStyle::Seconds },
        FaultKind::Credits,
        FaultKind::Error { status: 503, body: Some("down".to_owned()) },
        FaultKind::Latency { model: fixed, jitter: Duration::ZERO },
        FaultKind::Hang,
        FaultKind::Truncate { bytes: 5 },
        FaultKind::SlowBody { chunk: 4, pause: Duration::from_millis(5) },
        FaultKind::Bandwidth { bytes_per_second: 1_000 },
        FaultKind::Webhook { how: WebhookFault::Twice },
    ];
    let outages = [Outage::Refuse, Outage::Drop, Outage::Close, Outage::Unavailable];
    kinds.extend(outages.map(|how| FaultKind::Outage { how }));
    kinds.extend([LostAnswer::Close, LostAnswer::Reset, LostAnswer::Hang].map(|how| FaultKind::LostAnswer { how }));
    let resets = [ResetPoint::Before, ResetPoint::Within { bytes: None }, ResetPoint::After];
    kinds.extend(resets.map(|when| FaultKind::Reset { when }));
    let malformed = [Malformed::Json, Malformed::Head, Malformed::ContentLengthTooLong, Malformed::ContentLengthTooShort];
    kinds.extend(malformed.map(|how| FaultKind::Malformed { how }));
    kinds
}

/// What the second of two requests comes to; `None` for an answer that only has to be the same on both.
fn expected(kind: &FaultKind) -> Option<Outcome> {
    match kind {
        FaultKind::Outage { how: Outage::Refuse } => Some(Err(SendError::Refused)),
        FaultKind::Outage { how: Outage::Drop | Outage::Close }
        | FaultKind::LostAnswer { how: LostAnswer::Close | LostAnswer::Reset }
        | FaultKind::Reset { when: ResetPoint::Before | ResetPoint::Within { .. } }
        | FaultKind::Malformed { how: Malformed::ContentLengthTooLong }
        | FaultKind::Truncate { .. } => Some(Err(SendError::Lost)),
        FaultKind::LostAnswer { how: LostAnswer::Hang } | FaultKind::Hang => Some(Err(SendError::Timeout)),
        FaultKind::Malformed { how: Malformed::Head } => Some(Err(SendError::BadAnswer)),
        FaultKind::Malformed { how: Malformed::Json | Malformed::ContentLengthTooShort } => Some(answered(200, &BODY[..8])),
        FaultKind::Error { .. } => Some(answered(503, "down")),
        FaultKind::Outage { how: Outage::Unavailable } | FaultKind::Auth { .. } => None,
        FaultKind::RateLimit { .. } | FaultKind::Credits => None,
        FaultKind::Latency { .. } | FaultKind::SlowBody { .. } | FaultKind::Bandwidth { .. } | FaultKind::Webhook { .. } => {
            Some(answered(200, BODY))
        }
        FaultKind::Reset { when: ResetPoint::After } => Some(answered(200, BODY)),
    }
}

async fn send(by: &dyn Transport, request: Request<Full<Bytes>>, timeout: Duration, body: Body) -> Result<Answer, SendError> {
    by.send(request, timeout, body, &Trace::new(Instant::now())).await
}

/// Two requests to Clay with a fault in force.
async fn outcomes(
    vendors: SimulatedVendors,
    kind: &FaultKind,
    transport: impl Fn(&SimulatedVendors) -> Box<dyn Transport>,
) -> Vec<Outcome> {
    vendors.add_fault(Fault { vendor: Some(SimulatedVendor::Clay), ..Fault::new("fault", kind.clone()) }).await.expect("a fault");
    let settings = SimulationSettings::default();
    let url = format!("{}/v3/sources/webhook/{}", vendors.clay_url(), settings.clay.webhook_id);
    let mut outcomes = Vec::new();
    for number in 0..2 {
        let body = Full::new(Bytes::from(format!(r#"{{"email":"lead-{number}@example.com"}}"#)));
        let request = Request::post(&url).body(body).expect("a request");
        let timeout = if expected(kind) == Some(Err(SendError::Timeout)) { SHORT } else { LONG };
        // Another client for each: what an answer does to its connection is not the next one's.
        let answer = send(&*transport(&vendors), request, timeout, Body::Keep(1_000)).await;
        outcomes.push(answer.map(|answer| (answer.status, answer.body, answer.body_bytes)));
    }
    vendors.shutdown().await;
    outcomes
}

fn over_sockets(kind: &FaultKind) -> Vec<Outcome> {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let vendors = SimulatedVendors::start(SimulationSettings::default()).await.expect("free ports");
        outcomes(vendors, kind, |_| Box::new(HttpClient::plain(&PoolSettings::default()))).await
    })
}

fn in_process(kind: &FaultKind) -> Vec<Outcome> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let no_receiver = |_| async { Err("no receiver".to_owned()) };
        let vendors = SimulatedVendors::in_process(SimulationSettings::default(), DayClock::machine(), no_receiver);
        let delay = LatencyModel::Uniform { min: Duration::from_millis(1), max: Duration::from_millis(5) };
        outcomes(vendors.expect("valid settings"), kind, |vendors| Box::new(SimulatedNetwork::new(vendors, delay, Seed(1)))).await
    })
}

#[test]
fn both_transports_give_the_same_outcome_for_every_fault() {
    for kind in kinds() {
        let sockets = over_sockets(&kind);
        assert_eq!(sockets, in_process(&kind), "{kind:?}: over sockets, and in process");
        if let Some(expected) = expected(&kind) {
            assert_eq!(sockets[1], expected, "{kind:?}");
        }
    }
}

#[test]
fn a_host_that_is_no_vendor_refuses_connections_and_an_answer_is_kept_as_far_as_asked() {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let no_receiver = |_| async { Err("no receiver".to_owned()) };
        let vendors = SimulatedVendors::in_process(SimulationSettings::default(), DayClock::machine(), no_receiver);
        let vendors = vendors.expect("valid settings");
        let network = SimulatedNetwork::new(&vendors, LatencyModel::Fixed { delay: Duration::from_millis(30) }, Seed(1));
        let get = |url: String| Request::get(url).body(Full::default()).expect("a request");
        let elsewhere = send(&network, get("http://elsewhere.simulated/".to_owned()), LONG, Body::Count).await;
        assert_eq!(elsewhere.expect_err("a refused connection"), SendError::Refused);
        let region = || get(format!("{}/api/v1/accounts/region", vendors.customer_io_url()));
        let counted = send(&network, region(), LONG, Body::Count).await.expect("an answer");
        let kept = send(&network, region(), LONG, Body::Keep(3)).await.expect("an answer");
        assert!(counted.body.is_empty() && kept.body.len() == 3 && counted.body_bytes == kept.body_bytes && kept.body_bytes > 3);
        let late = send(&network, region(), Duration::from_millis(59), Body::Count).await;
        assert_eq!(late.expect_err("30 ms there and 30 ms back"), SendError::Timeout);
    });
}
