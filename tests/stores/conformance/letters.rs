//! The dead letters, and the moves between them and the queue.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use plimsoll::outcome::{FailureKind, RestingState, Vendor};
use plimsoll::resilience::{Attempt, Backlog, DeadLetters, Entry, FallbackQueue, Operation, OperationKind};
use plimsoll::store::{Acceptance, Bounds, LeadStore};
use serde_json::json;

use super::{ROOMY, Stand, accept, attempt, deliver, due, key, lead_with, lease, stand};

const TRACK: &[OperationKind] = &[OperationKind::Track];
const GONE: Attempt = Attempt { at: 50, cause: FailureKind::ClientError, status: Some(422) };

pub(crate) async fn an_operation_moves_to_the_dead_letters_with_its_history<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let backlog = store.backlog(Vendor::CustomerIo);
    accept(&store, lead_with(1, "ada", TRACK, json!({})), 5).await;
    accept(&store, lead_with(2, "ada", TRACK, json!({})), 6).await;
    let leased = due(&backlog, 10).await;
    backlog.fail(leased.id, attempt(11), 20).await.expect("a working store");
    let leased = due(&backlog, 20).await;
    assert_eq!(backlog.bury(leased.id, GONE).await, Ok(true));
    assert_eq!(backlog.counts(), (1, 1));
    assert_eq!(backlog.bury(leased.id, GONE).await, Ok(false), "it has moved");
    assert_eq!((backlog.counts(), backlog.counts().1), ((1, 1), 1));
    let letters = backlog.page(0, 10).await.expect("a working store");
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].cause, letters[0].at, letters[0].entry.retry_count), (GONE.cause, GONE.at, 2));
    assert_eq!((letters[0].entry.attempts.as_slice(), letters[0].entry.timestamp), ([attempt(11), GONE].as_slice(), 5));
    assert_eq!(letters[0].entry.operation, leased.entry.operation);
    let told = store.lead(&key(1)).await.expect("a working store").expect("accepted").operations.remove(0);
    assert_eq!((told.place, told.due, told.settled), (RestingState::DeadLettered, None, None));
    assert_eq!(told.attempts, [attempt(11), GONE]);
    assert_eq!(due(&backlog, 60).await.entry.operation.lead, Some(key(2)), "the next of its user may go");
}

pub(crate) async fn without_room_for_a_letter_it_stays_queued<S: Stand>() {
    let stand = stand!(S, Bounds { queue: 10, dead_letters: 1 });
    let store = stand.store();
    let backlog = store.backlog(Vendor::CustomerIo);
    for (number, user) in [(1, "ada"), (2, "bob")] {
        accept(&store, lead_with(number, user, TRACK, json!({})), number).await;
    }
    assert_eq!(backlog.bury(due(&backlog, 10).await.id, GONE).await, Ok(true));
    let second = due(&backlog, 10).await;
    assert_eq!(backlog.bury(second.id, GONE).await, Ok(false));
    assert_eq!(backlog.counts(), (1, 1));
    backlog.fail(second.id, GONE, 100).await.expect("a working store");
    let again = due(&backlog, 100).await;
    assert_eq!((again.entry.operation.lead, again.entry.attempts.as_slice()), (Some(key(2)), [GONE].as_slice()));
    let entry = Entry::new(Operation::new(OperationKind::Track, "eve", json!({})), GONE);
    assert_eq!(backlog.put(entry, GONE.cause, 50).await, Ok(false));
    assert_eq!(backlog.counts(), (1, 1));
}

pub(crate) async fn a_letter_is_redriven_to_the_end_of_its_line<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let backlog = store.backlog(Vendor::CustomerIo);
    accept(&store, lead_with(1, "ada", TRACK, json!({})), 5).await;
    accept(&store, lead_with(2, "ada", TRACK, json!({})), 6).await;
    assert_eq!(backlog.bury(due(&backlog, 10).await.id, GONE).await, Ok(true));
    let letter = backlog.page(0, 1).await.expect("a working store").remove(0);
    assert_eq!(backlog.redrive(letter.id, 60).await, Ok(true));
    assert_eq!(backlog.redrive(letter.id, 60).await, Ok(false), "it has moved");
    assert_eq!(backlog.redrive(987_654, 60).await, Ok(false), "there is no such letter");
    assert_eq!(backlog.counts(), (2, 0));
    let told = store.lead(&key(1)).await.expect("a working store").expect("accepted").operations.remove(0);
    assert_eq!((told.place, told.due, told.redrives, told.settled), (RestingState::Queued, Some(60), 1, None));
    assert_eq!(told.attempts, [GONE], "its history goes with it");
    let second = due(&backlog, 70).await;
    assert_eq!(second.entry.operation.lead, Some(key(2)));
    deliver(&backlog, second.id, 71).await;
    let first = due(&backlog, 72).await;
    assert_eq!(first.entry.operation, letter.entry.operation);
    assert_eq!((first.entry.retry_count, first.entry.redrives, first.entry.timestamp), (0, 1, 5));
    assert_eq!(first.entry.attempts, [GONE]);
    // Given up again it is a letter again.
    assert_eq!(backlog.bury(first.id, attempt(80)).await, Ok(true));
    let letter = backlog.page(0, 1).await.expect("a working store").remove(0);
    assert_eq!((letter.entry.redrives, letter.entry.retry_count, letter.cause), (1, 1, FailureKind::ServerError));
    assert_eq!(letter.entry.attempts, [GONE, attempt(80)]);
}

