//! Which requests and callbacks a fault hits, and how hard.

use std::borrow::Cow;
use std::sync::Arc;

use super::*;
use crate::fault::active::{ActiveFault, ActiveFaults, CallbackFaults};
use crate::simulated::RouteName;

/// A vendor whose requests are of whoever their path names, and carry the key that their body is.
struct Plain;

impl Vendor for Plain {
    fn route(&self, _method: &Method, _path: &str) -> Option<&'static str> {
        None
    }
    fn subject<'a>(&self, request: &Request<'a>) -> Option<Cow<'a, str>> {
        request.path.strip_prefix("/of/").map(Cow::Borrowed)
    }
    fn carries(&self, request: &Request<'_>, secret: &str) -> bool {
        request.body == secret.as_bytes()
    }
    fn answer(&self, _request: &Request<'_>, _now: Instant) -> Answer {
        Answer::json(http::StatusCode::OK, "{}")
    }
    fn error(&self, status: http::StatusCode, message: &str) -> Answer {
        Answer::text(status, message.to_owned())
    }
}

const PLAIN: Plain = Plain;

fn error() -> Fault {
    Fault::new("test", FaultKind::Error { status: 500, body: None })
}

fn begun(fault: &Fault) -> ActiveFault {
    ActiveFault::begin(fault, 0, Seed(1), SimulatedVendor::Clay, Instant::now())
}

fn verdict(fault: &ActiveFault, route: &str, path: &str, body: &str) -> Verdict {
    let headers = HeaderMap::new();
    let request = Request { method: &Method::POST, path, query: None, headers: &headers, body: body.as_bytes() };
    fault.judge(&PLAIN, route, &request, Moment { now: Instant::now(), date: date() })
}

fn is_hit(fault: &ActiveFault, route: &str, path: &str, body: &str) -> bool {
    !matches!(verdict(fault, route, path, body), Verdict::Pass)
}

#[test]
fn a_fault_hits_the_requests_of_its_routes_and_customers() {
    let fault = begun(&error().on_routes(["r"]).on_customers(["ada", "bob"]));
    for (route, path, expected) in
        [("r", "/of/ada", true), ("r", "/of/bob", true), ("r", "/of/eve", false), ("r", "/", false), ("s", "/of/ada", false)]
    {
        assert_eq!(is_hit(&fault, route, path, ""), expected, "{route} {path}");
    }
}

#[test]
fn an_address_means_the_same_customer_in_any_case() {
    let fault = begun(&error().on_customers(["Ada@x.test", "bob"]));
    for (path, expected) in
        [("/of/ada@x.test", true), ("/of/ADA@X.TEST", true), ("/of/bob", true), ("/of/Bob", false), ("/of/eve@x.test", false)]
    {
        assert_eq!(is_hit(&fault, "r", path, ""), expected, "{path}");
    }
}

#[test]
fn every_third_is_the_third_and_the_sixth_in_scope() {
    let fault = begun(&error().every(3).on_routes(["r"]));
    let hit: Vec<u32> = (1..=9)
        .filter(|_| {
            // What is out of scope is not counted.
            assert!(!is_hit(&fault, "s", "/", ""));
            is_hit(&fault, "r", "/", "")
        })
        .collect();
    assert_eq!(hit, [3, 6, 9]);
    let all = begun(&error().every(1));
    assert!((0..5).all(|_| is_hit(&all, "r", "/", "")));
}

#[test]
fn every_nth_is_exact_under_concurrency() {
    let fault = Arc::new(begun(&error().every(7)));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let fault = fault.clone();
            std::thread::spawn(move || (0..700).filter(|_| is_hit(&fault, "r", "/", "")).count())
        })
        .collect();
    let hits: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(hits, 8 * 700 / 7);
}

