//! A row that cannot be read harms itself alone.

use std::path::Path;

use rusqlite::Connection;

use crate::outcome::{FailureKind, Vendor};
use crate::resilience::{Attempt, Backlog, DeadLetters, FallbackQueue, Settled, Source};
use crate::store::sqlite::{SqliteFile, SqliteSettings, SqliteStore};
use crate::store::{Enrichment, LeadStore, NewLead};

use super::{lead, open, place};

/// A lead of the user of another.
fn of_user(number: u64, of: u64) -> NewLead {
    let mut made = lead(number);
    let user = lead(of).user;
    made.operations.iter_mut().for_each(|operation| operation.user.clone_from(&user));
    NewLead { user, ..made }
}

/// As somebody with another program does it.
fn by_hand(path: &Path, sql: &str) {
    let other = Connection::open(path).expect("a database");
    assert!(other.execute(sql, ()).expect("a change") > 0, "{sql}");
}

/// As a file that is too large to be looked through when it is opened.
fn open_unseen(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteSettings::default().checked_whole(0)).expect("a file to write")
}

/// The users of all that is delivered for a vendor until nothing is due, in their order.
async fn delivered(store: &SqliteStore, vendor: Vendor) -> Vec<String> {
    let queue = store.backlog(vendor);
    let mut users = Vec::new();
    while let Some(leased) = queue.lease(1_000, 2_000).await.expect("a working store") {
        queue.ack(leased.id, Settled::delivered(1_000, Some(200))).await.expect("a working store");
        users.push(format!("{} {}", leased.entry.operation.user, leased.entry.operation.lead.unwrap_or_default()));
    }
    users
}

#[tokio::test]
async fn a_lead_that_cannot_be_read_is_set_aside_and_the_others_are_delivered() {
    let (_dir, path) = place();
    let store = open(&path);
    let leads = vec![lead(1), lead(2), of_user(3, 2), of_user(4, 2), lead(5)];
    let keys: Vec<String> = leads.iter().map(|lead| lead.key.clone()).collect();
    store.accept(leads, 1).await.expect("a working store");
    drop(store);
    by_hand(
        &path,
        "UPDATE leads SET data = '{' WHERE user = 'user-2' AND id = (SELECT min(id) FROM leads WHERE user = 'user-2')",
    );

    let store = open_unseen(&path);
    let name = |user: u64, key: usize| format!("user-{user} {}", keys[key]);
    let enriched = delivered(&store, Vendor::Clay).await;
    let mut sorted = enriched.clone();
    sorted.sort();
    assert_eq!(sorted, [name(1, 0), name(2, 2), name(2, 3), name(5, 4)]);
    assert_eq!(delivered(&store, Vendor::CustomerIo).await.len(), 8);
    assert_eq!(store.backlog(Vendor::Clay).counts(), (0, 0));
    assert_eq!(store.quarantined(), 3, "its three operations");

    let listed = store.leads(None, 100).await.expect("the others are listed");
    assert_eq!(listed.iter().map(|lead| lead.key.as_str()).collect::<Vec<_>>(), [&keys[0], &keys[2], &keys[3], &keys[4]]);
    // A page is full of what can be read.
    assert_eq!(store.leads(Some(&keys[0]), 2).await.expect("the others are listed").len(), 2);
    let error = store.lead(&keys[1]).await.expect_err("it cannot be read");
    assert!(error.to_string().contains("quarantined") && error.to_string().contains("checksum"), "{error}");
    assert_eq!(store.quarantined(), 4, "and the lead itself");
    assert_eq!(store.forget_settled(u64::MAX).await, Ok(4));
    drop(store);

    let set_aside = SqliteFile::open(&path).expect("a store").summary().expect("a store").quarantined;
    let names: Vec<&str> = set_aside.iter().map(|record| record.record).collect();
    assert_eq!(names, ["lead", "operation", "operation", "operation"]);
    assert_eq!((set_aside[0].fields["data"].as_str(), set_aside[0].lead.as_deref()), ("{", Some(keys[1].as_str())));
    assert!(set_aside[1].found_at.is_some() && set_aside[1].reason.contains("its lead"), "{:?}", set_aside[1]);
    let store = open(&path);
    assert_eq!(store.quarantined(), 4, "it is known when the store is opened again");
    assert!(store.lead(&keys[1]).await.is_err(), "and it is not forgotten");
}

#[tokio::test]
async fn what_fits_its_checksum_and_is_no_json_is_set_aside_too() {
    let (_dir, path) = place();
    let store = open(&path);
    store.accept(vec![lead(1), lead(2)], 1).await.expect("a working store");
    let sql = "UPDATE entries SET checksum = checksum - part('kind', kind) + part('kind', 'unheard of'), kind = 'unheard of'
        WHERE id = (SELECT min(id) FROM entries)";
    let unheard = move |transaction: &mut super::super::transaction::Transaction<'_>| transaction.connection.execute(sql, ());
    assert_eq!(store.write(super::super::writer::Change::Other, unheard).await, Ok(1));
    drop(store);
    let store = open_unseen(&path);
    assert_eq!(delivered(&store, Vendor::Clay).await.len(), 1);
    assert_eq!(store.quarantined(), 1);
    let one = store.lead(&lead(1).key).await.expect("a working store").expect("it can be read");
    assert_eq!((one.operations.len(), one.unreadable), (2, 1), "and its lead without it");
}

