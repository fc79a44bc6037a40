//! The queue: order, leases, attempts, and its end.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use plimsoll::outcome::{FailureKind, RestingState, Vendor};
use plimsoll::resilience::queue::ATTEMPTS_REMEMBERED;
use plimsoll::resilience::{Attempt, Backlog, Entry, FallbackQueue, Operation, OperationKind, Settled, Source};
use plimsoll::store::{Acceptance, Bounds, LeadStore};
use serde_json::json;

use super::{LEASE, ROOMY, Stand, accept, attempt, deliver, due, key, lead, lead_with, lease, operation, stand};

const TRACK: &[OperationKind] = &[OperationKind::Track];

pub(crate) async fn operations_of_a_user_leave_in_their_order_and_users_do_not_wait_for_each_other<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    accept(&store, lead(1, "ada"), 10).await;
    accept(&store, lead(2, "ada"), 11).await;
    accept(&store, lead(3, "bob"), 12).await;
    let first = due(&customer_io, 20).await;
    assert_eq!(first.entry.operation, lead(1, "ada").operations[1]);
    let bob = due(&customer_io, 20).await;
    assert_eq!(bob.entry.operation, lead(3, "bob").operations[1], "ada's others wait for her first, bob does not");
    assert_eq!(lease(&customer_io, 20).await, None);
    assert_eq!(due(&clay, 20).await.entry.operation, lead(1, "ada").operations[0], "vendors do not wait for each other");
    // Back in the queue it is still the first of its line.
    customer_io.fail(first.id, attempt(21), 500).await.expect("a working store");
    assert_eq!(lease(&customer_io, 499).await, None);
    let again = due(&customer_io, 500).await;
    assert_eq!(again.entry.operation, first.entry.operation);
    deliver(&customer_io, again.id, 501).await;
    for expected in [&lead(1, "ada").operations[2], &lead(2, "ada").operations[1], &lead(2, "ada").operations[2]] {
        let leased = due(&customer_io, 502).await;
        assert_eq!(&leased.entry.operation, expected);
        assert_eq!(lease(&customer_io, 502).await, None);
        deliver(&customer_io, leased.id, 502).await;
    }
    assert_eq!(customer_io.holds("ada").await, Ok(false));
    assert_eq!(clay.holds("ada").await, Ok(true));
    assert_eq!(customer_io.holds("bob").await, Ok(true), "what is leased is in the queue");
}

pub(crate) async fn what_has_been_due_for_the_longest_goes_first<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let backlog = stand.store().backlog(Vendor::CustomerIo);
    assert_eq!(backlog.next_due().await, Ok(None));
    assert_eq!(lease(&backlog, u64::MAX >> 12).await, None);
    // Numbers of different lengths: an order of texts is not one of numbers.
    let day = 1_767_225_600_000;
    for (user, due) in [("c", day + 1_000), ("a", 900), ("d", day + 20_000), ("b", day), ("e", 70)] {
        let entry = Entry::new(Operation::new(OperationKind::Track, user, json!({})), attempt(5));
        assert_eq!(backlog.push(entry, due).await, Ok(true));
    }
    assert_eq!(backlog.next_due().await, Ok(Some(70)));
    assert_eq!(lease(&backlog, 69).await, None);
    let mut users = Vec::new();
    while let Some(leased) = backlog.lease(day + 1_000, day * 2).await.expect("a working store") {
        users.push(leased.entry.operation.user);
    }
    assert_eq!(users, ["e", "a", "b", "c"]);
    assert_eq!(backlog.next_due().await, Ok(Some(day + 20_000)));
}

pub(crate) async fn a_lease_that_is_never_finished_comes_back<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let backlog = store.backlog(Vendor::CustomerIo);
    accept(&store, lead_with(1, "ada", TRACK, json!({})), 5).await;
    accept(&store, lead_with(2, "ada", TRACK, json!({})), 6).await;
    let first = due(&backlog, 10).await;
    assert_eq!(lease(&backlog, 10 + LEASE - 1).await, None);
    assert_eq!(backlog.next_due().await, Ok(Some(10 + LEASE)));
    assert_eq!(backlog.counts(), (2, 0));
    let again = due(&backlog, 10 + LEASE).await;
    assert_eq!(again.entry, first.entry, "a lost lease counts as no attempt, and nobody overtook");
    deliver(&backlog, again.id, 2_000).await;
    assert_eq!(due(&backlog, 2_000).await.entry.operation.lead, Some(key(2)));
}

