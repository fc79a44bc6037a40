//! The admin API over real sockets. Every answer is held against the OpenAPI document that the API itself serves.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;
use common::{Client, FOR_EVER, clay_fault, in_time, settings};
use http::Request;
use http_body_util::{BodyExt, Full};
use mock_server::fault::{Fault, FaultKind, Outage};
use mock_server::settings::{AdminSettings, Secret, SimulationSettings};
use mock_server::simulation::{SimulatedVendors, StartError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn with_admin(faults: Vec<Fault>, token: Option<&str>) -> SimulationSettings {
    let token = token.map(|token| Secret(token.to_owned()));
    SimulationSettings { admin: Some(AdminSettings { token, ..AdminSettings::default() }), ..settings(faults) }
}

async fn start(faults: Vec<Fault>) -> (SimulatedVendors, Api) {
    let vendors = SimulatedVendors::start(with_admin(faults, None)).await.unwrap();
    let api = Api::of(&vendors, None).await;
    (vendors, api)
}

/// A client that knows what it may be answered.
struct Api {
    client: Client,
    url: String,
    token: Option<&'static str>,
    document: Value,
}

impl Api {
    async fn of(vendors: &SimulatedVendors, token: Option<&'static str>) -> Self {
        let mut api = Self { client: Client::new(), url: vendors.admin_url().unwrap(), token, document: Value::Null };
        api.document = api.send("GET", "/openapi.json", None).await.1;
        api
    }

    async fn send(&self, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default().to_owned()));
        let answer = self.client.send(request.body(body).unwrap()).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        (answer.status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Sends, and insists that the status is one that the document names for the operation.
    async fn call(&self, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let (status, answer) = self.send(method, path, body).await;
        let documented = self.operation(method, path)["responses"].as_object().unwrap();
        assert!(documented.contains_key(&status.to_string()), "{method} {path}: {status} is not documented: {answer}");
        if status >= 400 {
            assert!(!answer["errors"].as_array().unwrap().is_empty(), "{method} {path}: {answer}");
        }
        (status, answer)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("POST", path, Some(&body.to_string())).await
    }

    /// What the document says of an operation, by a path with values in it.
    fn operation(&self, method: &str, path: &str) -> &Value {
        let path = path.split('?').next().unwrap();
        let fits = |template: &str| {
            let (template, path) = (template.split('/'), path.split('/'));
            template.clone().count() == path.clone().count()
                && template.zip(path).all(|(one, two)| one.starts_with('{') || one == two)
        };
        let paths = self.document["paths"].as_object().unwrap();
        let exact = paths.get(path).into_iter();
        let mut found = exact.chain(paths.iter().filter(|(template, _)| fits(template)).map(|(_, operations)| operations));
        let found = found.find_map(|operations| operations.get(method.to_lowercase()));
        found.unwrap_or_else(|| panic!("{method} {path} is not documented"))
    }
}

fn errors(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let both = |error: &Value| (text(&error["field"]), format!("{} {}", text(&error["message"]), text(&error["help"])));
    answer["errors"].as_array().unwrap().iter().map(both).collect()
}

/// Calls every operation of the document once, in a way that succeeds.
async fn every_operation(api: &Api) {
    let known = |document: &Value| -> BTreeSet<String> {
        let operations = |(path, operations): (&String, &Value)| -> Vec<String> {
            operations.as_object().unwrap().keys().map(|verb| format!("{verb} {path}")).collect()
        };
        document["paths"].as_object().unwrap().iter().flat_map(operations).collect()
    };
    let mut left = known(&api.document);
    let fault = json!({"name": "by-hand", "kind": "latency", "add": "1ms", "lasts": "1h"}).to_string();
    for (method, template, path, body, expected) in [
        ("GET", "/", "/", None, 200),
        ("GET", "/health", "/health", None, 200),
        ("GET", "/vendors", "/vendors", None, 200),
        ("GET", "/counts", "/counts", None, 200),
        ("GET", "/clock", "/clock", None, 200),
        ("POST", "/clock", "/clock", None, 200),
        ("GET", "/faults", "/faults", None, 200),
        ("GET", "/faults/kinds", "/faults/kinds", None, 200),
        ("POST", "/faults", "/faults", Some(fault.as_str()), 201),
        ("DELETE", "/faults/{name}", "/faults/by-hand", None, 204),
        ("GET", "/state", "/state", None, 200),
        ("GET", "/state/{vendor}", "/state/clay", None, 200),
        ("GET", "/state/{vendor}/{section}", "/state/clay/credits", None, 200),
        ("GET", "/state/{vendor}/{section}/{id}", "/state/clay/sources/7f2c1d9e-3b5a-4c8d-9e6f-0a1b2c3d4e5f", None, 200),
        ("GET", "/ledger", "/ledger?last=3", None, 200),
        ("GET", "/metrics", "/metrics", None, 200),
        ("GET", "/ca.pem", "/ca.pem", None, 200),
        ("GET", "/openapi.json", "/openapi.json", None, 200),
        ("POST", "/reset", "/reset", Some(r#"{"parts":["ledger"]}"#), 204),
        ("DELETE", "/faults", "/faults", None, 204),
    ] {
        let (status, answer) = api.call(method, path, body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        assert!(left.remove(&format!("{} {template}", method.to_lowercase())), "{method} {template}");
    }
    assert!(left.is_empty(), "not tried: {left:?}");
}

#[tokio::test]
async fn every_operation_answers_as_documented() {
    let (_vendors, api) = start(Vec::new()).await;
    every_operation(&api).await;
}

/// With both vendors gone, and with all requests of both hanging.
#[tokio::test]
async fn no_fault_reaches_the_admin_api() {
    for kind in [FaultKind::Outage { how: Outage::Refuse }, FaultKind::Outage { how: Outage::Close }, FaultKind::Hang] {
        let (vendors, api) = start(Vec::new()).await;
        vendors.add_fault(Fault::new("total", kind)).await.unwrap();
        let clay = vendors.clay_url();
        let hanging = tokio::spawn(async move { Client::new().submit(&clay, "{}").await });
        every_operation(&api).await;
        assert!(vendors.faults().iter().all(|state| state.phase == mock_server::timetable::FaultPhase::Over));
        hanging.abort();
    }
}

#[tokio::test]
async fn a_fault_by_hand_is_in_force_when_the_answer_comes_and_gone_when_it_is_removed() {
    let (vendors, api) = start(Vec::new()).await;
    let client = Client::new();
    let form = json!({"name": "down", "kind": "error", "status": 503, "vendor": "clay", "lasts": "1h"});
    let (status, added) = api.post("/faults", &form).await;
    assert_eq!((status, &added["state"], &added["by_hand"]), (201, &json!("active"), &json!(true)));
    assert!(added["ends_in_us"].as_u64().unwrap() > 3_500_000_000);
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 503);

    let listed = api.get("/faults").await;
    assert_eq!(
        (&listed[0]["hits"], &listed[0]["fault"]),
        (&json!(1), &json!({"name": "down", "kind": "error", "status": 503, "vendor": "clay", "lasts": "1h"}))
    );
    assert_eq!(api.post("/faults", &form).await.0, 409);
    let (status, answer) = api.call("DELETE", "/faults/dwon", None).await;
    assert!(status == 404 && errors(&answer)[0].1.contains("did you mean `down`"), "{answer}");

    let odd = json!({"name": "50 % / ünusual?", "kind": "hang", "at": "1h"});
    assert_eq!(api.post("/faults", &odd).await.0, 201);
    assert_eq!(api.call("DELETE", "/faults/50%20%25%20%2F%20%C3%BCnusual%3F", None).await.0, 204);

    assert_eq!(api.call("DELETE", "/faults/down", None).await.0, 204);
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
    let entries = vendors.ledger().entries();
    assert_eq!(
        entries.iter().map(|entry| (entry.status, entry.was_hit_by("down"))).collect::<Vec<_>>(),
        [(Some(503), true), (Some(200), false)]
    );
}

#[tokio::test]
async fn bad_faults_are_refused_with_every_problem() {
    let (vendors, api) = start(Vec::new()).await;
    for (body, status, field, said) in [
        (r#"{"name":"x","#, 400, "", "line 1, column 12"),
        (r#"{"name":"x","kind":"error","staus":503}"#, 422, "staus", "did you mean `status`"),
        (r#"{"name":"x","kind":"eror"}"#, 422, "kind", "error"),
        (r#"{"name":"x","kind":"error","status":"503"}"#, 422, "status", "u16"),
        (r#"{"name":"x","kind":"error"}"#, 422, "status", "status"),
        (r#"{"name":"x","kind":"hang","status":503}"#, 422, "status", "does not belong"),
        (r#"{"name":"x","kind":"hang","routes":["clay.webhok"]}"#, 422, "routes[0]", "clay.webhook"),
        (r#"{"name":"x","kind":"hang","lasts":"soon"}"#, 422, "lasts", "soon"),
        (r#"{"kind":"hang"}"#, 422, "", "name"),
        ("[]", 422, "", "object"),
    ] {
        let (answered, answer) = api.call("POST", "/faults", Some(body)).await;
        let reported = errors(&answer);
        assert_eq!(answered, status, "{body}: {answer}");
        assert!(reported.iter().any(|(at, text)| at == field && text.contains(said)), "{body}: {reported:?}");
    }
    let (_, answer) = api.call("POST", "/faults", Some(r#"{"name":"","kind":"error","status":99,"share":2}"#)).await;
    assert_eq!(
        errors(&answer).iter().map(|(field, _)| field.as_str()).collect::<BTreeSet<_>>(),
        BTreeSet::from(["name", "share", "status"])
    );
    assert!(vendors.faults().is_empty());
}

#[tokio::test]
async fn an_unknown_name_is_answered_with_the_known_ones() {
    let (_vendors, api) = start(Vec::new()).await;
    for (path, said) in [
        ("/state/cley", "did you mean `clay`"),
        ("/state/clay/creditz", "did you mean `credits`"),
        ("/state/clay/sources/none", "no item `none`"),
    ] {
        let (status, answer) = api.call("GET", path, None).await;
        assert!(status == 404 && errors(&answer)[0].1.contains(said), "{path}: {answer}");
    }
    let (status, answer) = api.send("GET", "/fault", None).await;
    assert!(status == 404 && errors(&answer)[0].1.contains("did you mean `/faults`"), "{answer}");
    let (status, answer) = api.send("PUT", "/faults", None).await;
    assert!(status == 405 && errors(&answer)[0].1.contains("PUT"), "{answer}");
    for (path, field) in [
        ("/ledger?folow=true", "folow"),
        ("/ledger?limit=x", "limit"),
        ("/ledger?vendor=hubspot", "vendor"),
        ("/health?x=1", "x"),
    ] {
        let (status, answer) = api.call("GET", path, None).await;
        assert_eq!((status, errors(&answer)[0].0.as_str()), (422, field), "{answer}");
    }
    let (status, _) = api.call("POST", "/reset", Some(r#"{"parts":["leger"]}"#)).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_405_names_what_the_path_takes() {
    let (vendors, _) = start(Vec::new()).await;
    let request = Request::put(format!("{}/faults", vendors.admin_url().unwrap())).body(Full::default()).unwrap();
    let answer = Client::new().send(request).await.unwrap();
    let allowed = answer.headers["allow"].to_str().unwrap();
    assert!(["GET", "POST", "DELETE"].iter().all(|verb| allowed.contains(verb)), "{allowed}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let (_vendors, api) = start(Vec::new()).await;
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(300 * 1024));
    assert_eq!(api.call("POST", "/faults", Some(&body)).await.0, 413);
}

#[tokio::test]
async fn the_ledger_is_read_by_pages_and_filters() {
    let (vendors, api) = start(Vec::new()).await;
    let client = Client::new();
    for _ in 0..3 {
        client.submit(&vendors.clay_url(), "{}").await.unwrap();
    }
    client.identify(&vendors.customer_io_url(), "ada").await.unwrap();
    in_time(vendors.ledger().wait_for(4, |_| true)).await;
    for (query, expected) in [
        ("", &[1, 2, 3, 4][..]),
        ("?after=1&limit=2", &[2, 3]),
        ("?last=2", &[3, 4]),
        ("?vendor=customer_io", &[4]),
        ("?route=clay.webhook&last=1", &[3]),
        ("?fault=none", &[]),
        ("?after=4", &[]),
    ] {
        let text = match api.get(&format!("/ledger{query}")).await {
            Value::String(lines) => lines,
            // One line alone is a JSON value as well.
            line => line.to_string(),
        };
        let numbers: Vec<u64> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].as_u64().unwrap()).collect();
        assert_eq!(numbers, expected, "{query}");
    }
}

#[tokio::test]
async fn a_follower_gets_entries_as_they_come() {
    let (vendors, _) = start(Vec::new()).await;
    let client = Client::new();
    client.submit(&vendors.clay_url(), "{}").await.unwrap();
    in_time(vendors.ledger().wait_for(1, |_| true)).await;

    let address: SocketAddr = vendors.admin_url().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Full<Bytes>>(io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/ledger?follow=true&after=0&limit=3").header("host", address.to_string()).body(Full::default());
    let mut body = in_time(sender.send_request(request.unwrap())).await.unwrap().into_body();
    let mut text = String::new();
    for number in 1..=3 {
        while text.lines().count() < number {
            let frame = in_time(body.frame()).await.unwrap().unwrap().into_data().unwrap();
            text.push_str(std::str::from_utf8(&frame).unwrap());
        }
        if number < 3 {
            client.submit(&vendors.clay_url(), "{}").await.unwrap();
        }
    }
    assert!(in_time(body.frame()).await.is_none(), "it ends at its limit");
    let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.iter().map(|entry| entry["entry"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn a_reset_forgets_what_it_is_asked_to() {
    let outage = clay_fault(FOR_EVER, FaultKind::Outage { how: Outage::Unavailable });
    let (vendors, api) = start(vec![outage]).await;
    Client::new().submit(&vendors.clay_url(), "{}").await.unwrap();
    in_time(vendors.ledger().wait_for(1, |_| true)).await;
    vendors.add_fault(Fault::new("by-hand", FaultKind::Hang)).await.unwrap();

    assert_eq!(api.post("/reset", &json!({"parts": ["ledger"]})).await.0, 204);
    assert_eq!((vendors.ledger().entries().len(), vendors.counts().len()), (0, 1));
    assert_eq!(api.post("/reset", &json!({"parts": ["counts"]})).await.0, 204);
    assert!(vendors.counts().is_empty());
    assert_eq!(api.call("POST", "/reset", None).await.0, 204);
    let states: Vec<_> = vendors.faults().iter().map(|state| (state.fault.name.clone(), state.phase)).collect();
    let over = mock_server::timetable::FaultPhase::Over;
    assert!(states.iter().any(|(name, phase)| name == "by-hand" && *phase == over), "{states:?}");
    assert!(states.iter().any(|(name, phase)| name == "fault" && *phase != over), "the timetable's own stays: {states:?}");
}

#[tokio::test]
async fn the_timetable_starts_on_a_clock_that_is_handed_over() {
    let (vendors, api) = start(vec![clay_fault(FOR_EVER, FaultKind::Outage { how: Outage::Unavailable })]).await;
    let before = api.get("/clock").await;
    assert_eq!(before["timetable"], Value::Null);
    let now = before["answered_unix_us"].as_u64().unwrap();
    assert!(before["received_unix_us"].as_u64().unwrap() <= now);
    let mut changes = vendors.subscribe();

    let (status, answer) = api.post("/clock", &json!({"start_unix_us": now / 1000})).await;
    assert!(status == 422 && errors(&answer)[0].1.contains("microseconds"), "{answer}");
    let (status, started) = api.post("/clock", &json!({"start_unix_us": now - 5_000_000})).await;
    assert_eq!(status, 200, "{started}");
    let timetable = &started["timetable"];
    assert!(timetable["elapsed_us"].as_i64().unwrap() >= 5_000_000, "{started}");
    // Reading one clock and then the other takes a moment.
    assert!(timetable["zero_unix_us"].as_u64().unwrap().abs_diff(now - 5_000_000) < 1_000_000, "{started}");
    assert_eq!(api.post("/clock", &json!({})).await.0, 409);
    assert!(in_time(changes.recv()).await.unwrap().active);
    assert_eq!(Client::new().submit(&vendors.clay_url(), "{}").await.unwrap().status, 503);
}

#[tokio::test]
async fn metrics_tell_requests_faults_and_the_ledger() {
    let (vendors, api) = start(Vec::new()).await;
    api.post("/faults", &json!({"name": "a\"b", "kind": "error", "status": 500})).await;
    Client::new().submit(&vendors.clay_url(), "{}").await.unwrap();
    in_time(vendors.ledger().wait_for(1, |_| true)).await;
    let Value::String(text) = api.get("/metrics").await else { panic!("metrics are no JSON") };
    for line in [
        r#"mock_requests_total{vendor="clay",route="clay.webhook",status="500",by_fault="true"} 1"#,
        r#"mock_fault_active{fault="a\"b"} 1"#,
        r#"mock_fault_hits_total{fault="a\"b"} 1"#,
        "mock_ledger_entries_total 1",
        "mock_ledger_forgotten_total 0",
        r#"mock_connections{vendor="customer_io"} 0"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
    }
    let families: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap();
        assert!(families.contains(name), "{sample}");
        assert!(sample.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{sample}");
    }
}

#[tokio::test]
async fn with_a_token_nothing_is_answered_without_it() {
    let vendors = SimulatedVendors::start(with_admin(Vec::new(), Some("t0ken"))).await.unwrap();
    every_operation(&Api::of(&vendors, Some("t0ken")).await).await;
    let right = Api::of(&vendors, Some("t0ken")).await;
    for wrong in [None, Some("token"), Some("t0ken2")] {
        let api = Api { client: Client::new(), url: right.url.clone(), token: wrong, document: right.document.clone() };
        for (method, path) in
            [("GET", "/faults"), ("DELETE", "/faults"), ("GET", "/ledger"), ("GET", "/openapi.json"), ("POST", "/reset")]
        {
            let (status, answer) = api.call(method, path, None).await;
            assert_eq!((status, errors(&answer)[0].0.as_str()), (401, "Authorization"), "{method} {path}");
        }
        let health = api.get("/health").await;
        assert_eq!((&health["status"], &health["needs_token"]), (&json!("ok"), &json!(true)));
        assert_eq!(api.call("GET", "/", None).await.0, 200);
    }
}

#[tokio::test]
async fn beyond_loopback_nothing_starts_without_a_token() {
    let mut open = with_admin(Vec::new(), None);
    open.admin.as_mut().unwrap().address = "0.0.0.0".parse().unwrap();
    let error = SimulatedVendors::start(open).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("needs a token"), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_reported_with_the_option_that_chooses_it() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut settings = with_admin(Vec::new(), None);
    settings.admin.as_mut().unwrap().port = port;
    let error = SimulatedVendors::start(settings).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::PortTaken { port: reported, option: "--admin-port", .. } if reported == port), "{error}");
}

#[tokio::test]
async fn problems_are_reported_in_the_words_of_json() {
    let (_vendors, api) = start(Vec::new()).await;
    for (fault, field, help) in [
        (json!({"name": "f", "kind": "error"}), "status", "add `\"status\": 503`"),
        (json!({"name": "f", "kind": "latency"}), "add", "add `\"add\": \"500ms\"`"),
        (json!({"name": "f", "kind": "latency", "add": {"lognormal": {"p50": "1s"}}}), "add", "`lognormal` with `p50` and `p99`"),
    ] {
        let (status, answer) = api.post("/faults", &fault).await;
        let reported = errors(&answer);
        assert!(status == 422 && reported.len() == 1 && reported[0].0 == field && reported[0].1.contains(help), "{reported:?}");
    }
    let (status, answer) = api.call("GET", "/ledger?route=clay.webhok", None).await;
    assert!(status == 422 && errors(&answer)[0].1.contains("did you mean `clay.webhook`"), "{answer}");
    assert_eq!(api.call("GET", "/ledger?route=none", None).await.0, 200);
}

#[tokio::test]
async fn a_browser_of_another_site_is_refused() {
    let (vendors, _) = start(Vec::new()).await;
    let address: SocketAddr = vendors.admin_url().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    for (head, status) in [
        ("GET /faults HTTP/1.1\r\nhost: evil.example\r\n", "403"),
        ("POST /reset HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: https://evil.example\r\n", "403"),
        ("POST /reset HTTP/1.1\r\nhost: 127.0.0.1\r\n", "204"),
        ("GET /faults HTTP/1.1\r\nhost: localhost\r\n", "200"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        in_time(stream.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{head}");
        assert!(answer.contains("x-content-type-options: nosniff") && !answer.contains("access-control"), "{answer}");
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let (_vendors, api) = start(Vec::new()).await;
    assert_eq!(api.document["openapi"], "3.1.0");
    let text = api.document.to_string();
    for reference in text.split(r##""$ref":"#"##).skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(api.document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
    let names: Vec<&str> = text.split(r#""operationId":""#).skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{names:?}");
    let fault = &api.document["components"]["schemas"]["FaultForm"]["properties"];
    assert!(fault["kind"].is_object() && fault["lasts"].is_object(), "{fault}");
    let of_ledger = api.operation("GET", "/ledger")["parameters"].as_array().unwrap();
    assert!(of_ledger.iter().any(|one| one["name"] == "follow" && one["in"] == "query"));
}

#[tokio::test]
async fn the_ledger_file_has_every_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.ndjson");
    let vendors =
        SimulatedVendors::start(SimulationSettings { ledger_file: Some(path.clone()), ..settings(Vec::new()) }).await.unwrap();
    for _ in 0..5 {
        Client::new().submit(&vendors.clay_url(), "{}").await.unwrap();
    }
    assert_eq!(vendors.shutdown().await, Vec::<String>::new());
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.strip_suffix("{\"entries\":5}\n").unwrap();
    let entries: Vec<mock_server::ledger::Entry> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.iter().map(|entry| entry.request).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2, 3, 4, 5]));

    let nowhere = SimulationSettings { ledger_file: Some(folder.path().join("no/such/folder")), ..settings(Vec::new()) };
    let error = SimulatedVendors::start(nowhere).await.map(|_| ()).unwrap_err();
    assert!(matches!(&error, StartError::File { option: "--ledger", .. }), "{error}");
}

/// `/dev/full` is a disk without room.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_reported_and_holds_nothing_up() {
    let settings = SimulationSettings { ledger_file: Some("/dev/full".into()), ..with_admin(Vec::new(), None) };
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let api = Api::of(&vendors, None).await;
    assert_eq!(Client::new().submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
    in_time(async {
        while api.get("/health").await["status"] != "degraded" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(api.get("/health").await["problems"][0].as_str().unwrap().contains("ledger file cannot be written"));
    assert_eq!(Client::new().submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
    let problems = vendors.shutdown().await;
    assert!(problems[0].contains("2 entries are missing"), "{problems:?}");
}
