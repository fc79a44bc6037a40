//! Where callbacks say what leads cost, Clay never charges more than a day's limit, whatever fails: 200 users, every fault in every way,
//! over midnight, on the simulated network in paused time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use http::StatusCode;
use mock_server::fault::{
    Fault, FaultKind, LostAnswer, Malformed, Outage, ResetPoint, RetryAfterStyle, SimulatedVendor, WebhookFault,
};
use mock_server::latency::LatencyModel;
use mock_server::settings::{Secret, SimulationSettings};
use mock_server::simulation::SimulatedVendors;
use plimsoll::clock::LoadClock;
use plimsoll::event::NoEvents;
use plimsoll::outcome::{OperationKind, Vendor};
use plimsoll::resilience::{
    CreditSettings, DayClock, Emitter, MemoryBacklog, Operation, Pipeline, PipelineSettings, Reply, Sender,
};
use plimsoll::seed::Seed;
use plimsoll::transport::{Body, SimulatedNetwork, Trace, Transport};
use plimsoll::vendor_api::{Endpoints, LONGEST_ANSWER_KEPT, VendorAccess, reply, request};
use rand::Rng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, sleep_until};

const LIMIT: u64 = 1_200;
const USERS: u64 = 200;
const SECRET: &str = "whsec_of_the_test";
/// The end of a day, so that rows are charged on the next, and the next day's beginning.
const STARTED: &str = "2026-03-01T23:59:20Z";
const TO_MIDNIGHT: Duration = Duration::from_secs(40);
const LOAD: Duration = Duration::from_secs(120);
/// Longer than any row takes, with its callback.
const AFTERWARDS: Duration = Duration::from_secs(200);

/// Every kind of fault but the 402, in every way.
fn kinds() -> Vec<FaultKind> {
    let slow = LatencyModel::Fixed { delay: Duration::from_secs(3) };
    let mut kinds = vec![
        FaultKind::Auth { status: 403, new_key: None },
        FaultKind::RateLimit { rate: 5.0, burst: 5, retry_after: RetryAfterStyle::Seconds },
        FaultKind::Error { status: 503, body: Some("down".to_owned()) },
        FaultKind::Error { status: 500, body: None },
        FaultKind::Latency { model: slow, jitter: Duration::ZERO },
        FaultKind::Hang,
        FaultKind::Truncate { bytes: 5 },
        FaultKind::SlowBody { chunk: 4, pause: Duration::from_millis(500) },
        FaultKind::Bandwidth { bytes_per_second: 10 },
    ];
    kinds.extend([Outage::Refuse, Outage::Drop, Outage::Close, Outage::Unavailable].map(|how| FaultKind::Outage { how }));
    kinds.extend([LostAnswer::Close, LostAnswer::Reset, LostAnswer::Hang].map(|how| FaultKind::LostAnswer { how }));
    let resets = [ResetPoint::Before, ResetPoint::Within { bytes: None }, ResetPoint::After];
    kinds.extend(resets.map(|when| FaultKind::Reset { when }));
    let malformed = [Malformed::Json, Malformed::Head, Malformed::ContentLengthTooLong, Malformed::ContentLengthTooShort];
    kinds.extend(malformed.map(|how| FaultKind::Malformed { how }));
    let late = WebhookFault::Late { by: Duration::from_secs(45) };
    let webhooks = [late, WebhookFault::Twice, WebhookFault::OutOfOrder, WebhookFault::Lost, WebhookFault::BadlySigned];
    kinds.extend(webhooks.map(|how| FaultKind::Webhook { how }));
    kinds
}

/// All of them on each day, each for some seconds, in an order of its own; and the 402 that ends a day for the budget at its end.
fn faults(seed: u64) -> Vec<Fault> {
    let mut rng = Seed(seed).stream("faults");
    let mut faults = Vec::new();
    for (day, (from, to)) in [(0, 38_000), (40_000, 110_000)].into_iter().enumerate() {
        let mut kinds = kinds();
        kinds.shuffle(&mut rng);
        for (index, kind) in kinds.into_iter().enumerate() {
            // Connections are not chosen by a share.
            let share = if matches!(kind, FaultKind::Outage { .. }) { 1.0 } else { 0.5 };
            let at = Duration::from_millis(rng.random_range(from..to));
            let lasts = Some(Duration::from_millis(rng.random_range(500..6_000)));
            let name = format!("{day} {index}");
            faults.push(Fault { vendor: Some(SimulatedVendor::Clay), at, lasts, share, ..Fault::new(name, kind) });
        }
        let at = Duration::from_millis(to);
        let gone = Fault::new(format!("{day} gone"), FaultKind::Credits);
        faults.push(Fault { vendor: Some(SimulatedVendor::Clay), at, lasts: Some(Duration::from_secs(1)), share: 0.5, ..gone });
    }
    faults
}

/// Sends as the service does.
struct VendorSender {
    network: SimulatedNetwork,
    endpoints: Endpoints,
}

impl Sender for VendorSender {
    async fn send(&self, operation: &Operation, _attempt: u32, deadline: Instant) -> Reply {
        let request = request(&self.endpoints, operation).expect("a request");
        let timeout = deadline.saturating_duration_since(Instant::now());
        match self.network.send(request, timeout, Body::Keep(LONGEST_ANSWER_KEPT), &Trace::new(Instant::now())).await {
            Ok(answer) => reply(operation.kind.route().failure_of(answer.status), Some(&answer)),
            Err(error) => reply(Some(error.kind()), None),
        }
    }
}

/// What Clay charged on each day, and how often it was sent a lead more than once.
#[derive(Debug)]
struct Charged {
    days: [u64; 2],
    again: u64,
}

