//! Credentials, regions, rate limits and whose request it is.

use serde_json::json;

use super::*;
use crate::clock::DayClock;
use crate::limit::RateLimit;
use crate::settings::Region;

/// One request to each API, with its right credentials.
const REQUESTS: [(&str, &str); 4] = [
    ("PUT /api/v1/customers/ada", "{}"),
    ("POST /api/v2/entity", r#"{"type":"person","action":"identify","identifiers":{"id":"ada"}}"#),
    ("POST /v1/send/push", r#"{"identifiers":{"id":"ada"},"transactional_message_id":1}"#),
    ("POST /v1/identify", r#"{"userId":"ada"}"#),
];

/// A request with this authorisation, strict so that Pipelines reports errors.
fn with(vendor: &CustomerIo, (line, body): (&str, &str), authorization: &str, host: &str) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let strict = HeaderName::from_static("x-strict-mode");
    let headers = [(AUTHORIZATION, authorization), (HOST, host), (strict, "1")];
    send_with(vendor, &headers, method.parse().unwrap(), path, body.as_bytes())
}

fn path(line: &str) -> &str {
    line.split_once(' ').unwrap().1
}

#[test]
fn each_api_has_its_own_credentials() {
    let vendor = vendor(|_| {});
    let keys = REQUESTS.map(|(line, _)| authorization(path(line)));
    for (right, request) in REQUESTS.into_iter().enumerate() {
        for (given, key) in keys.iter().enumerate() {
            let status = with(&vendor, request, key, "localhost").status.as_u16();
            // Both versions of the Track API have the same.
            let may = given == right || given + right == 1;
            assert_eq!(status, if may { 200 } else { 401 }, "{} with {key}", request.0);
        }
    }
    let unauthorized = ask_as("POST /v1/send/push", "Bearer wrong");
    assert_eq!(body_of(&unauthorized), json!({"errors": [{"detail": "unauthorized", "status": "401"}]}));
    assert!(body_of(&ask_as("POST /api/v2/entity", "Basic wrong"))["errors"][0]["message"].is_string());
    assert!(!error(&ask_as("POST /api/v1/events", "Basic wrong")).is_empty());
}

fn ask_as(line: &str, authorization: &str) -> Answer {
    let answer = with(&vendor(|_| {}), (line, "{}"), authorization, "localhost");
    assert_eq!(answer.status, 401);
    answer
}

#[test]
fn keys_can_be_rotated() {
    let vendor = vendor(|_| {});
    let fresh = [basic("simulated-site:fresh"), basic("simulated-site:fresh"), "Bearer fresh".to_owned(), basic("fresh:")];
    let statuses = || -> Vec<u16> {
        let requests = REQUESTS.iter().zip(&fresh);
        requests.map(|(request, key)| with(&vendor, *request, key, "localhost").status.as_u16()).collect()
    };
    assert_eq!(statuses(), [401; 4]);
    vendor.accept_also(vec!["fresh".to_owned()]);
    assert_eq!(statuses(), [200; 4]);
    vendor.accept_also(Vec::new());
    assert_eq!(statuses(), [401; 4]);
    for ((line, body), key) in REQUESTS.iter().zip(&fresh) {
        let (method, path) = line.split_once(' ').unwrap();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(key).unwrap())]);
        let method: Method = method.parse().unwrap();
        let request = Request { method: &method, path, query: None, headers: &headers, body: body.as_bytes() };
        assert!(vendor.carries(&request, "fresh") && !vendor.carries(&request, "simulated-site"), "{line}");
    }
}

#[test]
fn either_host_returns_the_region() {
    for (region, url, name) in
        [(Region::Us, "https://track.customer.io", "us"), (Region::Eu, "https://track-eu.customer.io", "eu")]
    {
        let vendor = vendor(|settings| (settings.region, settings.environment_id) = (region, 42));
        let line = "GET /api/v1/accounts/region";
        for host in ["track.customer.io", "track-eu.customer.io:443", "127.0.0.1:8082"] {
            let answer = with(&vendor, (line, ""), &authorization(path(line)), host);
            assert_eq!(body_of(&answer), json!({"url": url, "region": name, "environment_id": 42}), "{host}");
        }
    }
}

