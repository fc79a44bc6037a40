//! Clocks: that of the server decides about leases, those of the replicas must be near it, and none goes back behind what is
//! written.

use std::sync::atomic::{AtomicI64, Ordering};

use plimsoll::clock::wall_clock;
use plimsoll::outcome::Vendor;
use plimsoll::resilience::{Backlog, FallbackQueue, UnixMillis};
use plimsoll::store::LeadStore;
use plimsoll::store::redis::{RedisSettings, RedisStore};

use super::Server;
use crate::conformance::{accept, attempt, deliver, due, key, lead};
use crate::redis::promises::{later, refuses};

const SECOND: u64 = 1_000;

fn machine() -> UnixMillis {
    wall_clock().timestamp_millis().unsigned_abs()
}

async fn live(server: &Server) -> RedisStore {
    RedisStore::open(&server.live_settings()).await.expect("a working server")
}

#[tokio::test]
async fn replicas_whose_clocks_differ_agree_on_leases_and_on_what_waits() {
    let Some(server) = Server::start() else { return };
    let (right, ahead) = (live(&server).await, live(&server).await);
    let (one, other) = (right.backlog(Vendor::Clay), ahead.backlog(Vendor::Clay));
    let minutes = |count: u64| count * 60 * SECOND;
    let now = machine();
    accept(&right, lead(1, "ada"), now).await;
    let leased = one.lease(now, now + minutes(1)).await.expect("a working server").expect("it is due");
    // For the other it is five minutes later: the lease seems to be over, and is not.
    let theirs = now + minutes(5);
    assert_eq!(other.lease(theirs, theirs + minutes(1)).await, Ok(None));
    let near = |found: Option<UnixMillis>, expected: UnixMillis| {
        let found = found.expect("a date");
        assert!(found.abs_diff(expected) < 10 * SECOND, "{found} is not about {expected}");
    };
    near(other.next_due().await.expect("a working server"), theirs + minutes(1));
    near(one.next_due().await.expect("a working server"), now + minutes(1));
    // What waits two minutes waits two for both.
    one.fail(leased.id, attempt(now), now + minutes(2)).await.expect("a working server");
    near(other.next_due().await.expect("a working server"), theirs + minutes(2));
    let record = ahead.lead(&key(1)).await.expect("a working server").expect("it was accepted");
    near(record.operations[0].due, theirs + minutes(2));
    // What the one that is ahead takes in and brings back is due at once for both.
    accept(&ahead, lead(2, "bob"), theirs).await;
    let leased = one.lease(now, now + minutes(1)).await.expect("a working server").expect("it is due");
    assert_eq!(leased.entry.operation.user, "bob");
    assert_eq!(one.bury(leased.id, attempt(now)).await, Ok(true));
    let letter = plimsoll::resilience::DeadLetters::page(&other, 0, 1).await.expect("a working server").remove(0);
    assert_eq!(other.redrive(letter.id, theirs).await, Ok(true));
    assert!(one.lease(now, now + minutes(1)).await.expect("a working server").is_some());
}

#[tokio::test]
async fn a_replica_whose_clock_is_far_from_the_server_s_is_refused_until_it_is_not() {
    static AHEAD_MS: AtomicI64 = AtomicI64::new(0);
    let Some(server) = Server::start() else { return };
    let clock = || machine().saturating_add_signed(AHEAD_MS.load(Ordering::Relaxed));
    let settings = RedisSettings { clock, ..server.live_settings() };
    let store = RedisStore::open(&settings).await.expect("the clocks agree");
    accept(&store, lead(1, "ada"), machine()).await;
    for (ahead, words) in
        [(300_500, "clock is 300 s ahead of"), (-300_500, "clock is 300 s behind"), (15_600, "clock is 15 s ahead")]
    {
        AHEAD_MS.store(ahead, Ordering::Relaxed);
        later().await;
        refuses(&store, &[words, "Set the clock that is wrong"]).await;
        let skew = store.clock_skew_ms().expect("the server has a clock");
        assert!((skew - ahead).abs() < 5_000, "{skew} is not about {ahead}");
        let refused = RedisStore::open(&settings).await.expect_err("a refusal").to_string();
        assert!(refused.contains(words), "{refused}");
    }
    AHEAD_MS.store(10_000, Ordering::Relaxed);
    later().await;
    assert_eq!(store.check().await, Ok(()), "that is near enough");
}

#[tokio::test]
async fn the_store_s_clock_does_not_go_back_behind_what_is_written() {
    let Some(server) = Server::start() else { return };
    let store = live(&server).await;
    let now = machine();
    let time = store.time().await.expect("a working server").expect("it has a clock");
    assert!(time.abs_diff(now) < 10 * SECOND);
    // As the server's own clock before it was set back.
    accept(&store, lead(1, "ada"), now + 3_600 * SECOND).await;
    let store = live(&server).await;
    let time = store.time().await.expect("a working server").expect("it has a clock");
    assert!(time >= now + 3_600 * SECOND);
    let backlog = store.backlog(Vendor::Clay);
    assert!(backlog.lease(time, time + 60 * SECOND).await.expect("a working server").is_some(), "it does not wait for an hour");
    assert!(store.time().await.expect("a working server").expect("it has a clock") < time + 60 * SECOND, "added once");
}

#[tokio::test]
async fn the_latest_date_is_that_of_whatever_came_was_taken_or_was_settled_last() {
    let Some(mut server) = Server::start() else { return };
    let open = async |server: &Server| RedisStore::open(&server.settings()).await.expect("a working server");
    let store = open(&server).await;
    assert_eq!(store.latest().await, Ok(None), "nothing is dated");
    accept(&store, lead(1, "ada"), 1_000).await;
    assert_eq!(store.latest().await, Ok(Some(1_000)));
    accept(&store, lead(2, "eve"), 400).await;
    assert_eq!(store.latest().await, Ok(Some(1_000)), "it does not go back");
    let backlog = store.backlog(Vendor::Clay);
    let leased = due(&backlog, 2_000).await;
    assert_eq!(store.latest().await, Ok(Some(2_000)), "when it was taken, and not when the lease is over");
    deliver(&backlog, leased.id, 2_500).await;
    assert_eq!(store.latest().await, Ok(Some(2_500)));
    // As a set of leads that a clock an hour ahead has left.
    drop((store, backlog));
    server.kill();
    server.restart();
    assert_eq!(open(&server).await.latest().await, Ok(Some(2_500)));
}