#[tokio::test]
async fn while_it_is_leased_a_row_is_damaged_and_its_line_goes_on() {
    let (_dir, path) = place();
    let store = open(&path);
    store.accept(vec![lead(1), of_user(2, 1)], 1).await.expect("a working store");
    let queue = store.backlog(Vendor::Clay);
    for (number, end) in ["ack", "fail", "release", "bury"].into_iter().enumerate() {
        store.accept(vec![of_user(10 + number as u64, 1)], 1).await.expect("a working store");
        let leased = queue.lease(1_000, 2_000).await.expect("a working store").expect("due");
        by_hand(&path, &format!("UPDATE entries SET attempts = 'x' WHERE id = {}", leased.id));
        let why = Attempt { at: 3, cause: FailureKind::Timeout, status: None };
        match end {
            "ack" => queue.ack(leased.id, Settled::delivered(3, Some(200))).await.expect(end),
            "fail" => queue.fail(leased.id, why, 5).await.expect(end),
            "release" => queue.release(leased.id, 5).await.expect(end),
            _ => assert!(!queue.bury(leased.id, why).await.expect(end)),
        }
        assert_eq!(store.quarantined(), number as u64 + 1, "{end}");
        assert_eq!(queue.counts(), (2, 0), "{end}");
    }
    assert_eq!(delivered(&store, Vendor::Clay).await.len(), 2);
}

#[tokio::test]
async fn a_letter_and_an_enrichment_that_cannot_be_read_fail_no_page() {
    let (_dir, path) = place();
    let store = open(&path);
    store.accept((1..=5).map(lead).collect(), 1).await.expect("a working store");
    let queue = store.backlog(Vendor::Clay);
    for _ in 0..5 {
        let leased = queue.lease(1_000, 2_000).await.expect("a working store").expect("due");
        assert_eq!(queue.bury(leased.id, Attempt { at: 3, cause: FailureKind::ClientError, status: Some(400) }).await, Ok(true));
    }
    for number in [1, 2] {
        let found = Enrichment { at: 4, source: Source::Vendor, data: serde_json::json!({ "n": number }).into() };
        store.enrich(&lead(1).key, found, Vec::new()).await.expect("a working store");
    }
    let second = queue.page(0, 2).await.expect("a working store")[1].id;
    by_hand(&path, &format!("UPDATE entries SET dead_at = dead_at + 1 WHERE id = {second}"));
    by_hand(&path, "UPDATE enrichments SET data = '{\"n\":3}' WHERE id = (SELECT max(id) FROM enrichments)");

    let page = queue.page(0, 2).await.expect("the others are listed");
    assert_eq!(page.len(), 2, "a page is full of what can be read");
    assert_eq!(queue.page(page[1].id, 10).await.expect("the others are listed").len(), 2);
    assert_eq!(queue.counts(), (0, 4));
    let one = store.lead(&lead(1).key).await.expect("a working store").expect("it is there");
    assert_eq!((one.enrichments.len(), one.unreadable), (1, 1));
    // What cannot be compared is no repetition.
    let again = Enrichment { at: 5, source: Source::Vendor, data: serde_json::json!({ "n": 2 }).into() };
    assert_eq!(store.enrich(&lead(1).key, again, Vec::new()).await, Ok(crate::store::Recorded::New));
    assert_eq!(store.quarantined(), 2);
}

#[tokio::test]
async fn a_long_line_of_rows_that_cannot_be_read_ends_at_one_that_can() {
    let (_dir, path) = place();
    let store = open(&path);
    store.accept((0..700).map(|number| of_user(number, 0)).collect(), 1).await.expect("a working store");
    store.accept((700..1_400).map(lead).collect(), 1).await.expect("a working store");
    drop(store);
    by_hand(
        &path,
        "UPDATE entries SET first = first + 1 WHERE vendor = 0 AND (line = (SELECT line FROM entries WHERE vendor = 0
        ORDER BY id LIMIT 1) OR id % 8 = 2) AND id <> (SELECT max(id) FROM entries WHERE vendor = 0)",
    );
    let store = open_unseen(&path);
    let rows = store.backlog(Vendor::Clay).counts().0;
    let sent = delivered(&store, Vendor::Clay).await.len() as u64;
    assert!(sent > 300 && sent < 1_000, "{sent}");
    assert_eq!(store.quarantined() + sent, rows, "each is delivered or set aside");
    assert_eq!(store.backlog(Vendor::Clay).counts(), (0, 0));
}

#[tokio::test]
async fn rows_that_nothing_would_read_are_found_when_the_file_is_opened() {
    let (_dir, path) = place();
    let store = open(&path);
    store.accept(vec![lead(1), of_user(2, 1), lead(3)], 1).await.expect("a working store");
    drop(store);
    // The first of its line is no longer marked as such: without the scan, neither it nor what is behind it would ever be leased.
    by_hand(&path, "UPDATE entries SET head = 0 WHERE id = (SELECT min(id) FROM entries WHERE vendor = 0)");
    let store = open(&path);
    assert_eq!(store.quarantined(), 1);
    assert_eq!(store.backlog(Vendor::Clay).counts(), (2, 0));
    assert_eq!(delivered(&store, Vendor::Clay).await.len(), 2);
    drop(store);
    let store = open(&path);
    assert_eq!((store.quarantined(), store.backlog(Vendor::Clay).counts()), (1, (0, 0)), "once");
}
