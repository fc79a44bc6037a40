//! Several replicas of a service on one server.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use plimsoll::clock::LoadClock;
use plimsoll::event::NoEvents;
use plimsoll::outcome::Vendor;
use plimsoll::resilience::{
    Backlog, Charge, CreditSettings, DayClock, Emitter, FallbackQueue, Operation, OperationKind, Pipeline, PipelineSettings,
    Reply, Sender,
};
use plimsoll::seed::Seed;
use plimsoll::store::LeadStore;
use plimsoll::store::redis::{RedisSettings, RedisStore};
use serde_json::json;

use super::Server;
use crate::conformance::{LEASE, accept, attempt, deliver, due, key, lead, lead_with, lease};
use crate::memory_store::MemoryStore;

async fn replica(server: &Server) -> RedisStore {
    RedisStore::open(&server.settings()).await.expect("a working server")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_drain_one_queue_with_nothing_twice_and_each_user_in_order() {
    const USERS: u64 = 40;
    const ROUNDS: u64 = 5;
    let Some(server) = Server::start() else { return };
    let replicas = [replica(&server).await, replica(&server).await];
    let number = |user, round| round * USERS + user;
    for round in 0..ROUNDS {
        for user in 0..USERS {
            // Each replica takes every second lead.
            accept(&replicas[(user % 2) as usize], lead(number(user, round), &format!("user-{user}")), round).await;
        }
    }
    // Who is under way, over both replicas; and everything that was sent.
    let under_way: Arc<Mutex<HashSet<String>>> = Arc::default();
    let sent: Arc<Mutex<Vec<Operation>>> = Arc::default();
    let mut workers = Vec::new();
    for store in replicas.iter().flat_map(|store| [store, store]) {
        let (backlog, under_way, sent) = (store.backlog(Vendor::CustomerIo), Arc::clone(&under_way), Arc::clone(&sent));
        workers.push(tokio::spawn(async move {
            let mut done = 0;
            while backlog.next_due().await.expect("a working server").is_some() {
                let Some(leased) = lease(&backlog, 10).await else { continue };
                let operation = leased.entry.operation;
                assert!(under_way.lock().expect("no panic").insert(operation.user.clone()), "two of one user at once");
                tokio::task::yield_now().await;
                sent.lock().expect("no panic").push(operation.clone());
                under_way.lock().expect("no panic").remove(&operation.user);
                deliver(&backlog, leased.id, 11).await;
                done += 1;
            }
            done
        }));
    }
    for worker in workers {
        assert!(worker.await.expect("no panic") > 0, "every worker of every replica has done something");
    }
    let sent = std::mem::take(&mut *sent.lock().expect("no panic"));
    let mut by_user: HashMap<&str, Vec<&str>> = HashMap::new();
    for operation in &sent {
        by_user.entry(&operation.user).or_default().push(&operation.key);
    }
    for user in 0..USERS {
        let name = format!("user-{user}");
        let expected: Vec<_> = (0..ROUNDS).flat_map(|round| lead(number(user, round), &name).operations.split_off(1)).collect();
        assert_eq!(by_user[name.as_str()], expected.iter().map(|operation| operation.key.as_str()).collect::<Vec<_>>());
    }
    // Both see the same end.
    for store in &replicas {
        let backlog = store.backlog(Vendor::CustomerIo);
        assert_eq!(backlog.next_due().await, Ok(None));
        assert_eq!(backlog.counts(), (0, 0));
    }
}

#[tokio::test]
async fn what_a_dead_replica_had_comes_back_to_another() {
    let Some(server) = Server::start() else { return };
    let (dead, alive) = (replica(&server).await, replica(&server).await);
    accept(&dead, lead(1, "ada"), 10).await;
    let had = due(&dead.backlog(Vendor::Clay), 10).await;
    drop(dead);
    let backlog = alive.backlog(Vendor::Clay);
    assert_eq!(lease(&backlog, 10 + LEASE - 1).await, None);
    assert_eq!(backlog.next_due().await, Ok(Some(10 + LEASE)));
    assert_eq!(backlog.counts(), (1, 0), "one replica sees what another accepted");
    assert_eq!(due(&backlog, 10 + LEASE).await, had);
}

#[tokio::test]
async fn who_lost_the_lease_can_t_give_back_what_another_has_and_its_result_still_counts() {
    let Some(server) = Server::start() else { return };
    let (late, other) = (replica(&server).await, replica(&server).await);
    accept(&late, lead_with(1, "ada", &[OperationKind::Enrich], json!({})), 10).await;
    let (mine, theirs) = (late.backlog(Vendor::Clay), other.backlog(Vendor::Clay));
    let leased = due(&mine, 10).await;
    let again = due(&theirs, 10 + LEASE).await;
    assert_eq!(leased.id, again.id);
    mine.fail(leased.id, attempt(1_500), 1_501).await.expect("a working server");
    mine.release(leased.id, 1_502).await.expect("a working server");
    assert_eq!(mine.bury(leased.id, attempt(1_503)).await, Ok(false));
    assert_eq!(mine.next_due().await, Ok(Some(10 + 2 * LEASE)), "the other's lease is as it was");
    let record = other.lead(&key(1)).await.expect("a working server").expect("accepted");
    assert_eq!(record.operations[0].attempts, [], "the second attempt is under way: its result is the one to remember");
    // But that the vendor took it is true whoever says so.
    deliver(&mine, leased.id, 1_600).await;
    theirs.fail(again.id, attempt(1_700), 1_800).await.expect("a working server");
    assert_eq!(theirs.next_due().await, Ok(None));
    assert_eq!(theirs.counts(), (0, 0));
}

#[tokio::test]
async fn what_two_replicas_accept_at_once_is_accepted_once() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (replica(&server).await, replica(&server).await);
    let model = MemoryStore::new(server.settings().bounds);
    for number in 0..50 {
        let (a, b) = tokio::join!(one.accept(vec![lead(number, "ada")], 5), other.accept(vec![lead(number, "ada")], 5));
        let mut answers = [a.expect("a working server")[0], b.expect("a working server")[0]];
        answers.sort_by_key(|answer| format!("{answer:?}"));
        let expected = model.accept(vec![lead(number, "ada"), lead(number, "ada")], 5).await.expect("a working store");
        let mut expected = [expected[0], expected[1]];
        expected.sort_by_key(|answer| format!("{answer:?}"));
        assert_eq!(answers, expected);
    }
    assert_eq!(one.leads(None, 100).await, model.leads(None, 100).await);
}