pub(crate) async fn failed_attempts_are_counted_and_remembered_and_released_ones_are_not<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let backlog = store.backlog(Vendor::Clay);
    accept(&store, lead_with(1, "ada", &[OperationKind::Enrich], json!({})), 0).await;
    let leased = due(&backlog, 0).await;
    backlog.release(leased.id, 100).await.expect("a working store");
    assert_eq!(lease(&backlog, 99).await, None);
    let leased = due(&backlog, 100).await;
    assert_eq!((leased.entry.retry_count, leased.entry.attempts.len()), (0, 0));
    let why = Attempt { at: 150, cause: FailureKind::Timeout, status: None };
    backlog.fail(leased.id, why, 300).await.expect("a working store");
    backlog.fail(leased.id, why, 300).await.expect("a working store");
    let record = store.lead(&key(1)).await.expect("a working store").expect("accepted");
    assert_eq!((record.operations[0].place, record.operations[0].due), (RestingState::Queued, Some(300)));
    assert_eq!(record.operations[0].attempts, [why], "an attempt that is reported twice counts once");
    assert_eq!(lease(&backlog, 299).await, None);
    let leased = due(&backlog, 300).await;
    assert_eq!((leased.entry.retry_count, leased.entry.attempts.as_slice()), (1, [why].as_slice()));
    let next = Attempt { at: 310, cause: FailureKind::RateLimited, status: Some(429) };
    backlog.fail(leased.id, next, 400).await.expect("a working store");
    let leased = due(&backlog, 400).await;
    assert_eq!((leased.entry.retry_count, leased.entry.attempts.as_slice()), (2, [why, next].as_slice()));
    // What nobody has any more cannot fail.
    deliver(&backlog, leased.id, 410).await;
    backlog.fail(leased.id, attempt(420), 500).await.expect("a working store");
    backlog.release(leased.id, 500).await.expect("a working store");
    assert_eq!(backlog.next_due().await, Ok(None));
    let record = store.lead(&key(1)).await.expect("a working store").expect("accepted");
    assert_eq!(
        (record.operations[0].place, record.operations[0].attempts.as_slice()),
        (RestingState::Delivered, [why, next].as_slice())
    );
}

pub(crate) async fn two_failures_alike_within_a_millisecond_are_two<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let backlog = store.backlog(Vendor::Clay);
    accept(&store, lead_with(1, "ada", &[OperationKind::Enrich], json!({})), 0).await;
    for failed in 0..3 {
        let leased = due(&backlog, 5).await;
        assert_eq!((leased.entry.retry_count, leased.entry.attempts.len()), (failed, failed as usize));
        backlog.fail(leased.id, attempt(5), 5).await.expect("a working store");
        assert_eq!(backlog.next_due().await, Ok(Some(5)), "the end of a lease is not waited for");
    }
}

pub(crate) async fn the_history_is_bounded<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let backlog = store.backlog(Vendor::Clay);
    accept(&store, lead_with(1, "ada", &[OperationKind::Enrich], json!({})), 0).await;
    let rounds = ATTEMPTS_REMEMBERED as u64 + 8;
    for round in 0..rounds {
        let leased = due(&backlog, round).await;
        backlog.fail(leased.id, attempt(round), round + 1).await.expect("a working store");
    }
    let entry = due(&backlog, rounds).await.entry;
    assert_eq!(u64::from(entry.retry_count), rounds);
    assert_eq!(entry.attempts.iter().map(|attempt| attempt.at).collect::<Vec<_>>(), (8..rounds).collect::<Vec<_>>());
}

pub(crate) async fn an_operation_is_acknowledged_together_with_what_follows<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    accept(&store, lead_with(1, "ada", &[OperationKind::Enrich], json!({})), 5).await;
    let leased = due(&clay, 5).await;
    clay.fail(leased.id, attempt(6), 10).await.expect("a working store");
    let leased = due(&clay, 10).await;
    let next = operation(OperationKind::Identify, 1, "ada", json!({ "company": "Acme" }));
    let alone = Operation::new(OperationKind::Track, "ada", json!({ "name": "enriched" }));
    let settled = Settled {
        at: 20,
        place: RestingState::Degraded,
        source: Some(Source::Local),
        cause: Some(FailureKind::BreakerOpen),
        status: Some(503),
        follow_up: vec![next.clone(), alone.clone()],
    };
    for _ in 0..2 {
        clay.ack(leased.id, settled.clone()).await.expect("a working store");
        assert_eq!((clay.counts(), customer_io.counts()), ((0, 0), (2, 0)), "asked for twice it happens once");
    }
    let record = store.lead(&key(1)).await.expect("a working store").expect("accepted");
    let [enriched, follows] = record.operations.as_slice() else { panic!("{:?}", record.operations) };
    assert_eq!(
        (enriched.place, enriched.due, enriched.attempts.as_slice()),
        (RestingState::Degraded, None, [attempt(6)].as_slice())
    );
    let told = enriched.settled.as_ref().expect("settled");
    assert_eq!(
        (told.at, told.place, told.source, told.cause, told.status),
        (20, RestingState::Degraded, Some(Source::Local), Some(FailureKind::BreakerOpen), Some(503))
    );
    assert_eq!((follows.kind, &follows.key, follows.place, follows.due), (next.kind, &next.key, RestingState::Queued, Some(20)));
    assert_eq!(lease(&customer_io, 19).await, None);
    let leased = due(&customer_io, 20).await;
    assert_eq!((leased.entry.operation, leased.entry.timestamp), (next, 20));
    deliver(&customer_io, leased.id, 21).await;
    let leased = due(&customer_io, 21).await;
    assert_eq!(leased.entry.operation, alone);
    deliver(&customer_io, leased.id, 22).await;
    let record = store.lead(&key(1)).await.expect("a working store").expect("accepted");
    assert!(record.operations.iter().all(|operation| operation.settled.is_some()));
    assert_eq!(record.operations.len(), 2, "what names no lead belongs to none");
}

