//! The load-scale document's k6 script for Clay, request for request: what it sends is answered as it checks.
//!
//! `data/clay-load-test.js` is the script as the document gives it. What it sends and what it checks is read from its text, so
//! that the test cannot drift from it; only the host is another, as it would be for who runs it against the simulator.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Client, settings};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use mock_server::clock::DayClock;
use mock_server::seed::Seed;
use mock_server::settings::ClaySettings;
use mock_server::simulated::clay::Clay;
use mock_server::simulated::{self, Vendor};
use mock_server::simulation::SimulatedVendors;
use serde_json::Value;
use tokio::time::Instant;

const SCRIPT: &str = include_str!("data/clay-load-test.js");

/// A request of the script.
#[derive(Debug, PartialEq)]
struct Sent {
    method: Method,
    host: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A check of the script, on what it is about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Check {
    Status(u16),
    LatencyBelow(Duration),
}

/// What stands between `start` and `end`, and what follows.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(start)?.1.split_once(end)
}

/// Every `http.post('url', JSON.stringify({…}), { headers: {…} })`, with the key in place of its variable.
fn requests(key: &str) -> Vec<Sent> {
    let calls =
        SCRIPT.match_indices("http.").filter(|(at, _)| SCRIPT[at + 5..].split('(').next().is_some_and(|name| name.len() < 8));
    let read = |(at, _): (usize, &str)| {
        let call = &SCRIPT[at + 5..];
        let (method, rest) = call.split_once('(').unwrap();
        let (url, rest) = between(rest, "'", "'").unwrap();
        let (host, path) = between(url, "https://", "/").unwrap();
        let (body, rest) = between(rest, "JSON.stringify(", ")").unwrap();
        let (headers, _) = between(rest, "headers: {", "},").unwrap();
        let headers = headers.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
            let (name, value) = line.trim_end_matches(',').split_once(':').unwrap();
            let value = value.replace("${__ENV.CLAY_API_KEY}", key);
            let plain = |text: &str| text.trim().trim_matches(['\'', '`']).to_owned();
            (plain(name), plain(&value))
        });
        Sent {
            method: method.to_uppercase().parse().unwrap(),
            host: host.to_owned(),
            path: format!("/{path}"),
            headers: headers.collect(),
            body: json_of(body),
        }
    };
    calls.map(read).collect()
}

/// A JavaScript object without nesting as JSON: its names get quotes.
fn json_of(object: &str) -> String {
    let fields = object.trim().trim_matches(['{', '}']).split(',').map(|field| {
        let (name, value) = field.split_once(':').unwrap();
        format!("\"{}\":{}", name.trim(), value.trim())
    });
    let json = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    assert!(serde_json::from_str::<Value>(&json).unwrap().is_object(), "{json}");
    json
}

/// Every `'name': (r) => …` of its checks.
fn checks() -> Vec<Check> {
    let (checks, _) = between(SCRIPT, "check(response, {", "});").unwrap();
    let conditions =
        checks.lines().filter_map(|line| line.split_once("=>")).map(|(_, condition)| condition.trim().trim_end_matches(','));
    let read = |condition: &str| match condition.rsplit_once(' ').unwrap() {
        ("r.status ===", status) => Check::Status(status.parse().unwrap()),
        ("r.timings.duration <", ms) => Check::LatencyBelow(Duration::from_millis(ms.parse().unwrap())),
        _ => panic!("a check of another kind: {condition}"),
    };
    conditions.map(read).collect()
}

#[test]
fn the_script_is_read_whole() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = Sent {
        method: Method::POST,
        host: "api.clay.com".to_owned(),
        path: "/v1/resource".to_owned(),
        headers: vec![header("Content-Type", "application/json"), header("Authorization", "Bearer key")],
        body: r#"{"test":true}"#.to_owned(),
    };
    assert_eq!(requests("key"), [expected]);
    assert_eq!(checks(), [Check::Status(200), Check::LatencyBelow(Duration::from_millis(500))]);
}

#[tokio::test]
async fn every_request_is_answered_with_the_status_that_is_checked() {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    let client = Client::new();
    let wanted = checks().into_iter().find_map(|check| if let Check::Status(status) = check { Some(status) } else { None });
    let status = async |key: &str| {
        let sent = requests(key).remove(0);
        let mut request = Request::builder().method(sent.method).uri(format!("{}{}", vendors.clay_url(), sent.path));
        for (name, value) in &sent.headers {
            request = request.header(name, value);
        }
        let answer = client.send(request.body(Full::new(Bytes::from(sent.body))).unwrap()).await.unwrap();
        Some(answer.status.as_u16())
    };
    for _ in 0..50 {
        assert_eq!(status(&ClaySettings::default().api_key).await, wanted);
    }
    assert_eq!(status("another-key").await, Some(401));
    // The threshold on failures: `rate<0.01`.
    let failed: u64 =
        vendors.counts().iter().filter(|count| count.status != 200 && count.status != 401).map(|count| count.count).sum();
    assert_eq!(failed, 0);
}

#[test]
fn answers_come_as_fast_as_is_checked() {
    let settings = ClaySettings::default();
    let sent = requests(&settings.api_key).remove(0);
    let headers: HeaderMap = sent
        .headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
        .collect();
    let clay = Clay::new(settings, Seed(1), DayClock::machine());
    let request =
        simulated::Request { method: &sent.method, path: &sent.path, query: None, headers: &headers, body: sent.body.as_bytes() };
    let mut delays: Vec<Duration> = (0..20_000).map(|_| clay.answer(&request, Instant::now()).delay).collect();
    delays.sort_unstable();
    for check in checks() {
        let Check::LatencyBelow(bound) = check else { continue };
        // The threshold `p(95)<500`, and at most the 1 % of failures that the other threshold allows.
        assert!(delays[delays.len() * 95 / 100] < bound);
        let late = delays.iter().filter(|delay| **delay >= bound).count();
        assert!(late * 100 < delays.len(), "{late}");
    }
}