pub(crate) async fn without_room_in_the_queue_a_letter_stays<S: Stand>() {
    let stand = stand!(S, Bounds { queue: 1, dead_letters: 5 });
    let store = stand.store();
    let backlog = store.backlog(Vendor::CustomerIo);
    accept(&store, lead_with(1, "ada", TRACK, json!({})), 5).await;
    assert_eq!(backlog.bury(due(&backlog, 10).await.id, GONE).await, Ok(true));
    accept(&store, lead_with(2, "bob", TRACK, json!({})), 6).await;
    let letter = backlog.page(0, 1).await.expect("a working store").remove(0);
    assert_eq!(backlog.redrive(letter.id, 60).await, Ok(false));
    assert_eq!(backlog.counts(), (1, 1));
    assert_eq!(backlog.page(0, 5).await.expect("a working store"), std::slice::from_ref(&letter));
    deliver(&backlog, due(&backlog, 10).await.id, 11).await;
    assert_eq!(backlog.redrive(letter.id, 60).await, Ok(true));
    assert_eq!(backlog.counts(), (1, 0));
}

pub(crate) async fn letters_are_put_paged_counted_and_removed<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let (backlog, other) = (store.backlog(Vendor::CustomerIo), store.backlog(Vendor::Clay));
    let letters = &backlog;
    let causes = [FailureKind::ClientError, FailureKind::Timeout, FailureKind::ClientError];
    for (number, cause) in (0..12).zip(causes.into_iter().cycle()) {
        let entry = Entry::new(Operation::new(OperationKind::Track, format!("user-{number}"), json!({})), attempt(5));
        assert_eq!(letters.put(entry, cause, 9 + number).await, Ok(true));
    }
    accept(&store, lead_with(1, "ada", TRACK, json!({})), 5).await;
    assert_eq!(backlog.bury(due(&backlog, 10).await.id, GONE).await, Ok(true));
    let by_cause = BTreeMap::from([("client_error".to_owned(), 9), ("timeout".to_owned(), 4)]);
    assert_eq!(letters.by_cause().await, Ok(by_cause));
    let (mut after, mut users) = (0, Vec::new());
    loop {
        let page = letters.page(after, 5).await.expect("a working store");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 5 && page.is_sorted_by_key(|letter| letter.id) && page[0].id > after);
        after = last.id;
        users.extend(page.into_iter().map(|letter| letter.entry.operation.user));
    }
    let expected = (0..12).map(|number| format!("user-{number}")).chain(["ada".to_owned()]).collect::<Vec<_>>();
    assert_eq!(users, expected);
    assert_eq!(other.counts().1, 0, "a vendor's letters are its own");
    assert_eq!(other.page(0, 100).await, Ok(Vec::new()));
    let page = letters.page(0, 100).await.expect("a working store");
    assert_eq!(
        (page[2].at, page[2].cause, page[2].entry.attempts.as_slice()),
        (11, FailureKind::ClientError, [attempt(5)].as_slice())
    );
    assert_eq!(letters.remove(page[0].id).await, Ok(true));
    assert_eq!(letters.remove(page[0].id).await, Ok(false));
    assert_eq!(letters.remove(page[12].id).await, Ok(true));
    assert_eq!((letters.counts().1, backlog.counts()), (11, (0, 11)));
    assert_eq!(letters.by_cause().await.map(|counts| counts["client_error"]), Ok(7));
    // A lead's letter that somebody threw away is a policy's rejection, with its reason.
    let told = store.lead(&key(1)).await.expect("a working store").expect("accepted").operations.remove(0);
    let settled = told.settled.expect("settled");
    assert_eq!(
        (told.place, settled.place, settled.cause, settled.status),
        (RestingState::Rejected, RestingState::Rejected, Some(GONE.cause), GONE.status)
    );
    assert_eq!((settled.at, told.attempts.as_slice()), (GONE.at, [GONE].as_slice()));
    assert_eq!(store.accept(vec![lead_with(1, "ada", TRACK, json!({}))], 99).await, Ok(vec![Acceptance::Known]));
}

pub(crate) async fn counts_see_an_entry_under_way_in_exactly_one_place<S: Stand>() {
    const ENTRIES: u64 = 5;
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    for number in 0..ENTRIES {
        accept(&store, lead_with(number, &format!("user-{number}"), TRACK, json!({})), 5).await;
    }
    let moving = Arc::new(AtomicBool::new(true));
    let (reader, watched) = (store.backlog(Vendor::CustomerIo), Arc::clone(&moving));
    let watch = tokio::spawn(async move {
        let mut wrong = Vec::new();
        while watched.load(Ordering::Acquire) {
            let (queued, letters) = reader.counts();
            if queued + letters != ENTRIES {
                wrong.push((queued, letters));
            }
            tokio::task::yield_now().await;
        }
        wrong
    });
    let backlog = store.backlog(Vendor::CustomerIo);
    for round in 0..20_u64 {
        while let Some(leased) = lease(&backlog, 5 + round * 10).await {
            assert_eq!(backlog.bury(leased.id, attempt(6 + round * 10)).await, Ok(true));
        }
        for letter in backlog.page(0, 100).await.expect("a working store") {
            assert_eq!(backlog.redrive(letter.id, 7 + round * 10).await, Ok(true));
        }
    }
    moving.store(false, Ordering::Release);
    assert_eq!(watch.await.expect("no panic"), []);
}