pub(crate) async fn what_follows_is_kept_beyond_the_bound<S: Stand>() {
    let stand = stand!(S, Bounds { queue: 1, dead_letters: 1 });
    let store = stand.store();
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    let kinds = [OperationKind::Enrich, OperationKind::Identify];
    accept(&store, lead_with(1, "ada", &kinds, json!({})), 5).await;
    let leased = due(&clay, 5).await;
    let follow_up = vec![operation(OperationKind::Track, 1, "ada", json!({}))];
    let settled = Settled { follow_up, ..Settled::delivered(6, Some(200)) };
    clay.ack(leased.id, settled).await.expect("a working store");
    assert_eq!(customer_io.counts(), (2, 0), "one that was promised is not dropped for want of room");
    assert_eq!(store.accept(vec![lead_with(2, "bob", TRACK, json!({}))], 7).await, Ok(vec![Acceptance::Full]));
}

pub(crate) async fn a_full_queue_refuses_and_an_operation_is_queued_once<S: Stand>() {
    let stand = stand!(S, Bounds { queue: 2, dead_letters: 2 });
    let backlog = stand.store().backlog(Vendor::CustomerIo);
    let entry = |user: &str| Entry::new(Operation::new(OperationKind::Track, user, json!({})), attempt(5));
    assert_eq!(backlog.holds("a").await, Ok(false));
    assert_eq!(backlog.push(entry("a"), 5).await, Ok(true));
    assert_eq!(backlog.push(entry("a"), 9).await, Ok(true), "asked for twice it is kept once");
    assert_eq!(backlog.depth(), 1);
    assert_eq!(backlog.push(entry("b"), 6).await, Ok(true));
    assert_eq!(backlog.push(entry("c"), 7).await, Ok(false));
    assert_eq!(backlog.push(entry("a"), 9).await, Ok(true), "full or not, it is here");
    assert_eq!((backlog.counts(), backlog.depth()), ((2, 0), 2));
    assert_eq!((backlog.holds("a").await, backlog.holds("c").await), (Ok(true), Ok(false)));
    let leased = due(&backlog, 5).await;
    assert_eq!(leased.entry, entry("a"));
    assert_eq!(backlog.push(entry("c"), 7).await, Ok(false), "what is leased takes its room");
    deliver(&backlog, leased.id, 6).await;
    assert_eq!(backlog.push(entry("c"), 7).await, Ok(true));
    assert_eq!(backlog.holds("a").await, Ok(false));
}

pub(crate) async fn a_thousand_users_are_served_once_each_and_in_order_by_several_workers<S: Stand>() {
    const USERS: u64 = 1_000;
    const WORKERS: usize = 4;
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    for round in 0..2 {
        let batch = (0..USERS).map(|user| lead(round * USERS + user, &format!("user-{user}"))).collect();
        let accepted = store.accept(batch, 10 + round).await.expect("a working store");
        assert!(accepted.iter().all(|answer| *answer == Acceptance::New));
    }
    assert_eq!(store.backlog(Vendor::CustomerIo).counts(), (4 * USERS, 0));
    let done: Arc<Mutex<Vec<Operation>>> = Arc::default();
    let workers = (0..WORKERS).map(|_| {
        let (backlog, done) = (store.backlog(Vendor::CustomerIo), Arc::clone(&done));
        tokio::spawn(async move {
            while backlog.depth() > 0 {
                let Some(leased) = lease(&backlog, 20).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                // Written down while it is leased: nobody else can have the next of this user.
                done.lock().expect("no panic").push(leased.entry.operation);
                deliver(&backlog, leased.id, 21).await;
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.expect("no panic");
    }
    let done = done.lock().expect("no panic");
    assert_eq!(done.iter().map(|operation| &operation.key).collect::<HashSet<_>>().len(), done.len(), "nothing twice");
    let mut by_user: HashMap<&str, Vec<&Operation>> = HashMap::new();
    for operation in done.iter() {
        by_user.entry(&operation.user).or_default().push(operation);
    }
    assert_eq!(by_user.len() as u64, USERS);
    for user in 0..USERS {
        let name = format!("user-{user}");
        let expected: Vec<_> =
            [user, USERS + user].into_iter().flat_map(|number| lead(number, &name).operations.split_off(1)).collect();
        assert_eq!(by_user[name.as_str()], expected.iter().collect::<Vec<_>>());
    }
}
