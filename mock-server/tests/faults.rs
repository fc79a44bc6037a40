//! Whom faults hit, as clients see it through real sockets: keys, customers, shares, every nth, and faults by hand.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use common::{Client, in_time, settings};
use http::Request;
use http_body_util::Full;
use mock_server::fault::{Fault, FaultKind, LostAnswer, RetryAfterStyle, SimulatedVendor};
use mock_server::latency::LatencyModel;
use mock_server::settings::{Secret, SimulationSettings};
use mock_server::simulation::SimulatedVendors;
use mock_server::timetable::{AddError, FaultPhase};

async fn vendors() -> SimulatedVendors {
    SimulatedVendors::start(settings(Vec::new())).await.unwrap()
}

fn error() -> FaultKind {
    FaultKind::Error { status: 500, body: None }
}

async fn identify(vendors: &SimulatedVendors, id: &str, key: &str) -> u16 {
    let basic = STANDARD.encode(format!("simulated-site:{key}"));
    let request = Request::put(format!("{}/api/v1/customers/{id}", vendors.customer_io_url()))
        .header("authorization", format!("Basic {basic}"))
        .body(Full::new(Bytes::from_static(b"{}")));
    Client::new().send(request.unwrap()).await.unwrap().status.as_u16()
}

#[tokio::test]
async fn a_rotated_key_is_refused_and_the_new_one_accepted_until_the_fault_ends() {
    let vendors = vendors().await;
    let (old, new) = ("simulated-customer-io-key", "rotated");
    assert_eq!([identify(&vendors, "ada", old).await, identify(&vendors, "ada", new).await], [200, 401]);
    let kind = FaultKind::Auth { status: 401, new_key: Some(Secret(new.to_owned())) };
    vendors.add_fault(Fault { vendor: Some(SimulatedVendor::CustomerIo), ..Fault::new("rotation", kind) }).await.unwrap();
    assert_eq!([identify(&vendors, "ada", old).await, identify(&vendors, "ada", new).await], [401, 200]);
    assert!(vendors.remove_fault("rotation").await);
    assert_eq!([identify(&vendors, "ada", old).await, identify(&vendors, "ada", new).await], [200, 401]);
}

