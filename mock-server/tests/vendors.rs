//! The whole way through edge and wiremock: what a client gets, and how requests are counted.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use std::collections::BTreeSet;

use common::{Client, FOR_EVER, clay_fault, in_time, settings};
use http::Request;
use http_body_util::Full;
use mock_server::fault::{FaultKind, RetryAfterStyle};
use mock_server::settings::RateLimit;
use mock_server::simulation::{SimulatedVendors, StartError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Vendors with a fault in force.
async fn failing(kind: FaultKind, share: f64, routes: &[&str], seed: u64) -> SimulatedVendors {
    let mut fault = clay_fault(FOR_EVER, kind);
    fault.share = share;
    fault.routes = routes.iter().map(|&route| route.to_owned()).collect();
    let mut settings = settings(vec![fault]);
    settings.seed = seed;
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let mut changes = vendors.subscribe();
    vendors.start_timetable();
    in_time(changes.recv()).await.unwrap();
    vendors
}

#[tokio::test]
async fn both_vendors_answer_and_count() {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    let client = Client::new();
    assert_eq!(&client.submit(&vendors.clay_url(), "{}").await.unwrap().body[..], br#"{"success":true}"#);
    assert_eq!(client.submit(&vendors.clay_url(), "{").await.unwrap().status, 422);
    let answer = client.identify(&vendors.customer_io_url(), "ada%20l").await.unwrap();
    assert_eq!(&answer.body[..], b"{}\n");
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("x-simulated")), "{:?}", answer.headers);
    let unknown = Request::get(format!("{}/nowhere", vendors.customer_io_url())).body(Full::default()).unwrap();
    assert_eq!(client.send(unknown).await.unwrap().status, 404);

    let counts: Vec<_> =
        vendors.counts().into_iter().map(|count| (count.route, count.status, count.by_fault, count.count)).collect();
    let expected = [
        ("clay.webhook", 200, false, 1),
        ("clay.webhook", 422, false, 1),
        ("customer_io.identify", 200, false, 1),
        ("none", 404, false, 1),
    ];
    assert_eq!(counts, expected.map(|(route, status, by_fault, count)| (route.to_owned(), status, by_fault, count)));
}

#[tokio::test]
async fn a_body_without_end_is_413_in_bounded_memory() {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    let mut stream = TcpStream::connect(vendors.clay_url().strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n", common::WEBHOOK);
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    // Writes until the vendor has had enough; how much that takes is up to the buffers between.
    let writing = tokio::spawn(async move { while writer.write_all(&[b'x'; 65_536]).await.is_ok() {} });
    let mut status = [0; 12];
    in_time(reader.read_exact(&mut status)).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    in_time(writing).await.unwrap();
}

#[tokio::test]
async fn targets_that_are_no_path_are_404() {
    let vendors = SimulatedVendors::start(settings(Vec::new())).await.unwrap();
    for target in ["OPTIONS *", "CONNECT example.com:443"] {
        let mut stream = TcpStream::connect(vendors.clay_url().strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(format!("{target} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut status = [0; 12];
        in_time(stream.read_exact(&mut status)).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 404", "{target}");
    }
}

#[tokio::test]
async fn an_error_hits_the_routes_that_it_names() {
    let vendors = failing(FaultKind::Error { status: 500, body: None }, 1.0, &["clay.resource"], 1).await;
    let client = Client::new();
    let resource = Request::post(format!("{}/v1/resource", vendors.clay_url())).body(Full::default()).unwrap();
    assert_eq!(client.send(resource).await.unwrap().status, 500);
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_limit_says_when_to_come_back() {
    let kind = FaultKind::RateLimit { rate: 0.01, burst: 3, retry_after: RetryAfterStyle::Seconds };
    let vendors = failing(kind, 1.0, &[], 1).await;
    let client = Client::new();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(client.submit(&vendors.clay_url(), "{}").await.unwrap());
    }
    assert_eq!(statuses.iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>(), [200, 200, 200, 429, 429]);
    let seconds: u64 = statuses[4].headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=100).contains(&seconds), "{seconds}");
}

/// The requests that a 30 % error hits, of 300 sent by so many users.
async fn hit_by(users: usize, seed: u64) -> BTreeSet<usize> {
    let vendors = failing(FaultKind::Error { status: 500, body: None }, 0.3, &[], seed).await;
    let (client, url) = (Client::new(), vendors.clay_url());
    let mut tasks = JoinSet::new();
    for user in 0..users {
        let (client, url) = (client.clone(), url.clone());
        tasks.spawn(async move {
            let mut hit = Vec::new();
            for number in (user..300).step_by(users) {
                if client.submit(&url, format!("{{\"lead\":{number}}}")).await.unwrap().status == 500 {
                    hit.push(number);
                }
            }
            hit
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_hits_the_same_requests_whatever_the_concurrency() {
    let alone = hit_by(1, 7).await;
    // Five standard deviations of a binomial of 300 at 0.3: 40.
    assert!(alone.len().abs_diff(90) < 40, "{}", alone.len());
    assert_eq!(alone, hit_by(32, 7).await);
    assert_ne!(alone, hit_by(32, 8).await);
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_option_that_changes_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut settings = settings(Vec::new());
    settings.customer_io_port = port;
    let error = SimulatedVendors::start(settings).await.err().unwrap();
    let expected = format!(
        "port {port} on 127.0.0.1 is taken; choose another with --customer-io-port (in a test plan: `port` in `[simulation.customer_io]`), or 0 for any free port"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn what_makes_no_sense_does_not_start() {
    let start = async |settings| SimulatedVendors::start(settings).await.err().map(|error: StartError| error.to_string());
    for (status, body, refused) in
        [(600, None, "status: 600 is not an HTTP status"), (204, Some("x"), "body: an answer with status 204 has no body")]
    {
        let mut fault = clay_fault(FOR_EVER, FaultKind::Error { status, body: body.map(str::to_owned) });
        fault.name = "storm".to_owned();
        let error = start(settings(vec![fault])).await.unwrap();
        assert!(error.contains(&format!("fault `storm`, {refused}")), "{error}");
    }
    let mut limited = settings(Vec::new());
    limited.clay.rate_limit = Some(RateLimit { rate: 0.0, burst: 1 });
    assert!(start(limited).await.unwrap().contains("clay.rate_limit: 0 is not a rate"));
}
