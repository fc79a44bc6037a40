//! The ledger records what happened: one entry a request, whichever way it ended, with the effect that the vendor committed.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;
#[path = "common/connect.rs"]
mod connect;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::{Client, WEBHOOK, in_time, settings};
use connect::{exchange, plain, read_to_end};
use http::Request;
use http_body_util::Full;
use mock_server::fault::{Fault, FaultKind, LostAnswer, Outage, ResetPoint, SimulatedVendor};
use mock_server::latency::LatencyModel;
use mock_server::ledger::{Entry, Sent};
use mock_server::settings::SimulationSettings;
use mock_server::simulation::SimulatedVendors;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

async fn vendors() -> SimulatedVendors {
    SimulatedVendors::start(settings(Vec::new())).await.unwrap()
}

async fn only_entry(vendors: &SimulatedVendors) -> Arc<Entry> {
    let entries = in_time(vendors.ledger().wait_for(1, |_| true)).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

async fn send(vendors: &SimulatedVendors, length: usize, body: &str) -> TcpStream {
    let mut stream = plain(&vendors.clay_url()).await;
    let head = format!("POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\nidempotency-key: k1\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Waits for a condition that other tasks bring about.
async fn until(condition: impl Fn() -> bool) {
    in_time(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

fn names(names: &[Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

#[tokio::test]
async fn an_ordinary_request_is_all_there() {
    let vendors = vendors().await;
    let request = Request::post(format!("{}{WEBHOOK}?token=secret", vendors.clay_url()))
        .header("Idempotency-Key", "x".repeat(1_000))
        .body(Full::from(r#"{"email":"ada@example.com"}"#))
        .unwrap();
    assert_eq!(Client::new().send(request).await.unwrap().status, 200);
    // Whoever has read the answer finds it in the ledger: nothing to wait for.
    let entries = vendors.ledger().entries();
    let entry = &entries[0];
    assert_eq!((entry.request, entry.vendor, &*entry.route, &*entry.method), (1, SimulatedVendor::Clay, "clay.webhook", "POST"));
    assert_eq!((entry.path.as_str(), entry.status, entry.sent), (WEBHOOK, Some(200), Sent::Whole));
    assert_eq!(entry.idempotency_key.as_ref().unwrap().len(), mock_server::ledger::LONGEST_KEY);
    assert!(entry.committed() && entry.intended.is_empty() && entry.actual.is_empty(), "{entry:?}");
    assert!(!format!("{entry:?}").contains("secret"));
}

#[tokio::test]
async fn a_refusal_commits_nothing() {
    let vendors = vendors().await;
    assert_eq!(Client::new().submit(&vendors.clay_url(), "{").await.unwrap().status, 422);
    let entry = only_entry(&vendors).await;
    assert_eq!((entry.committed(), entry.status, entry.sent), (false, Some(422), Sent::Whole));
}

#[tokio::test]
async fn a_client_that_leaves_while_the_vendor_thinks_leaves_an_effect_behind() {
    let mut settings = settings(Vec::new());
    settings.clay.latency = LatencyModel::Fixed { delay: Duration::from_secs(600) };
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    let stream = send(&vendors, 2, "{}").await;
    until(|| vendors.ledger().arrived() == 1).await;
    drop(stream);
    // Although it may have gone before the vendor had even been asked.
    let entry = only_entry(&vendors).await;
    assert!(entry.committed() && entry.answer_was_lost(), "{entry:?}");
    assert_eq!((entry.status, entry.sent), (Some(200), Sent::Nothing));
}

#[tokio::test]
async fn a_request_that_breaks_off_is_an_entry_without_an_answer() {
    let vendors = vendors().await;
    let stream = send(&vendors, 100, "{").await;
    until(|| vendors.ledger().arrived() == 1).await;
    drop(stream);
    let entry = only_entry(&vendors).await;
    assert_eq!((entry.committed(), entry.status, entry.sent), (false, None, Sent::Nothing));
    assert_eq!(entry.idempotency_key.as_deref(), Some("k1"));
}

#[tokio::test]
async fn an_outage_that_begins_under_a_request_is_what_hit_it() {
    for how in [Outage::Refuse, Outage::Drop] {
        let mut settings = settings(Vec::new());
        settings.clay.latency = LatencyModel::Fixed { delay: Duration::from_secs(600) };
        let vendors = SimulatedVendors::start(settings).await.unwrap();
        let mut stream = send(&vendors, 2, "{}").await;
        until(|| vendors.ledger().arrived() == 1).await;
        vendors.add_fault(Fault::new("gone", FaultKind::Outage { how })).await.unwrap();
        let (text, _) = read_to_end(&mut stream).await;
        assert!(text.is_empty());
        let entry = only_entry(&vendors).await;
        assert_eq!((names(&entry.intended), names(&entry.actual)), (vec!["gone"], vec!["gone"]));
        assert!(entry.committed() && entry.sent == Sent::Nothing, "{entry:?}");
    }
}

#[tokio::test]
async fn a_closed_connection_and_an_error_commit_nothing() {
    let close = FaultKind::Outage { how: Outage::Close };
    for (kind, status) in [(close, None), (FaultKind::Error { status: 503, body: None }, Some(503))] {
        let vendors = vendors().await;
        vendors.add_fault(Fault::new("fault", kind)).await.unwrap();
        let mut stream = send(&vendors, 2, "{}").await;
        stream.shutdown().await.unwrap();
        read_to_end(&mut stream).await.1.unwrap();
        let entry = only_entry(&vendors).await;
        assert_eq!((names(&entry.actual), entry.committed(), entry.status), (vec!["fault"], false, status));
    }
}

#[tokio::test]
async fn a_fault_that_another_forestalled_did_not_happen() {
    let vendors = vendors().await;
    vendors.add_fault(Fault::new("lost", FaultKind::LostAnswer { how: LostAnswer::Close })).await.unwrap();
    vendors.add_fault(Fault::new("cut", FaultKind::Truncate { bytes: 3 })).await.unwrap();
    let body = format!("POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}");
    exchange(&mut plain(&vendors.clay_url()).await, body.as_bytes()).await.1.unwrap();
    let entry = only_entry(&vendors).await;
    assert_eq!((names(&entry.intended), names(&entry.actual)), (vec!["lost", "cut"], vec!["lost"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_exactly_one_entry() {
    const CLIENTS: u64 = 16;
    const REQUESTS: u64 = 25;
    let vendors = Arc::new(vendors().await);
    for (name, kind) in [
        ("error", FaultKind::Error { status: 500, body: None }),
        ("lost", FaultKind::LostAnswer { how: LostAnswer::Close }),
        ("reset", FaultKind::Reset { when: ResetPoint::Before }),
        ("cut", FaultKind::Truncate { bytes: 3 }),
        ("close", FaultKind::Outage { how: Outage::Close }),
    ] {
        vendors.add_fault(Fault { share: 0.2, ..Fault::new(name, kind) }).await.unwrap();
    }
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let vendors = vendors.clone();
        clients.spawn(async move {
            for number in 0..REQUESTS {
                let body = format!("{{\"lead\":\"{client}-{number}\"}}");
                let head =
                    format!("POST {WEBHOOK} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = exchange(&mut plain(&vendors.clay_url()).await, (head + &body).as_bytes()).await;
            }
        });
    }
    clients.join_all().await;
    let all = (CLIENTS * REQUESTS) as usize;
    let entries = in_time(vendors.ledger().wait_for(all, |_| true)).await;
    let numbers: BTreeSet<u64> = entries.iter().map(|entry| entry.request).collect();
    assert_eq!((entries.len(), numbers), (all, (1..=all as u64).collect()));
    let counted: u64 = vendors.counts().iter().map(|count| count.count).sum();
    assert_eq!(counted, all as u64);
    for entry in &entries {
        let hit = |name| entry.was_hit_by(name);
        // The vendor was asked where nothing came before it.
        let was_asked = !(hit("close") || hit("error") || (hit("reset") && !entry.intended.contains(&"lost".into())));
        assert_eq!(entry.committed(), was_asked, "{entry:?}");
        let is_whole = was_asked && !hit("lost") && !hit("cut");
        assert!(!is_whole || entry.sent == Sent::Whole, "{entry:?}");
        assert!(!(hit("lost") || hit("reset") || hit("close")) || entry.sent == Sent::Nothing, "{entry:?}");
    }
    for name in ["error", "lost", "reset", "cut", "close"] {
        assert!(entries.iter().any(|entry| entry.was_hit_by(name)), "{name}");
    }
}

#[tokio::test]
async fn at_the_end_the_file_has_what_the_vendor_was_still_carrying_out() {
    const REQUESTS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.ndjson");
    let with_file = SimulationSettings { ledger_file: Some(path.clone()), ..settings(Vec::new()) };
    let vendors = SimulatedVendors::start(with_file).await.unwrap();
    // Batches keep the vendor busy for much longer than its port takes to close.
    let item = |number| format!(r#"{{"type":"person","action":"identify","identifiers":{{"id":"p{number}"}}}}"#);
    let items: Vec<String> = (0..5_000).map(item).collect();
    let body = format!(r#"{{"batch":[{}]}}"#, items.join(","));
    let head = "POST /api/v2/batch HTTP/1.1\r\nhost: x\r\n\
                authorization: Basic c2ltdWxhdGVkLXNpdGU6c2ltdWxhdGVkLWN1c3RvbWVyLWlvLWtleQ==\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut streams = Vec::new();
    for _ in 0..REQUESTS {
        let mut stream = plain(&vendors.customer_io_url()).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let ledger = vendors.ledger().clone();
    until(|| ledger.arrived() == REQUESTS as u64).await;
    assert_eq!(in_time(vendors.shutdown()).await, Vec::<String>::new());
    let written = std::fs::read_to_string(path).unwrap();
    // And their count.
    assert_eq!((written.lines().count(), ledger.written()), (REQUESTS + 1, REQUESTS as u64));
    assert!(ledger.entries().iter().any(|entry| entry.effects.len() == items.len()));
}

#[tokio::test]
async fn the_vendor_gets_the_path_that_the_ledger_shows() {
    let vendors = vendors().await;
    let mut stream = plain(&vendors.customer_io_url()).await;
    let head = "POST /api/v1/customers/%2e%2e/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                authorization: Basic c2ltdWxhdGVkLXNpdGU6c2ltdWxhdGVkLWN1c3RvbWVyLWlvLWtleQ==\r\n";
    let (text, _) = exchange(&mut stream, format!("{head}content-length: 12\r\n\r\n{{\"name\":\"a\"}}").as_bytes()).await;
    assert!(text.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&text));
    let entry = only_entry(&vendors).await;
    let effects: Vec<_> = entry.effects.iter().map(|effect| (&*effect.what, effect.subject.as_str())).collect();
    assert_eq!((&*entry.route, effects), ("customer_io.track", vec![("event.recorded", "..")]));
}
