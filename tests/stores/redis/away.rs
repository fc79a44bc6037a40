//! The server goes away, comes back, loses answers, runs out of memory: nothing that was acknowledged is lost, nothing happens
//! twice.

use std::collections::HashSet;

use plimsoll::config::Secret;
use plimsoll::outcome::{RestingState, Vendor};
use plimsoll::resilience::{Backlog, DeadLetters, FallbackQueue, OperationKind, Settled};
use plimsoll::seed::Seed;
use plimsoll::store::redis::{RedisSettings, RedisStore};
use plimsoll::store::{Acceptance, LeadStore, Recorded};
use rand::Rng;
use serde_json::json;
use tokio::sync::mpsc;

use super::Server;
use super::proxy::Proxy;
use crate::conformance::{LEASE, accept, attempt, deliver, due, key, lead, lead_with, lease, operation};

async fn open(server: &Server) -> RedisStore {
    RedisStore::open(&server.settings()).await.expect("a working server")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_everything_fails_and_then_goes_on_by_itself() {
    let Some(mut server) = Server::start() else { return };
    let store = open(&server).await;
    let backlog = store.backlog(Vendor::Clay);
    accept(&store, lead(1, "ada"), 10).await;
    let leased = due(&backlog, 10).await;
    server.kill();
    for _ in 0..2 {
        assert!(store.check().await.is_err());
        assert!(store.accept(vec![lead(2, "bob")], 11).await.is_err());
        assert!(backlog.lease(11, 12).await.is_err());
        assert!(backlog.ack(leased.id, Settled::delivered(11, None)).await.is_err());
    }
    assert_eq!(backlog.counts(), (1, 0), "what was heard last");
    server.restart();
    // The connection comes back when it is needed. What fails until then has not happened.
    while store.check().await.is_err() {}
    assert_eq!(store.lead(&key(2)).await, Ok(None));
    let record = store.lead(&key(1)).await.expect("a working server").expect("it was acknowledged");
    assert!(record.operations.iter().all(|operation| operation.place == RestingState::Queued));
    deliver(&backlog, leased.id, 13).await;
    accept(&store, lead(2, "bob"), 14).await;
    assert_eq!(due(&backlog, 14).await.entry.operation.user, "bob");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lead_that_was_acknowledged_survives_kills_of_the_server_under_load() {
    const KILLS: usize = 6;
    let Some(mut server) = Server::start() else { return };
    let store = open(&server).await;
    let (tell, mut acknowledged) = mpsc::unbounded_channel();
    let mut submitters = Vec::new();
    for submitter in 0..4_u64 {
        let (store, tell) = (store.clone(), tell.clone());
        submitters.push(tokio::spawn(async move {
            for number in (submitter * 1_000_000).. {
                let answer = store.accept(vec![lead(number, &format!("user-{}", number % 7))], number).await;
                // Nobody listens any more: the test has seen enough.
                if answer.is_ok() && tell.send(number).is_err() {
                    return;
                }
                // A worker goes on meanwhile, so that kills hit every kind of change.
                let backlog = store.backlog(Vendor::CustomerIo);
                match backlog.lease(u64::MAX >> 12, (u64::MAX >> 12) + 1).await {
                    Ok(Some(leased)) if leased.id % 3 == 0 => drop(backlog.bury(leased.id, attempt(5)).await),
                    Ok(Some(leased)) => drop(backlog.ack(leased.id, Settled::delivered(6, None)).await),
                    Ok(None) | Err(_) => {}
                }
            }
        }));
    }
    drop(tell);
    let mut rng = Seed(4).stream("kills");
    let mut kept = HashSet::new();
    for _ in 0..KILLS {
        for _ in 0..rng.random_range(20..120) {
            kept.insert(acknowledged.recv().await.expect("the load goes on"));
        }
        server.kill();
        server.restart();
    }
    acknowledged.close();
    while let Ok(number) = acknowledged.try_recv() {
        kept.insert(number);
    }
    for submitter in submitters {
        submitter.await.expect("no panic");
    }
    let store = open(&server).await;
    assert!(kept.len() > KILLS * 20);
    for number in kept {
        assert!(
            store.lead(&key(number)).await.expect("a working server").is_some(),
            "lead {number} was acknowledged and is lost"
        );
    }
    // Each operation is in one place, and the counts are those of the places.
    let (mut queued, mut dead) = (0, 0);
    let mut after = None;
    loop {
        let page = store.leads(after.as_deref(), 500).await.expect("a working server");
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for record in page {
            assert_eq!(record.operations.len(), 3, "a lead has all its operations or is not there");
            let cio = record.operations.iter().filter(|operation| operation.kind != OperationKind::Enrich);
            for operation in cio {
                queued += u64::from(operation.place == RestingState::Queued);
                dead += u64::from(operation.place == RestingState::DeadLettered);
                assert_eq!(operation.settled.is_some(), operation.place == RestingState::Delivered);
            }
        }
    }
    let backlog = store.backlog(Vendor::CustomerIo);
    assert_eq!(backlog.counts(), (queued, dead));
    assert_eq!(backlog.page(0, usize::MAX >> 33).await.expect("a working server").len() as u64, dead);
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_asked_for_again_and_happens_once() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::to(&server.socket());
    let settings = RedisSettings { url: Secret::new(proxy.url()), ..server.settings() };
    let store = RedisStore::open(&settings).await.expect("a working server");
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    /// Loses the answer of a change that works, and asks for it again.
    macro_rules! twice {
        ($change:expr) => {{
            proxy.lose_the_next_answer();
            assert!($change.await.is_err(), "nobody heard");
            assert!(proxy.has_lost_it());
            $change.await.expect("the connection has come back")
        }};
    }
    // The scripts are known before their answers are lost: what is lost is not the question for a text.
    accept(&store, lead(9, "joe"), 1).await;
    for backlog in [&clay, &customer_io] {
        let leased = due(backlog, 1).await;
        backlog.fail(leased.id, attempt(1), 2).await.expect("a working server");
        let leased = due(backlog, 2).await;
        assert_eq!(backlog.bury(leased.id, attempt(2)).await, Ok(true));
        let letter = backlog.page(0, 1).await.expect("a working server").remove(0);
        assert_eq!(backlog.redrive(letter.id, 3).await, Ok(true));
        while let Some(leased) = lease(backlog, 3).await {
            deliver(backlog, leased.id, 3).await;
        }
    }
    assert_eq!(twice!(store.accept(vec![lead(1, "ada")], 10)), [Acceptance::Known]);
    assert_eq!((clay.counts(), customer_io.counts()), ((1, 0), (2, 0)));
    let leased = due(&clay, 10).await;
    twice!(clay.fail(leased.id, attempt(11), 20));
    let leased = due(&clay, 20).await;
    assert_eq!((leased.entry.retry_count, leased.entry.attempts.len()), (1, 1));
    let follow_up = vec![operation(OperationKind::Identify, 77, "eve", json!({}))];
    let settled = Settled { follow_up, ..Settled::delivered(21, Some(200)) };
    twice!(clay.ack(leased.id, settled.clone()));
    assert_eq!((clay.counts(), customer_io.counts()), ((0, 0), (3, 0)));
    let leased = due(&customer_io, 21).await;
    assert!(!twice!(customer_io.bury(leased.id, attempt(22))), "it has moved");
    assert_eq!(customer_io.counts(), (2, 1));
    let letter = customer_io.page(0, 1).await.expect("a working server").remove(0);
    assert_eq!(letter.entry.attempts, [attempt(22)]);
    assert!(!twice!(customer_io.redrive(letter.id, 30)), "it has moved");
    assert_eq!(customer_io.counts(), (3, 0));
    let said =
        plimsoll::store::Enrichment { at: 31, source: plimsoll::resilience::Source::Vendor, data: json!({ "size": 1 }).into() };
    assert_eq!(store.enrich(&key(9), said.clone(), Vec::new()).await, Ok(Recorded::New));
    let other = plimsoll::store::Enrichment { data: json!({ "size": 2 }).into(), ..said };
    assert_eq!(twice!(store.enrich(&key(1), other.clone(), Vec::new())), Recorded::Repeated);
    // A lease of which nobody heard is nobody's until it is over.
    proxy.lose_the_next_answer();
    assert!(customer_io.lease(40, 40 + LEASE).await.is_err());
    let mut got = HashSet::new();
    while let Some(leased) = lease(&customer_io, 41).await {
        got.insert(leased.entry.operation.user);
    }
    assert_eq!(got.len(), 1, "ada's or eve's is leased");
    assert!(lease(&customer_io, 40 + LEASE).await.is_some());
}

#[tokio::test]
async fn a_server_without_memory_refuses_leads_and_lets_the_queue_drain() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    for number in 1..=6 {
        accept(&store, lead(number, &format!("user-{number}")), number).await;
    }
    server.by_hand(&[&["CONFIG", "SET", "maxmemory", "1"]]).await;
    let refused = store.accept(vec![lead(7, "late")], 10).await.expect_err("there is no memory");
    assert!(refused.to_string().contains("OOM"), "{refused}");
    assert!(store.check().await.is_err(), "not ready");
    // All kinds of results go on.
    let leased = due(&clay, 10).await;
    let next = operation(OperationKind::Track, 1, "user-1", json!({ "follows": true }));
    let settled = Settled { follow_up: vec![next], ..Settled::delivered(11, Some(200)) };
    clay.ack(leased.id, settled).await.expect("it needs no memory to begin");
    let leased = due(&clay, 12).await;
    clay.fail(leased.id, attempt(13), 13).await.expect("it needs no memory to begin");
    assert_eq!(clay.bury(due(&clay, 13).await.id, attempt(14)).await, Ok(true));
    while let Some(leased) = lease(&customer_io, 20).await {
        deliver(&customer_io, leased.id, 21).await;
    }
    assert_eq!((clay.counts(), customer_io.counts()), ((4, 1), (0, 0)));
    server.by_hand(&[&["CONFIG", "SET", "maxmemory", "0"]]).await;
    assert_eq!(store.lead(&key(7)).await, Ok(None), "nothing of what was refused is there");
    accept(&store, lead(7, "late"), 30).await;
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    accept(&store, lead(1, "ada"), 10).await;
    server.by_hand(&[&["SCRIPT", "FLUSH"]]).await;
    accept(&store, lead(2, "ada"), 11).await;
}

#[tokio::test]
async fn what_another_program_wrote_is_an_error_that_says_so() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    accept(&store, lead_with(1, "ada", &[OperationKind::Track], json!({})), 10).await;
    server.by_hand(&[&["HSET", &format!("{{test}}:lead:{}", key(1)), "data", "{not json"]]).await;
    let error = store.lead(&key(1)).await.expect_err("this is no JSON");
    assert!(error.to_string().contains("did another program write there?"), "{error}");
    server.by_hand(&[&["DEL", "{test}:leads"], &["SET", "{test}:leads", "a text"]]).await;
    assert!(store.leads(None, 10).await.expect_err("this is no set").to_string().contains("WRONGTYPE"));
}