/// Bodies that are hit when eight threads send their part of 4,000, each from its own end.
fn hit_concurrently(seed: u64) -> HashSet<u32> {
    let fault = Arc::new(ActiveFault::begin(&error().with_share(0.3), 0, Seed(seed), SimulatedVendor::Clay, Instant::now()));
    let threads: Vec<_> = (0..8)
        .map(|part| {
            let fault = fault.clone();
            std::thread::spawn(move || {
                let bodies: Box<dyn Iterator<Item = u32>> =
                    if part % 2 == 0 { Box::new(0..500) } else { Box::new((0..500).rev()) };
                bodies
                    .map(|number| part * 500 + number)
                    .filter(|number| is_hit(&fault, "r", "/", &number.to_string()))
                    .collect::<Vec<u32>>()
            })
        })
        .collect();
    threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn the_same_seed_hits_the_same_requests_under_concurrency() {
    let alone = {
        let fault = begun(&error().with_share(0.3));
        (0..4_000).filter(|number| is_hit(&fault, "r", "/", &number.to_string())).collect::<HashSet<u32>>()
    };
    assert_eq!(hit_concurrently(1), alone);
    assert_eq!(hit_concurrently(1), alone);
    assert_ne!(hit_concurrently(2), alone);
}

#[test]
fn of_equal_requests_the_same_number_is_hit_under_concurrency() {
    let count = |threads: usize| {
        let fault = Arc::new(begun(&error().with_share(0.3)));
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                let fault = fault.clone();
                std::thread::spawn(move || (0..8_000 / threads).filter(|_| is_hit(&fault, "r", "/", "{}")).count())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    };
    assert_eq!(count(1), count(8));
}

#[tokio::test(start_paused = true)]
async fn a_ramp_lets_the_share_grow_and_shrink() {
    let second = Duration::from_secs(1);
    let fault = begun(&error().lasting(30 * second).ramping(10 * second, 10 * second));
    let mut number = 0;
    let mut shares = Vec::new();
    for _ in 0..7 {
        let hits = (0..2_000)
            .filter(|_| {
                number += 1;
                is_hit(&fault, "r", "/", &number.to_string())
            })
            .count();
        shares.push(hits as f64 / 2_000.0);
        tokio::time::advance(5 * second).await;
    }
    for (share, expected) in shares.iter().zip([0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0]) {
        // Five standard deviations of a half.
        assert!((share - expected).abs() <= 0.056, "{shares:?}");
    }
    assert_eq!((shares[0], shares[3], shares[6]), (0.0, 1.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn latency_and_bandwidth_grow_in_size_and_hit_everything() {
    let second = Duration::from_secs(1);
    let model = LatencyModel::Fixed { delay: second };
    let slow = Fault::new("slow", FaultKind::Latency { model, jitter: Duration::ZERO }).ramping(10 * second, Duration::ZERO);
    let narrow = Fault::new("narrow", FaultKind::Bandwidth { bytes_per_second: 10 }).ramping(10 * second, Duration::ZERO);
    let (slow, narrow) = (begun(&slow), begun(&narrow));
    let waited = || {
        let mut script = crate::wire::Script::answer("0123456789".into());
        assert!(matches!(verdict(&narrow, "r", "/", ""), Verdict::Wire { asks_vendor: true }));
        narrow.alter(&mut script, Instant::now());
        let pauses = script.steps.iter().filter_map(|step| match step {
            crate::wire::Step::Wait(pause) => Some(*pause),
            _ => None,
        });
        pauses.sum::<Duration>()
    };
    assert!(matches!(verdict(&slow, "r", "/", ""), Verdict::Pass), "it has not grown yet");
    assert_eq!(waited(), Duration::ZERO);
    for (at, delay) in [(5, 500), (10, 1_000), (15, 1_000)] {
        tokio::time::advance(5 * second).await;
        for _ in 0..20 {
            let verdict = verdict(&slow, "r", "/", "");
            assert!(matches!(verdict, Verdict::Delay(given) if given == Duration::from_millis(delay)), "{at}: {verdict:?}");
        }
        assert_eq!(waited(), Duration::from_millis(delay), "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn exactly_burst_and_rate_get_through_a_limit_whatever_comes() {
    let limit = begun(&fault(FaultKind::RateLimit { rate: 7.0, burst: 4, retry_after: RetryAfterStyle::Seconds }));
    let (began, mut passed) = (Instant::now(), 0);
    // Bursts, pauses shorter than the bucket takes to fill, and single requests, for a minute.
    for round in 0_u64..600 {
        for _ in 0..1 + round % 5 {
            passed += u32::from(!is_hit(&limit, "r", "/", ""));
        }
        tokio::time::advance(Duration::from_millis(20 + 40 * (round % 4))).await;
        let allowed = 4.0 + 7.0 * began.elapsed().as_secs_f64();
        assert!(f64::from(passed) <= allowed, "{passed} of {allowed}");
    }
    let allowed = 4.0 + 7.0 * began.elapsed().as_secs_f64();
    assert!(f64::from(passed) >= allowed - 1.0, "{passed} of {allowed}");
}

proptest::proptest! {
    /// Whatever the arrivals, no window lets more than burst + rate × time through a limit, and who waits as long as
    /// Retry-After says gets through.
    #[test]
    fn a_limit_holds_for_any_arrivals(
        rate in 0.5_f64..500.0,
        burst in 1_u32..30,
        gaps in proptest::collection::vec(0_u64..50_000, 1..300),
    ) {
        let began = Instant::now();
        let limit = fault(FaultKind::RateLimit { rate, burst, retry_after: RetryAfterStyle::Seconds });
        let passes = |limit: &dyn crate::fault::effect::Effect, at: Duration| {
            match limit.judge(&PLAIN, &request(), Moment { now: began + at, date: date() }) {
                Verdict::Pass => None,
                refused => Some(answer(refused).headers[RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap()),
            }
        };
        let effect = limit.effect(Seed(1), SimulatedVendor::Clay, began);
        let (mut at, mut passed, mut refused) = (Duration::ZERO, Vec::new(), None);
        for gap in gaps {
            at += Duration::from_micros(gap);
            match passes(effect.as_ref(), at) {
                None => passed.push(at),
                Some(seconds) => refused = Some(at + Duration::from_secs(seconds)),
            }
        }
        for (first, from) in passed.iter().enumerate() {
            for (last, to) in passed.iter().enumerate().skip(first) {
                let allowed = f64::from(burst) + rate * (*to - *from).as_secs_f64();
                proptest::prop_assert!((last - first + 1) as f64 <= allowed + 1e-3);
            }
        }
        if let Some(back) = refused.filter(|back| *back >= at) {
            proptest::prop_assert_eq!(passes(effect.as_ref(), back), None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_obeys_retry_after_gets_through() {
    for rate in [0.3, 1.0, 2.7, 40.0] {
        let limit = begun(&fault(FaultKind::RateLimit { rate, burst: 1, retry_after: RetryAfterStyle::Seconds }));
        assert!(!is_hit(&limit, "r", "/", ""));
        for _ in 0..50 {
            let refused = answer(verdict(&limit, "r", "/", ""));
            let seconds: u64 = refused.headers[RETRY_AFTER].to_str().unwrap().parse().unwrap();
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert!(!is_hit(&limit, "r", "/", ""), "too early at {rate}/s");
        }
    }
}

#[test]
fn a_rotated_key_lets_the_new_one_pass() {
    let new_key = Some(crate::secret::Secret("new".to_owned()));
    let rotated = begun(&fault(FaultKind::Auth { status: 401, new_key }));
    assert!(!is_hit(&rotated, "r", "/", "new"));
    let refused = answer(verdict(&rotated, "r", "/", "old"));
    assert_eq!((refused.status.as_u16(), &refused.body[..]), (401, &b"Unauthorized"[..]));
    let everyone = begun(&fault(FaultKind::Auth { status: 403, new_key: None }));
    assert_eq!(answer(verdict(&everyone, "r", "/", "new")).status, 403);
}

#[test]
fn the_vendor_accepts_the_new_keys_of_all_faults_in_force() {
    let rotated = |key: &str| fault(FaultKind::Auth { status: 401, new_key: Some(crate::secret::Secret(key.to_owned())) });
    let active = ActiveFaults::default().with(begun(&rotated("a"))).with(begun(&error())).with(begun(&rotated("b")));
    assert_eq!(active.new_keys(), ["a", "b"]);
}

#[test]
fn used_up_credits_are_clays() {
    let refused = answer(judge(FaultKind::Credits, &clay()));
    assert_eq!((refused.status.as_u16(), &refused.body[..]), (402, &br#"{"message":"credits exhausted"}"#[..]));
    let credits = Fault::new("f", FaultKind::Credits);
    assert!(credits.concerns(SimulatedVendor::Clay) && !credits.concerns(SimulatedVendor::CustomerIo));
}

#[test]
fn what_is_hit_is_counted_by_all_vendors_together() {
    let hits = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (clay, customer_io) = (begun(&error().every(2)).counting(hits.clone()), begun(&error()).counting(hits.clone()));
    for _ in 0..10 {
        is_hit(&clay, "r", "/", "");
        is_hit(&customer_io, "r", "/", "");
    }
    assert_eq!(hits.load(std::sync::atomic::Ordering::Relaxed), 15);
}

fn callbacks(faults: &[Fault]) -> ActiveFaults {
    faults.iter().enumerate().fold(ActiveFaults::default(), |active, (index, fault)| {
        active.with(ActiveFault::begin(fault, index, Seed(1), SimulatedVendor::Clay, Instant::now()))
    })
}

fn webhook(how: WebhookFault) -> Fault {
    Fault::new("w", FaultKind::Webhook { how })
}

#[test]
fn each_webhook_fault_acts_on_callbacks() {
    let by = Duration::from_secs(30);
    for how in
        [WebhookFault::Late { by }, WebhookFault::Twice, WebhookFault::OutOfOrder, WebhookFault::Lost, WebhookFault::BadlySigned]
    {
        let hit = callbacks(&[webhook(how)]).judge_callback(b"row", Instant::now());
        assert_eq!(hit, CallbackFaults(vec![("w".into(), how)]));
        assert_eq!((hit.has(how), hit.delay()), (true, if how == (WebhookFault::Late { by }) { by } else { Duration::ZERO }));
    }
    assert_eq!(
        callbacks(&[error()]).judge_callback(b"row", Instant::now()),
        CallbackFaults::default(),
        "other faults are for requests"
    );
    assert!(!is_hit(&begun(&webhook(WebhookFault::Lost)), "r", "/", ""), "and this one is for callbacks");
}

#[test]
fn webhook_faults_add_up() {
    let late = |seconds| webhook(WebhookFault::Late { by: Duration::from_secs(seconds) });
    let callback = callbacks(&[late(30), webhook(WebhookFault::Twice), late(12)]).judge_callback(b"row", Instant::now());
    let (twice, lost) = (callback.has(WebhookFault::Twice), callback.has(WebhookFault::Lost));
    assert_eq!((callback.delay(), twice, lost, callback.0.len()), (Duration::from_secs(42), true, false, 3));
}

#[test]
fn a_share_and_every_nth_choose_among_callbacks() {
    let lost = |active: &ActiveFaults| {
        (0..2_000_u32)
            .filter(|row| active.judge_callback(&row.to_le_bytes(), Instant::now()).has(WebhookFault::Lost))
            .collect::<Vec<_>>()
    };
    let share = webhook(WebhookFault::Lost).with_share(0.2);
    let first = lost(&callbacks(std::slice::from_ref(&share)));
    // Five standard deviations: 89.
    assert!(first.len().abs_diff(400) < 89, "{}", first.len());
    assert_eq!(first, lost(&callbacks(&[share])));
    let third = lost(&callbacks(&[webhook(WebhookFault::Lost).every(3)]));
    assert_eq!(third[..3], [2, 5, 8]);
}

#[test]
fn jitter_varies_a_delay_either_way_and_uniformly() {
    let (delay, jitter) = (Duration::from_millis(100), Duration::from_millis(20));
    let slow = begun(&fault(FaultKind::Latency { model: LatencyModel::Fixed { delay }, jitter }));
    let mut delays: Vec<f64> = (0..20_000)
        .map(|_| match verdict(&slow, "r", "/", "") {
            Verdict::Delay(delay) => delay.as_secs_f64() * 1e3,
            other => panic!("{other:?} is no delay"),
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    let at = |part: f64| delays[(part * 20_000.0) as usize];
    assert!(delays[0] >= 80.0 && delays[19_999] <= 120.0, "{} {}", delays[0], delays[19_999]);
    for (part, expected) in [(0.1, 84.0), (0.5, 100.0), (0.9, 116.0)] {
        assert!((at(part) - expected).abs() < 0.6, "{part}: {}", at(part));
    }
}

#[test]
fn a_latency_fault_has_the_percentiles_that_it_is_given() {
    let model = LatencyModel::Lognormal { p50: Duration::from_millis(300), p99: Duration::from_secs(2) };
    let slow = begun(&fault(FaultKind::Latency { model, jitter: Duration::ZERO }));
    let mut delays: Vec<Duration> = (0..100_000)
        .map(|_| match verdict(&slow, "r", "/", "") {
            Verdict::Delay(delay) => delay,
            other => panic!("{other:?} is no delay"),
        })
        .collect();
    delays.sort_unstable();
    let (p50, p99) = (delays[50_000].as_secs_f64(), delays[99_000].as_secs_f64());
    assert!((p50 / 0.3 - 1.0).abs() < 0.01 && (p99 / 2.0 - 1.0).abs() < 0.03, "p50 {p50}, p99 {p99}");
}

#[test]
fn every_route_of_the_vendors_can_be_named() {
    for RouteName { name, vendor } in crate::simulated::routes() {
        assert_eq!(error().on_vendor(vendor).on_routes([name]).validate(), Ok(()));
    }
}