#[test]
fn the_other_regions_host_refuses() {
    for (region, host, statuses) in [
        (Region::Us, "", [200, 200, 200, 200]),
        (Region::Us, "-eu", [401, 401, 401, 401]),
        // What the United States' Track API takes for an account in the European Union is passed on.
        (Region::Eu, "", [200, 200, 401, 401]),
        (Region::Eu, "-eu", [200, 200, 200, 200]),
    ] {
        let vendor = vendor(|settings| settings.region = region);
        let names = ["track", "track", "api", "cdp"].map(|name| format!("{name}{host}.customer.io"));
        let answers: Vec<u16> = (REQUESTS.iter().zip(&names))
            .map(|(request, host)| with(&vendor, *request, &authorization(path(request.0)), host).status.as_u16())
            .collect();
        assert_eq!(answers, statuses, "{region:?} {host}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_limit_is_its_own() {
    let documented =
        CustomerIoSettings { latency: LatencyModel::Fixed { delay: Duration::ZERO }, ..CustomerIoSettings::documented_limits() };
    let vendor = CustomerIo::new(documented, Seed(1), DayClock::machine());
    // How many pass at once, and what is waited for the next: in whole seconds, so never less than one.
    for (line, body, burst, wait) in [
        (REQUESTS[0].0, REQUESTS[0].1, 1_000, "1"),
        (REQUESTS[2].0, REQUESTS[2].1, 100, "1"),
        ("POST /v1/campaigns/3/triggers", "{}", 1, "10"),
        ("GET /v1/customers?email=a@b", "", 10, "1"),
        (REQUESTS[3].0, REQUESTS[3].1, 3_000, "1"),
    ] {
        let passed = (0..burst).filter(|_| ask(&vendor, line, body).status == 200).count();
        assert_eq!(passed, burst, "{line}");
        let answer = ask(&vendor, line, body);
        assert_eq!((answer.status.as_u16(), answer.headers[RETRY_AFTER].to_str().unwrap()), (429, wait), "{line}");
        assert_eq!(answer.effects, []);
    }
    // Both versions of the Track API share theirs.
    assert_eq!(ask(&vendor, REQUESTS[1].0, REQUESTS[1].1).status, 429);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ask(&vendor, REQUESTS[1].0, REQUESTS[1].1).status, 200);
}

#[test]
fn the_app_api_says_what_its_limit_is() {
    let vendor = vendor(|settings| settings.app_rate_limit = Some(RateLimit { rate: 10.0, burst: 1 }));
    ask(&vendor, "GET /v1/customers?email=a@b", "");
    let error = body_of(&ask(&vendor, "GET /v1/customers?email=a@b", ""))["errors"][0].clone();
    assert_eq!(error["status"], "429");
    let detail = error["detail"].as_str().unwrap();
    assert!(detail.starts_with("rate limited to 10 requests per 1s (reference "), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_daily_quota_does_not_say_when_to_come_back() {
    let vendor = vendor(|settings| settings.app_daily_quota = Some(2));
    let send = || ask(&vendor, REQUESTS[2].0, REQUESTS[2].1);
    assert_eq!([send().status, send().status], [200, 200]);
    let answer = send();
    assert_eq!((answer.status.as_u16(), answer.headers.get(RETRY_AFTER)), (429, None));
    assert_eq!(body_of(&answer)["errors"][0]["status"], "429");
    assert_eq!(ask(&vendor, REQUESTS[0].0, REQUESTS[0].1).status, 200);
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(send().status, 200);
}

#[test]
fn a_request_has_a_subject() {
    for (line, body, subject) in [
        ("PUT /api/v1/customers/ada%40example.com", "{}", Some("ada@example.com")),
        ("POST /api/v1/customers/ada/events", "{", Some("ada")),
        ("POST /api/v1/events", r#"{"anonymous_id":"cookie","name":"a"}"#, Some("cookie")),
        ("POST /api/v1/merge_customers", r#"{"primary":{"email":"a@b"},"secondary":{"id":"bob"}}"#, Some("a@b")),
        ("POST /api/v1/forms/f/submit", r#"{"data":{"email":"a@b"}}"#, Some("a@b")),
        ("POST /api/v2/entity", r#"{"identifiers":{"id":7}}"#, Some("7")),
        ("POST /v1/send/email", r#"{"to":"a@b","identifiers":{"id":"ada"}}"#, Some("ada")),
        ("POST /v1/track", r#"{"userId":"ada","event":"a"}"#, Some("ada")),
        ("POST /v1/track", r#"{"anonymousId":"cookie","event":"a"}"#, Some("cookie")),
        ("POST /api/v2/batch", r#"{"batch":[]}"#, None),
        ("POST /elsewhere", "{}", None),
    ] {
        let (method, path) = line.split_once(' ').unwrap();
        let (method, headers): (Method, _) = (method.parse().unwrap(), HeaderMap::new());
        let request = Request { method: &method, path, query: None, headers: &headers, body: body.as_bytes() };
        assert_eq!(vendor(|_| {}).subject(&request).as_deref(), subject, "{line}");
    }
}

#[test]
fn every_section_can_be_read() {
    let vendor = vendor(|settings| settings.rate_limit = Some(RateLimit { rate: 10.0, burst: 20 }));
    for name in vendor.sections() {
        let section = json!(vendor.section(name).unwrap());
        assert!(section.is_array() || matches!(name, "limits" | "store"), "{name}");
    }
    assert_eq!(json!(vendor.section("limits").unwrap())["track"], json!({"rate": 10.0, "burst": 20}));
    assert_eq!(vendor.section("rows"), None);
}