async fn two_days(seed: Seed, by_callback: bool) -> Charged {
    let mut settings = SimulationSettings { seed: seed.0, faults: faults(seed.0), ..SimulationSettings::default() };
    settings.clay.callbacks.url = Some("http://127.0.0.1:1/callbacks/clay".to_owned());
    settings.clay.callbacks.signing_secret = Some(Secret(SECRET.to_owned()));
    let date: DateTime<Utc> = STARTED.parse().expect("a date");
    let start = Instant::now();
    let called_back: Arc<OnceLock<Arc<Pipeline<VendorSender>>>> = Arc::default();
    let receiver = Arc::clone(&called_back);
    let receive = move |request: http::Request<bytes::Bytes>| {
        let receiver = Arc::clone(&receiver);
        async move { Ok(callback(receiver.get().expect("it was set before the load"), &request).await) }
    };
    let vendors_clock = mock_server::clock::DayClock::starting_at(date.into());
    let vendors = SimulatedVendors::in_process(settings.clone(), vendors_clock, receive).expect("valid settings");
    let delay = LatencyModel::Lognormal { p50: Duration::from_millis(10), p99: Duration::from_millis(60) };
    let access = VendorAccess::simulated(|vendor| vendors.url(vendor), &settings).expect("valid URLs");
    let endpoints = Endpoints::of(&access).expect("valid credentials");
    let sender = VendorSender { network: SimulatedNetwork::new(&vendors, delay, seed), endpoints };
    let mut settings = PipelineSettings::of(Vendor::Clay);
    let credits = CreditSettings { daily_limit: LIMIT, by_callback, ..CreditSettings::default() };
    // What other guards would keep from Clay costs nothing.
    settings.credits = Some(CreditSettings { failure_threshold: 1_000_000, ..credits });
    settings.breaker = None;
    settings.timeout = Duration::from_secs(2);
    settings.fallback.queue_base_delay = Duration::from_secs(5);
    let backlog = MemoryBacklog::new(&settings.fallback);
    let emitter = Emitter::new(Vendor::Clay, LoadClock::start(), Arc::new(NoEvents));
    let wall = DayClock { start_wall: date, start };
    let pipeline = Arc::new(Pipeline::with_backlog(settings, sender, backlog, emitter, wall, seed.stream("pipeline")));
    assert!(called_back.set(Arc::clone(&pipeline)).is_ok());

    vendors.start_timetable();
    let drain = tokio::spawn(Arc::clone(&pipeline).work(2));
    let leads = Arc::new(AtomicU64::new(0));
    let users: Vec<_> = (0..USERS)
        .map(|user| {
            let (pipeline, mut rng) = (Arc::clone(&pipeline), seed.numbered_stream("user", user));
            let leads = Arc::clone(&leads);
            tokio::spawn(async move {
                while start.elapsed() < LOAD {
                    sleep(Duration::from_millis(rng.random_range(2_000..14_000))).await;
                    let number = leads.fetch_add(1, Ordering::Relaxed);
                    let data = json!({ "email": format!("lead{number}@acme.test") });
                    let lead = Operation::new(OperationKind::Enrich, format!("lead{number}"), data);
                    pipeline.call(lead).await;
                }
            })
        })
        .collect();
    sleep_until(start + TO_MIDNIGHT).await;
    let first = vendors.clay().bill().charged;
    for user in users {
        user.await.expect("no panic");
    }
    sleep(AFTERWARDS).await;
    assert!(pipeline.stop(Duration::from_secs(10)).await);
    drain.abort();
    let bill = vendors.clay().bill();
    let again = bill.rows.saturating_sub(pipeline.gauges().counts.delivered);
    assert!(vendors.shutdown().await.is_empty());
    Charged { days: [first, bill.charged + bill.due - first], again }
}

/// Takes a callback as the service does.
async fn callback(pipeline: &Pipeline<VendorSender>, request: &http::Request<bytes::Bytes>) -> StatusCode {
    let body = request.body();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body);
    let right: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    if request.headers()["x-clay-signature"] != format!("sha256={right}") {
        return StatusCode::UNAUTHORIZED;
    }
    let row: Value = serde_json::from_slice(body).expect("JSON");
    let key = row["submitted"]["idempotency_key"].as_str().expect("the key that was sent");
    pipeline.charged(key, body, row["credits"].as_u64().expect("what it cost")).await;
    StatusCode::OK
}

fn charged(seed: u64, by_callback: bool) -> Charged {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(two_days(Seed(seed), by_callback))
}

/// The days of these seeds, on every core.
fn of_seeds(seeds: std::ops::Range<u64>, by_callback: bool) -> Vec<(u64, Charged)> {
    let (next, all) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let charged = charged(seed, by_callback);
                    all.lock().unwrap_or_else(PoisonError::into_inner).push((seed, charged));
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn with_callbacks_no_day_is_charged_more_than_its_limit() {
    let all = of_seeds(0..50, true);
    for (seed, charged) in &all {
        assert!(charged.days.iter().all(|day| *day <= LIMIT), "seed {seed}: {charged:?}");
    }
    assert_eq!(all.len(), 50);
    // And much of it is spent, on both days: what is set aside for nothing is the price.
    let spent = |day: usize| all.iter().map(|(_, charged)| charged.days[day]).sum::<u64>() / 50;
    assert!(spent(0) > LIMIT / 5 && spent(1) > LIMIT / 3, "{} and {}", spent(0), spent(1));
    assert!(all.iter().any(|(_, charged)| charged.again > 0), "no lead was sent again");
}

#[test]
fn an_estimate_is_overspent() {
    let all = of_seeds(0..4, false);
    assert!(all.iter().any(|(_, charged)| charged.days.iter().any(|day| *day > LIMIT)), "{all:?}");
}
