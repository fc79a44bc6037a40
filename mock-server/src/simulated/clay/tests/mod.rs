//! Every rule of the simulated Clay.

mod api;
mod rows;

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use proptest::prelude::*;

use super::*;
use crate::clock::DayClock;
use crate::latency::LatencyModel;
use crate::limit::RateLimit;

const WEBHOOK_PATH: &str = "/v3/sources/webhook/7f2c1d9e-3b5a-4c8d-9e6f-0a1b2c3d4e5f";
const ROW: &[u8] = br#"{"email":"ada@example.com"}"#;

fn settings() -> ClaySettings {
    ClaySettings { latency: LatencyModel::Fixed { delay: Duration::from_millis(7) }, ..ClaySettings::default() }
}

fn clay(change: impl FnOnce(&mut ClaySettings)) -> Clay {
    let mut settings = settings();
    change(&mut settings);
    Clay::new(settings, Seed(1), DayClock::machine())
}

fn ask(
    clay: &Clay,
    method: Method,
    path: &str,
    query: Option<&str>,
    header: Option<(&'static str, &str)>,
    body: &[u8],
) -> Answer {
    let headers: HeaderMap =
        header.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
    clay.answer(&Request { method: &method, path, query, headers: &headers, body }, Instant::now())
}

fn send(clay: &Clay, method: Method, path: &str, header: Option<(&'static str, &str)>, body: &[u8]) -> Answer {
    ask(clay, method, path, None, header, body)
}

fn submit(clay: &Clay, body: &[u8]) -> u16 {
    send(clay, Method::POST, WEBHOOK_PATH, None, body).status.as_u16()
}

/// Submissions that the first source has used up.
fn submissions(clay: &Clay) -> u64 {
    json!(clay.section("sources").unwrap())[0]["submissions"].as_u64().unwrap()
}

/// Errors are JSON objects with a message, whatever their status.
fn message(answer: &Answer) -> String {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    body["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_row_is_accepted_with_and_without_the_prefix() {
    let clay = clay(|_| {});
    let answer = send(&clay, Method::POST, WEBHOOK_PATH, None, ROW);
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &br#"{"success":true}"#[..]));
    assert_eq!(answer.delay, Duration::from_millis(7));
    let prefixed = WEBHOOK_PATH.replace("webhook/", "webhook/pull-in-data-from-a-webhook-");
    assert_eq!(send(&clay, Method::POST, &prefixed, None, ROW).status, 200);
}

#[test]
fn a_wrong_id_is_404_and_a_wrong_method_405() {
    let clay = clay(|_| {});
    for path in ["/v3/sources/webhook/00000000-0000-0000-0000-000000000000", "/v3/sources/webhook/", "/v3/else", "/"] {
        let answer = send(&clay, Method::POST, path, None, ROW);
        assert_eq!(answer.status, 404, "{path}");
        assert!(!message(&answer).is_empty());
    }
    for path in [WEBHOOK_PATH, "/v1/resource"] {
        let answer = send(&clay, Method::GET, path, None, b"");
        assert_eq!((answer.status.as_u16(), answer.headers[http::header::ALLOW].to_str().unwrap()), (405, "POST"));
    }
}

#[test]
fn a_body_that_is_not_a_json_object_is_422() {
    let clay = clay(|_| {});
    for body in [&b""[..], b"[1]", b"{", b"name=ada", b"{\"a\":\"\xff\"}"] {
        assert_eq!(submit(&clay, body), 422, "{body:?}");
    }
}

#[test]
fn the_token_is_asked_for_where_there_is_one() {
    let clay = clay(|settings| settings.webhook_token = Some("secret".to_owned()));
    assert_eq!(submit(&clay, ROW), 401);
    let with = |token| send(&clay, Method::POST, WEBHOOK_PATH, Some((auth::TOKEN_HEADER, token)), ROW).status.as_u16();
    assert_eq!(with("wrong"), 401);
    assert_eq!(with("secret"), 200);
}

#[test]
fn a_payload_over_100_kb_is_413() {
    let clay = clay(|_| {});
    let body = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
    assert_eq!(submit(&clay, body(LARGEST_PAYLOAD).as_bytes()), 200);
    assert_eq!(submit(&clay, body(LARGEST_PAYLOAD + 1).as_bytes()), 413);
}

#[test]
fn a_source_lives_for_its_submissions_and_refused_rows_use_none() {
    let clay = clay(|settings| settings.webhook_submissions = 2);
    assert_eq!([submit(&clay, b"{"), submit(&clay, ROW), submit(&clay, ROW), submit(&clay, ROW)], [422, 200, 200, 403]);
    assert_eq!(settings().webhook_submissions, 50_000);
}

#[tokio::test(start_paused = true)]
async fn the_vendors_own_rate_limit_says_when_to_come_back() {
    let clay = clay(|settings| settings.rate_limit = Some(RateLimit { rate: 0.4, burst: 2 }));
    assert_eq!([submit(&clay, ROW), submit(&clay, ROW)], [200, 200]);
    let answer = send(&clay, Method::POST, WEBHOOK_PATH, None, ROW);
    // A token takes 2.5 s; rounded up.
    assert_eq!((answer.status.as_u16(), answer.headers[RETRY_AFTER].to_str().unwrap()), (429, "3"));
    tokio::time::advance(Duration::from_millis(2_499)).await;
    assert_eq!(submit(&clay, ROW), 429);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(submit(&clay, ROW), 200);
}

#[test]
fn the_resource_asks_for_the_bearer_token() {
    let clay = clay(|_| {});
    let with = |value| send(&clay, Method::POST, "/v1/resource", value, br#"{"test":true}"#);
    for wrong in [None, Some("Bearer wrong"), Some("simulated-clay-key"), Some("Basic simulated-clay-key"), Some("Bearer")] {
        let answer = with(wrong.map(|value| ("authorization", value)));
        assert_eq!(answer.status, 401, "{wrong:?}");
        assert!(message(&answer).contains("API key"));
    }
    let answer = with(Some(("authorization", "bearer simulated-clay-key")));
    assert_eq!(answer.status, 200);
    assert!(json_object(&answer.body));
    let bad = send(&clay, Method::POST, "/v1/resource", Some(("authorization", "Bearer simulated-clay-key")), b"x");
    assert_eq!(bad.status, 422);
}

fn json_object(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body).is_ok()
}

#[test]
fn who_asks_and_with_which_secret_is_known_by_the_route() {
    let clay = clay(|settings| settings.webhook_token = Some("old".to_owned()));
    fn request<'a>(path: &'a str, headers: &'a HeaderMap, body: &'a [u8]) -> Request<'a> {
        Request { method: &Method::POST, path, query: None, headers, body }
    }
    let headers =
        |name: &'static str, value: &str| HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())]);
    let none = HeaderMap::new();
    let subject = |path, body| clay.subject(&request(path, &none, body)).map(Cow::into_owned);
    assert_eq!(subject(WEBHOOK_PATH, ROW).as_deref(), Some("ada@example.com"));
    let run = br#"{"items":[{"id":"1","inputs":{"Company Domain":"acme.test"}},{"id":"2","inputs":{}}]}"#;
    assert_eq!(subject("/public/v0/routines/a/run", run).as_deref(), Some("acme.test"));
    assert_eq!((subject(WEBHOOK_PATH, b"{"), subject("/elsewhere", ROW)), (None, None));

    let (token, key, bearer) =
        (headers(auth::TOKEN_HEADER, "s"), headers("clay-api-key", "s"), headers("authorization", "Bearer s"));
    let carries = |path, headers| clay.carries(&request(path, headers, b""), "s");
    assert_eq!([&token, &key, &bearer].map(|headers| carries(WEBHOOK_PATH, headers)), [true, false, false]);
    assert_eq!([&token, &key, &bearer].map(|headers| carries("/v1/resource", headers)), [false, false, true]);
    assert_eq!([&token, &key, &bearer].map(|headers| carries("/public/v0/me", headers)), [false, true, true]);

    let with = |token| send(&clay, Method::POST, WEBHOOK_PATH, Some((auth::TOKEN_HEADER, token)), ROW).status.as_u16();
    clay.accept_also(vec!["new".to_owned()]);
    assert_eq!((with("new"), with("old"), with("other")), (200, 200, 401));
    assert_eq!(send(&clay, Method::GET, "/public/v0/me", Some(("clay-api-key", "new")), b"").status, 200);
    clay.accept_also(Vec::new());
    assert_eq!(with("new"), 401);
}

#[test]
fn routes_have_names() {
    let clay = clay(|_| {});
    assert_eq!(clay.route(&Method::POST, WEBHOOK_PATH), Some(WEBHOOK));
    assert_eq!(clay.route(&Method::POST, "/v1/resource"), Some(RESOURCE));
    assert_eq!(clay.route(&Method::GET, "/public/v0/me"), Some(ME));
    assert_eq!(clay.route(&Method::POST, "/public/v0/routines/a/run"), Some(RUN));
    assert_eq!(clay.route(&Method::GET, "/public/v0/routines/run/a/results"), Some(RESULTS));
    assert_eq!(clay.route(&Method::GET, "/v1/resource"), None);
    assert_eq!(clay.route(&Method::POST, "/v1/resource/x"), None);
}

proptest! {
    /// Whatever arrives is answered, and an error is always JSON with a message.
    #[test]
    fn anything_is_answered(path in "/[ -~]{0,60}", body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let answer = send(&clay(|_| {}), Method::POST, &path, None, &body);
        if !answer.status.is_success() {
            prop_assert!(!message(&answer).is_empty());
        }
    }
}
