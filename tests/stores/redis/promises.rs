//! What a promise rests on is watched while the store is used: settings, role, password, and that it is still the same store.
//!
//! The kind of fault is that of taskforcesh/bullmq issues 921 and 2215: what was right at the start is trusted for ever, and jobs
//! vanish when a client's server becomes another one.

use std::time::Duration;

use plimsoll::outcome::Vendor;
use plimsoll::resilience::{Backlog, CreditState, FallbackQueue, HeldNote};
use plimsoll::store::redis::{RedisSettings, RedisStore};
use plimsoll::store::{Durability, LeadStore};
use tokio::time::{advance, pause, resume};

use super::Server;
use crate::conformance::{accept, deliver, due, key, lead};

async fn open(server: &Server) -> RedisStore {
    RedisStore::open(&server.settings()).await.expect("a server that keeps its promises")
}

/// Longer than a check is good for.
pub(super) async fn later() {
    pause();
    advance(Duration::from_secs(2)).await;
    resume();
}

/// No lead is acknowledged and nothing is sent, and each says why.
pub(super) async fn refuses(store: &RedisStore, words: &[&str]) {
    let backlog = store.backlog(Vendor::Clay);
    let said = [
        store.accept(vec![lead(99, "eve")], 20).await.map(drop),
        backlog.lease(20, 21).await.map(drop),
        backlog.next_due().await.map(drop),
        store.check().await,
    ];
    for said in said {
        let error = said.expect_err("a refusal").to_string();
        for word in words {
            assert!(error.contains(word), "no {word:?} in: {error}");
        }
    }
}

#[tokio::test]
async fn settings_that_are_changed_while_it_runs_are_noticed_and_mended_ones_too() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    accept(&store, lead(1, "ada"), 10).await;
    for (name, bad, good) in [
        ("appendonly", "no", "yes"),
        ("appendfsync", "everysec", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ] {
        server.by_hand(&[&["CONFIG", "SET", name, bad]]).await;
        later().await;
        let is = format!("{name} is {bad}");
        refuses(&store, &[&is, "What may be lost", "leads that are not settled: 1 (Clay: 1 queued, 0 dead letters"]).await;
        server.by_hand(&[&["CONFIG", "SET", name, good]]).await;
        later().await;
        assert_eq!(store.check().await, Ok(()), "{name} is {good} again");
    }
    accept(&store, lead(2, "bob"), 30).await;
}

#[tokio::test]
async fn a_server_that_came_back_without_its_leads_takes_none() {
    let Some(mut server) = Server::start() else { return };
    let store = open(&server).await;
    accept(&store, lead(1, "ada"), 10).await;
    server.replace_by_an_empty_one(&["--appendonly", "no"]);
    assert!(store.check().await.is_err(), "the connection is broken");
    refuses(&store, &["appendonly is no", "leads that are not settled: 1"]).await;
    later().await;
    refuses(&store, &["appendonly is no"]).await;
    // One that would keep its promises has not kept those of the other.
    server.kill();
    server.restart_with(&[]);
    later().await;
    refuses(&store, &["wiped", "another server", "leads that are not settled: 1", "restart the service"]).await;
    // Whoever starts accepts that; whoever runs does not.
    accept(&open(&server).await, lead(2, "bob"), 30).await;
    later().await;
    refuses(&store, &["wiped", "another server"]).await;
}

#[tokio::test]
async fn a_store_that_is_wiped_takes_no_lead_and_one_that_comes_back_does() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    accept(&store, lead(1, "ada"), 10).await;
    let backlog = store.backlog(Vendor::Clay);
    let leased = due(&backlog, 10).await;
    let redis::Value::BulkString(generation) = server.by_hand(&[&["GET", "{test}:generation"]]).await else {
        panic!("a generation")
    };
    server.by_hand(&[&["FLUSHALL"]]).await;
    refuses(&store, &["wiped", "leads that are not settled: 1", "restart the service"]).await;
    // What is written without a script is not written to another store either.
    assert!(backlog.keep_credits(CreditState::default()).await.is_err());
    assert!(backlog.keep_held(&HeldNote::default()).await.is_err());
    assert!(backlog.credits().await.is_err());
    assert_eq!(server.by_hand(&[&["DBSIZE"]]).await, redis::Value::Int(0), "nothing was begun there");
    assert_eq!(backlog.counts(), (1, 0), "what was heard last");
    // As from a backup, or when the address leads to the right server again.
    let generation = String::from_utf8(generation).expect("a text");
    server.by_hand(&[&["SET", "{test}:generation", &generation], &["SET", "{test}:changes", "1000"]]).await;
    later().await;
    assert_eq!(store.check().await, Ok(()));
    deliver(&backlog, leased.id, 20).await;
    assert_eq!(store.lead(&key(1)).await, Ok(None));
}

#[tokio::test]
async fn a_copy_that_lacks_changes_is_refused_where_they_were_promised() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    let loose = RedisSettings { durability: Durability::AsConfigured, ..server.settings() };
    let loose = RedisStore::open(&loose).await.expect("what it does is accepted");
    for number in 1..4 {
        accept(&store, lead(number, "ada"), 10).await;
        accept(&loose, lead(10 + number, "eve"), 10).await;
    }
    server.by_hand(&[&["SET", "{test}:changes", "3"], &["CLIENT", "KILL", "TYPE", "normal"]]).await;
    for store in [&store, &loose] {
        assert!(store.check().await.is_err(), "the connection is broken");
    }
    refuses(&store, &["lacks the last 2 changes", "leads that are not settled"]).await;
    accept(&loose, lead(20, "eve"), 11).await;
    assert_eq!(loose.backlog(Vendor::Clay).counts(), (7, 0), "what it says now counts");
}

#[tokio::test]
async fn a_server_that_is_demoted_is_left_and_taken_again() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    accept(&store, lead(1, "ada"), 10).await;
    server.by_hand(&[&["REPLICAOF", "127.0.0.1", "1"]]).await;
    for _ in 0..2 {
        let refused = store.accept(vec![lead(2, "bob")], 11).await.expect_err("it only copies another");
        assert!(refused.to_string().contains("read only replica"), "{refused}");
        assert!(store.refusal().is_some_and(|why| why.contains("can't be used")), "whoever submits a lead is told");
        assert!(store.backlog(Vendor::Clay).lease(11, 12).await.is_err());
        assert!(store.check().await.is_err());
    }
    server.by_hand(&[&["REPLICAOF", "NO", "ONE"]]).await;
    accept(&store, lead(2, "bob"), 12).await;
    assert_eq!(store.refusal(), None);
    assert!(store.lead(&key(1)).await.expect("a working server").is_some());
}

#[tokio::test]
async fn a_password_that_is_rotated_locks_out_and_one_that_fits_lets_in_again() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    accept(&store, lead(1, "ada"), 10).await;
    server.by_hand(&[&["CONFIG", "SET", "requirepass", "sesame"], &["CLIENT", "KILL", "TYPE", "normal"]]).await;
    assert!(store.check().await.is_err(), "the connection is broken");
    for _ in 0..2 {
        refuses(&store, &["can't be used", "Authentication required"]).await;
        assert!(store.refusal().is_some());
        later().await;
    }
    server.by_hand(&[&["AUTH", "sesame"], &["CONFIG", "SET", "requirepass", ""]]).await;
    accept(&store, lead(2, "bob"), 12).await;
}
