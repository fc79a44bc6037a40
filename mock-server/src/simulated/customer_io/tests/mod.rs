//! Every rule of the simulated Customer.io.

mod access;
mod app;
mod people;
mod pipelines;
mod track_v2;

use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::clock::DayClock;
use crate::latency::LatencyModel;
use crate::limit::RateLimit;

fn vendor(change: impl FnOnce(&mut CustomerIoSettings)) -> CustomerIo {
    let latency = LatencyModel::Fixed { delay: Duration::from_millis(3) };
    let mut settings = CustomerIoSettings { latency, ..CustomerIoSettings::default() };
    change(&mut settings);
    CustomerIo::new(settings, Seed(1), DayClock::machine())
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

fn send_with(vendor: &CustomerIo, headers: &[(HeaderName, &str)], method: Method, target: &str, body: &[u8]) -> Answer {
    let headers: HeaderMap = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    vendor.answer(&Request { method: &method, path, query, headers: &headers, body }, Instant::now())
}

fn send_as(vendor: &CustomerIo, authorization: Option<&str>, method: Method, path: &str, body: &[u8]) -> Answer {
    let headers: Vec<_> = authorization.map(|value| (AUTHORIZATION, value)).into_iter().collect();
    send_with(vendor, &headers, method, path, body)
}

/// A part of the state that is a list.
fn list(vendor: &CustomerIo, section: &str) -> Vec<Value> {
    json!(vendor.section(section).unwrap()).as_array().unwrap().clone()
}

/// What the default settings ask of each API.
fn authorization(path: &str) -> String {
    match route(path).map_or(Api::TrackV1, |route| route.api()) {
        Api::App => "Bearer simulated-customer-io-app-key".to_owned(),
        Api::Pipelines => basic("simulated-customer-io-write-key:"),
        _ => basic("simulated-site:simulated-customer-io-key"),
    }
}

/// A request with the right credentials: `PUT /api/v1/customers/ada`.
fn ask(vendor: &CustomerIo, line: &str, body: impl AsRef<[u8]>) -> Answer {
    let (method, target) = line.split_once(' ').unwrap();
    let path = target.split('?').next().unwrap();
    send_as(vendor, Some(&authorization(path)), method.parse().unwrap(), target, body.as_ref())
}

/// A request that must be carried out.
fn done(vendor: &CustomerIo, line: &str, body: Value) -> Answer {
    let answer = ask(vendor, line, body.to_string());
    assert!(answer.status.is_success(), "{line}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    answer
}

fn body_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&answer.body)))
}

/// The effects of an answer, by what was done to whom.
fn effects(answer: &Answer) -> Vec<(&str, &str)> {
    answer.effects.iter().map(|effect| (&*effect.what, effect.subject.as_str())).collect()
}

fn send(method: Method, path: &str, body: &[u8]) -> Answer {
    send_as(&vendor(|_| {}), Some(&basic("simulated-site:simulated-customer-io-key")), method, path, body)
}

fn identify(body: &[u8]) -> Answer {
    send(Method::PUT, "/api/v1/customers/ada", body)
}

fn track(body: &[u8]) -> Answer {
    send(Method::POST, "/api/v1/customers/ada/events", body)
}

/// The one error of an answer in the documented form.
fn error(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["meta"]["errors"][0].as_str().unwrap().to_owned()
}

fn refused(answer: &Answer, part: &str) {
    assert_eq!(answer.status, 400);
    assert!(error(answer).contains(part), "{}", error(answer));
}

#[test]
fn a_success_is_what_production_sends() {
    for answer in [identify(br#"{"email":"ada@example.com"}"#), track(br#"{"name":"signed_up","data":{"plan":"pro"}}"#)] {
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"{}\n"[..]));
        assert_eq!(answer.headers[http::header::CONTENT_TYPE], "application/json; charset=utf-8");
        assert_eq!(answer.delay, Duration::from_millis(3));
    }
}