/// A vendor that takes everything.
struct Willing;

impl Sender for Willing {
    async fn send(&self, _: &Operation, _: u32, _: tokio::time::Instant) -> Reply {
        Reply { status: Some(200), ..Reply::default() }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_settles_what_another_replica_has_sent() {
    let Some(server) = Server::start() else { return };
    let mut replicas = Vec::new();
    for name in ["a", "b", "c"] {
        let settings = RedisSettings { replica: name.to_owned(), ..server.settings() };
        let backlog = RedisStore::open(&settings).await.expect("a working server").backlog(Vendor::Clay);
        let mut settings = PipelineSettings::of(Vendor::Clay);
        settings.credits = Some(CreditSettings { by_callback: true, ..CreditSettings::default() });
        let emitter = Emitter::new(Vendor::Clay, LoadClock::start(), Arc::new(NoEvents));
        let rng = Seed(1).stream(name);
        replicas.push(Pipeline::with_backlog(settings, Willing, backlog, emitter, DayClock::start(), rng));
    }
    let lead = |number: u32| Operation::new(OperationKind::Enrich, format!("user-{number}"), json!({ "number": number }));
    for (number, replica) in (0..).zip(&replicas) {
        replica.call(lead(number)).await;
    }
    // Each comes to a replica that has not sent its row, and twice.
    for (number, to) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
        replicas[to].charged(&lead(number).key, format!("row {number}").as_bytes(), u64::from(number)).await;
    }
    for (number, replica) in (0..).zip(&replicas) {
        assert_eq!(replica.gauges().credits_left, Some(488));
        replica.hear_of_charges().await.expect("a working server");
        assert_eq!(replica.gauges().credits_left, Some(500 - number));
    }
    let charge = Charge { key: lead(0).key, callback: 1, credits: 4 };
    replicas[0].backlog().pass_on(&charge).await.expect("a working server");
    assert_eq!(replicas[0].backlog().passed_on().await, Ok(Vec::new()));
    assert_eq!(replicas[1].backlog().passed_on().await, Ok(vec![charge]));
    assert_eq!(replicas[1].backlog().passed_on().await, Ok(Vec::new()), "they are taken once");
}
