//! A full disk: nothing is acknowledged, nothing is lost, and it works again when there is room.

use std::process::Command;

use crate::outcome::Vendor;
use crate::resilience::{Backlog, FallbackQueue, Settled};
use crate::store::sqlite::writer::Change;
use crate::store::{Acceptance, LeadStore};

use super::{lead, lead_of_size, open, place};

/// The file may have so many pages more, and no others.
async fn room(store: &super::SqliteStore, more: i64) {
    let limit = move |transaction: &mut super::super::transaction::Transaction<'_>| {
        let pages: i64 = transaction.connection.query_row("PRAGMA page_count", (), |row| row.get(0))?;
        transaction.connection.query_row(&format!("PRAGMA max_page_count = {}", pages + more), (), |_| Ok(()))
    };
    store.write(Change::Other, limit).await.expect("a limit");
}

#[tokio::test]
async fn without_room_nothing_is_acknowledged_and_with_room_it_goes_on() {
    let (_dir, path) = place();
    let store = open(&path);
    store.accept((0..50).map(lead).collect(), 1).await.expect("a working store");
    let before = store.leads(None, 1_000).await;
    let counts = store.backlog(Vendor::CustomerIo).counts();
    room(&store, 3).await;

    let many: Vec<_> = (100..200).map(|number| lead_of_size(number, 1_000)).collect();
    let error = store.accept(many.clone(), 2).await.expect_err("no room");
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(store.leads(None, 1_000).await, before);
    assert_eq!(store.backlog(Vendor::CustomerIo).counts(), counts);
    // What needs no room goes on: the queue can drain.
    let queue = store.backlog(Vendor::CustomerIo);
    let leased = queue.lease(10, 20).await.expect("a working store").expect("due");
    queue.ack(leased.id, Settled::delivered(11, Some(200))).await.expect("no room is needed");
    assert_eq!(queue.counts(), (counts.0 - 1, 0));

    room(&store, 100_000).await;
    assert_eq!(store.accept(many, 3).await, Ok(vec![Acceptance::New; 100]));
    assert_eq!(store.check().await, Ok(()));
    drop((store, queue));
    assert_eq!(open(&path).leads(None, 1_000).await.map(|leads| leads.len()), Ok(150));
}

#[tokio::test]
async fn one_that_does_not_fit_fails_alone() {
    let (_dir, path) = place();
    let store = open(&path);
    store.check().await.expect("a working store");
    room(&store, 8).await;
    let (large, small) =
        super::grouping::together(&store, store.accept(vec![lead_of_size(1, 1_000_000)], 1), store.accept(vec![lead(2)], 1))
            .await;
    assert!(large.is_err(), "{large:?}");
    assert_eq!(small, Ok(vec![Acceptance::New]));
}

const CHILD: &str = "PLIMSOLL_TEST_FILE_LIMIT";

/// The operating system refuses writes past a length, in a process of its own, for the limit is the process's.
#[test]
fn a_disk_that_refuses_to_write_is_reported_and_nothing_that_was_acknowledged_is_lost() {
    let this = std::env::current_exe().expect("this program's own path");
    let test = "store::sqlite::tests::full_disk::in_a_process_whose_files_may_not_grow";
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 512; exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .expect("a shell");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("leads before the disk was full"), "the test did not run: {said}");
}

#[tokio::test]
async fn in_a_process_whose_files_may_not_grow() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let (_dir, path) = place();
    let store = open(&path);
    let mut acknowledged = Vec::new();
    let error = loop {
        let number = acknowledged.len() as u64;
        match store.accept(vec![lead_of_size(number, 2_000)], 1).await {
            Ok(_) => acknowledged.push(lead(number).key),
            Err(error) => break error,
        }
        assert!(number < 10_000, "the limit does not hold");
    };
    println!("{} leads before the disk was full: {error}", acknowledged.len());
    assert!(!acknowledged.is_empty());
    assert!(store.check().await.is_err() || store.accept(vec![lead_of_size(9_999, 100_000)], 1).await.is_err());
    let keys = |leads: Vec<crate::store::LeadRecord>| leads.into_iter().map(|lead| lead.key).collect::<Vec<_>>();
    assert_eq!(store.leads(None, 20_000).await.map(keys), Ok(acknowledged.clone()));
    let _ = store.close().await;
    drop(store);
    assert_eq!(open(&path).leads(None, 20_000).await.map(keys), Ok(acknowledged));
}