#[test]
fn credentials_must_be_exactly_right() {
    let vendor = vendor(|_| {});
    let wrong = [
        None,
        Some("Basic".to_owned()),
        Some("Basic !!!".to_owned()),
        Some(basic("simulated-site")),
        Some(basic("simulated-site:wrong")),
        Some(basic("simulated-site:simulated-customer-io-key2")),
        Some(basic("simulated-site2:simulated-customer-io-key")),
        Some(basic("simulated-site:simulated-customer-io-key").replace("Basic", "Bearer")),
    ];
    for authorization in wrong {
        let answer = send_as(&vendor, authorization.as_deref(), Method::PUT, "/api/v1/customers/ada", b"{}");
        assert_eq!(answer.status, 401, "{authorization:?}");
        assert!(!error(&answer).is_empty());
    }
}

#[test]
fn a_body_that_is_not_a_json_object_is_400() {
    for body in [&b""[..], b"[]", b"{", b"\xff"] {
        refused(&identify(body), "JSON object");
        refused(&track(body), "JSON object");
    }
}

#[test]
fn an_event_needs_a_name() {
    for body in [&b"{}"[..], br#"{"name":""}"#, br#"{"name":7}"#, br#"{"name":null}"#] {
        refused(&track(body), "name");
    }
}

#[test]
fn event_data_is_an_object_or_left_out() {
    assert_eq!(track(br#"{"name":"a","data":null}"#).status, 200);
    refused(&track(br#"{"name":"a","data":[1]}"#), "data");
}

#[test]
fn sizes_are_limited_at_the_byte() {
    let id = |size: usize| send(Method::PUT, &format!("/api/v1/customers/{}", "%C3%A9".repeat(size / 2)), b"{}");
    assert_eq!(id(150).status, 200);
    refused(&id(152), "customer id");
    refused(&send(Method::PUT, "/api/v1/customers/%FF", b"{}"), "UTF-8");

    let attribute =
        |name: usize, value: usize| identify(format!("{{\"{}\":\"{}\"}}", "n".repeat(name), "v".repeat(value)).as_bytes());
    assert_eq!(attribute(150, 1_000).status, 200);
    refused(&attribute(151, 1), "name of an attribute");
    refused(&attribute(1, 1_001), "value of `n`");

    let attributes = |count: usize| {
        let map: serde_json::Map<String, Value> = (0..count).map(|number| (format!("a{number}"), Value::from(number))).collect();
        identify(Value::Object(map).to_string().as_bytes())
    };
    assert_eq!(attributes(300).status, 200);
    refused(&attributes(301), "300");

    let event = |name: usize, data: usize| {
        // The data's JSON is {"d":"…"}, 8 bytes around its letters.
        track(format!(r#"{{"name":"{}","data":{{"d":"{}"}}}}"#, "n".repeat(name), "d".repeat(data - 8)).as_bytes())
    };
    assert_eq!(event(100, 100_000).status, 200);
    refused(&event(101, 8), "event's name");
    refused(&event(100, 100_001), "event's data");
}

#[test]
fn unknown_paths_are_404_and_wrong_methods_405() {
    for path in ["/", "/api/v1/customers/", "/api/v1/customers/ada/else", "/api/v1/customers//events", "/api/v2/thing"] {
        let answer = send(Method::PUT, path, b"{}");
        assert_eq!(answer.status, 404, "{path}");
        assert!(!error(&answer).is_empty());
    }
    let allow = |answer: Answer| (answer.status.as_u16(), answer.headers[http::header::ALLOW].to_str().unwrap().to_owned());
    assert_eq!(allow(send(Method::POST, "/api/v1/customers/ada", b"{}")), (405, "PUT, DELETE".to_owned()));
    assert_eq!(allow(send(Method::PUT, "/api/v1/customers/ada/events", b"{}")), (405, "POST".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_vendors_own_rate_limit_says_when_to_come_back() {
    let vendor = vendor(|settings| settings.rate_limit = Some(RateLimit { rate: 1.0, burst: 1 }));
    let again = || {
        let credentials = basic("simulated-site:simulated-customer-io-key");
        send_as(&vendor, Some(&credentials), Method::PUT, "/api/v1/customers/ada", b"{}")
    };
    assert_eq!(again().status, 200);
    let answer = again();
    assert_eq!((answer.status.as_u16(), answer.headers[RETRY_AFTER].to_str().unwrap()), (429, "1"));
    assert!(!error(&answer).is_empty());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(again().status, 200);
}

#[test]
fn routes_have_names() {
    let vendor = vendor(|_| {});
    assert_eq!(vendor.route(&Method::PUT, "/api/v1/customers/a%2Fb"), Some(IDENTIFY));
    assert_eq!(vendor.route(&Method::POST, "/api/v1/customers/ada/events"), Some(TRACK));
    assert_eq!(vendor.route(&Method::POST, "/api/v1/customers/ada"), None);
}

proptest! {
    /// Whatever arrives is answered, and an error always has the documented form.
    #[test]
    fn anything_is_answered(id in "[ -~]{1,40}", body in proptest::collection::vec(any::<u8>(), 0..200), text in "[ -~]{0,80}") {
        for body in [&body[..], text.as_bytes()] {
            let answer = send(Method::POST, &format!("/api/v1/customers/{id}/events"), body);
            if !answer.status.is_success() {
                prop_assert!(!error(&answer).is_empty());
            }
        }
    }

    /// So is whatever is asked of any endpoint, with an object where there is a body, and nothing is changed by a refusal.
    #[test]
    fn any_endpoint_answers_anything(fields in proptest::collection::vec(field(), 0..6), strict in any::<bool>()) {
        let vendor = vendor(|_| {});
        let body = format!("{{{}}}", fields.join(","));
        let headers = |path: &str| vec![(AUTHORIZATION, authorization(path))];
        for (method, path) in PATHS {
            let mut headers = headers(path);
            headers.extend(strict.then(|| (HeaderName::from_static("x-strict-mode"), "1".to_owned())));
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
            let answer = send_with(&vendor, &headers, method.parse().unwrap(), path, body.as_bytes());
            prop_assert!(!answer.status.is_server_error() && answer.status != 401 && answer.status != 405, "{path} {body}");
            prop_assert!(answer.body.is_empty() || body_of(&answer).is_object(), "{path} {body}");
            prop_assert!(answer.status.is_success() || answer.effects.is_empty(), "{path} {body}");
        }
    }
}

const PATHS: [(&str, &str); 16] = [
    ("PUT", "/api/v1/customers/ada"),
    ("POST", "/api/v1/customers/ada/events"),
    ("PUT", "/api/v1/customers/ada/devices"),
    ("POST", "/api/v1/events"),
    ("POST", "/api/v1/merge_customers"),
    ("POST", "/api/v1/segments/7/add_customers"),
    ("POST", "/api/v1/metrics"),
    ("POST", "/api/v1/forms/f/submit"),
    ("POST", "/api/v2/entity"),
    ("POST", "/api/v2/batch"),
    ("POST", "/v1/send/email"),
    ("POST", "/v1/campaigns/3/triggers"),
    ("POST", "/v1/identify"),
    ("POST", "/v1/track"),
    ("POST", "/v1/group"),
    ("POST", "/v1/batch"),
];

/// A field that some endpoint looks at, with a value that some endpoint expects, not always the right one.
fn field() -> impl Strategy<Value = String> {
    let names = [
        "id",
        "email",
        "cio_id",
        "anonymous_id",
        "name",
        "type",
        "action",
        "identifiers",
        "attributes",
        "data",
        "device",
        "ids",
        "primary",
        "secondary",
        "batch",
        "cio_relationships",
        "userId",
        "event",
        "traits",
        "properties",
        "groupId",
        "to",
        "transactional_message_id",
        "message_data",
        "attachments",
        "delivery_id",
        "metric",
        "emails",
        "per_user_data",
    ];
    let values = [
        r#""ada""#,
        r#""ada@example.com""#,
        r#""person""#,
        r#""object""#,
        r#""identify""#,
        r#""event""#,
        r#""opened""#,
        r#""""#,
        "null",
        "true",
        "-1.5e300",
        "[]",
        "{}",
        r#"[{"identifiers":{"id":"eve"}},7,{"type":"person","action":"delete","identifiers":{"id":"ada"}}]"#,
        r#"{"id":"ada"}"#,
        r#"{"token":"t","id":"t","platform":"ios"}"#,
        r#"{"object_type_id":1,"object_id":"acme"}"#,
        r#"{"action":"add_relationships","relationships":[{"identifiers":{"object_type_id":1,"object_id":"acme"}}]}"#,
    ];
    let field = |(name, value): (&str, &str)| format!("\"{name}\":{value}");
    (proptest::sample::select(names.to_vec()), proptest::sample::select(values.to_vec())).prop_map(field)
}