#[tokio::test]
async fn a_fault_hits_the_customers_that_it_names_at_both_vendors() {
    let vendors = vendors().await;
    vendors
        .add_fault(Fault { customers: vec!["ada".to_owned(), "eve@example.com".to_owned()], ..Fault::new("unlucky", error()) })
        .await
        .unwrap();
    let key = "simulated-customer-io-key";
    assert_eq!([identify(&vendors, "ada", key).await, identify(&vendors, "bob", key).await], [500, 200]);
    let client = Client::new();
    for (email, status) in [("eve@example.com", 500), ("bob@example.com", 200)] {
        let answer = client.submit(&vendors.clay_url(), format!(r#"{{"email":"{email}"}}"#)).await.unwrap();
        assert_eq!(answer.status, status, "{email}");
    }
    assert_eq!(vendors.faults()[0].hits, 2);
}

#[tokio::test]
async fn every_third_of_many_requests_at_once_is_exactly_a_third() {
    let vendors = vendors().await;
    vendors.add_fault(Fault { every: Some(3), ..Fault::new("third", error()) }).await.unwrap();
    let (client, url) = (Client::new(), vendors.clay_url());
    let requests: Vec<_> = (0..90)
        .map(|_| {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move { client.submit(&url, "{}").await.unwrap().status.as_u16() })
        })
        .collect();
    let mut failed = 0;
    for request in requests {
        failed += usize::from(request.await.unwrap() == 500);
    }
    assert_eq!((failed, vendors.faults()[0].hits), (30, 30));
}

/// Of 300 different requests, `at_once` of them under way at a time, those that a share of 30 % hits.
async fn hit(seed: u64, at_once: usize) -> BTreeSet<usize> {
    let settings = SimulationSettings { seed, ..settings(Vec::new()) };
    let vendors = SimulatedVendors::start(settings).await.unwrap();
    vendors.add_fault(Fault { share: 0.3, ..Fault::new("share", error()) }).await.unwrap();
    let (client, url) = (Client::new(), vendors.clay_url());
    let workers: Vec<_> = (0..at_once)
        .map(|worker| {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move {
                let mut hit = Vec::new();
                for number in (worker..300).step_by(at_once) {
                    let answer = client.submit(&url, format!(r#"{{"number":{number}}}"#)).await.unwrap();
                    hit.extend((answer.status == 500).then_some(number));
                }
                hit
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_hits_the_same_requests_whatever_the_concurrency() {
    let alone = hit(7, 1).await;
    // Five standard deviations: 40.
    assert!(alone.len().abs_diff(90) < 40, "{}", alone.len());
    assert_eq!(hit(7, 16).await, alone);
    assert_ne!(hit(8, 16).await, alone);
}

#[tokio::test]
async fn a_repeated_request_whose_answer_was_lost_has_two_effects() {
    let vendors = vendors().await;
    let lost =
        Fault { vendor: Some(SimulatedVendor::Clay), ..Fault::new("lost", FaultKind::LostAnswer { how: LostAnswer::Close }) };
    vendors.add_fault(lost).await.unwrap();
    let client = Client::new();
    let lead = r#"{"email":"ada@example.com"}"#;
    assert!(client.submit(&vendors.clay_url(), lead).await.is_err());
    vendors.remove_fault("lost").await;
    assert_eq!(client.submit(&vendors.clay_url(), lead).await.unwrap().status, 200);
    let entries = in_time(vendors.ledger().wait_for(2, |_| true)).await;
    let attributed: Vec<_> =
        entries.iter().map(|entry| (entry.actual.iter().map(|name| name.to_string()).collect(), entry.effects.len())).collect();
    assert_eq!(attributed, [(vec!["lost".to_owned()], 1), (Vec::new(), 1)]);
    assert_eq!(
        (&entries[0].effects[0].what, &entries[0].effects[0].subject),
        (&entries[1].effects[0].what, &"ada@example.com".into())
    );
}

#[tokio::test]
async fn of_a_lost_answer_and_a_hang_the_lost_answer_decides_that_the_vendor_is_asked() {
    let vendors = vendors().await;
    vendors.add_fault(Fault::new("hang", FaultKind::Hang)).await.unwrap();
    vendors.add_fault(Fault::new("lost", FaultKind::LostAnswer { how: LostAnswer::Reset })).await.unwrap();
    assert!(Client::new().submit(&vendors.clay_url(), "{}").await.is_err());
    let entry = in_time(vendors.ledger().wait_for(1, |_| true)).await.remove(0);
    let names = |names: &[std::sync::Arc<str>]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert_eq!(
        (names(&entry.intended), names(&entry.actual)),
        (vec!["lost".to_owned(), "hang".to_owned()], vec!["lost".to_owned()])
    );
    assert_eq!(entry.effects.len(), 1);
}

#[tokio::test]
async fn faults_by_hand_are_reported_listed_and_refused_where_they_make_no_sense() {
    let vendors = vendors().await;
    let mut changes = vendors.subscribe();
    let limit = FaultKind::RateLimit { rate: 0.001, burst: 1, retry_after: RetryAfterStyle::Seconds };
    vendors.add_fault(Fault { lasts: Some(Duration::from_secs(3600)), ..Fault::new("limit", limit) }).await.unwrap();
    let change = in_time(changes.recv()).await.unwrap();
    assert_eq!((change.name.as_str(), change.active, change.at_us), ("limit", true, 0));
    let client = Client::new();
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
    let refused = client.submit(&vendors.clay_url(), "{}").await.unwrap();
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(refused.status == 429 && (990..=1_000).contains(&seconds), "{seconds}");

    let state = vendors.faults().remove(0);
    assert_eq!((state.phase, state.by_hand, state.hits), (FaultPhase::Active, true, 1));
    assert!(state.ends_in_us.is_some_and(|left| left <= 3_600_000_000));
    assert!(matches!(vendors.add_fault(Fault::new("limit", error())).await, Err(AddError::NameTaken { .. })));
    let nonsense = Fault::new("x", FaultKind::Bandwidth { bytes_per_second: 0 });
    assert!(matches!(vendors.add_fault(nonsense).await, Err(AddError::Invalid { .. })));

    assert!(vendors.remove_fault("limit").await);
    assert!(!in_time(changes.recv()).await.unwrap().active);
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_reset_ends_faults_by_hand_and_not_the_timetables() {
    let planned =
        Fault { vendor: Some(SimulatedVendor::Clay), lasts: Some(Duration::from_secs(3600)), ..Fault::new("planned", error()) };
    let vendors = SimulatedVendors::start(settings(vec![planned])).await.unwrap();
    let mut changes = vendors.subscribe();
    assert_eq!(vendors.timetable_elapsed(), None);
    vendors.start_timetable();
    assert!(in_time(changes.recv()).await.unwrap().active);
    assert!(vendors.timetable_elapsed().is_some());
    vendors.add_fault(Fault { vendor: Some(SimulatedVendor::CustomerIo), ..Fault::new("by hand", error()) }).await.unwrap();
    let key = "simulated-customer-io-key";
    assert_eq!(identify(&vendors, "ada", key).await, 500);
    vendors.reset().await;
    assert_eq!(identify(&vendors, "ada", key).await, 200);
    assert_eq!(Client::new().submit(&vendors.clay_url(), "{}").await.unwrap().status, 500);
}

#[tokio::test]
async fn a_delay_holds_back_an_error_and_no_request_beside_it() {
    let vendors = vendors().await;
    let model = LatencyModel::Fixed { delay: Duration::from_secs(600) };
    let slow = FaultKind::Latency { model, jitter: Duration::ZERO };
    vendors.add_fault(Fault { customers: vec!["slow@example.com".to_owned()], ..Fault::new("slow", slow) }).await.unwrap();
    vendors.add_fault(Fault::new("error", error())).await.unwrap();
    let client = Client::new();
    let (held_client, url) = (client.clone(), vendors.clay_url());
    let held =
        tokio::spawn(
            async move { held_client.submit(&url, r#"{"email":"slow@example.com"}"#).await.map(|answer| answer.status) },
        );
    in_time(async {
        while vendors.faults()[0].hits == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 500);
    assert!(!held.is_finished());
    held.abort();
}

/// Lets every other task that is ready have a turn.
async fn turn() {
    let mut had_turn = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut had_turn, true) {
            return Poll::Ready(());
        }
        // At the end of the queue; tokio's own `yield_now` would wait for all that comes of the others' turns, too.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn a_fault_that_is_removed_while_it_begins_does_not_stay() {
    let vendors = Arc::new(vendors().await);
    let client = Client::new();
    // Between being added and being in force there are a few turns of tasks: removed after each of them.
    for turns in 0..16 {
        let both = {
            let vendors = vendors.clone();
            async move {
                let removed = async {
                    for _ in 0..turns {
                        turn().await;
                    }
                    vendors.remove_fault("f").await
                };
                tokio::join!(vendors.add_fault(Fault::new("f", error())), removed)
            }
        };
        let (added, removed) = in_time(tokio::spawn(both)).await.unwrap();
        added.unwrap();
        assert!(removed, "{turns}");
        assert!(vendors.faults().iter().all(|state| state.phase == FaultPhase::Over), "{turns}");
        assert_eq!(client.submit(&vendors.clay_url(), "{}").await.unwrap().status, 200, "{turns}");
    }
}
