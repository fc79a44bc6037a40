//! Many changes, one commit; and one that fails, alone.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::channel;

use futures_util::FutureExt;
use tokio::sync::oneshot;

use crate::outcome::FailureKind;
use crate::resilience::Attempt;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::writer::Change;
use crate::store::{Acceptance, LeadStore};

use super::{lead, open, place};

pub(super) const WHY: Attempt = Attempt { at: 1, cause: FailureKind::Timeout, status: None };

/// Holds the writer in a commit of its own until both futures have asked, so that both are in the next.
pub(super) async fn together<A, B>(
    store: &SqliteStore,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let (go, wait) = channel::<()>();
    let (begun, has_begun) = oneshot::channel();
    let held = store.write(Change::Other, move |_| {
        let _ = begun.send(());
        // The sender's end is the signal too.
        let _ = wait.recv();
        Ok::<_, rusqlite::Error>(())
    });
    let both = async {
        has_begun.await.expect("a working store");
        // Polled last: the others have asked by then.
        let release = async { drop(go) };
        let (first, second, ()) = tokio::join!(biased; first, second, release);
        (first, second)
    };
    let (held, both) = tokio::join!(held, both);
    held.expect("a working store");
    both
}

#[tokio::test]
async fn what_waits_goes_into_one_commit() {
    let (_dir, path) = place();
    let store = open(&path);
    let (go, wait) = channel::<()>();
    let held = store.write(Change::Other, move |_| {
        let _ = wait.recv();
        Ok(())
    });
    let all = futures_util::future::join_all((0..300).map(|number| store.accept(vec![lead(number)], 1)));
    let (held, all, ()) = tokio::join!(biased; held, all, async { drop(go) });
    held.expect("a working store");
    assert!(all.iter().all(|accepted| *accepted == Ok(vec![Acceptance::New])));
    // The one that held the others up, and the one of all of them; or one of all.
    assert!(store.commits() <= 2, "{} commits", store.commits());
    assert_eq!(store.leads(None, 1_000).await.map(|leads| leads.len()), Ok(300));
}

#[tokio::test]
async fn a_change_that_fails_is_undone_and_fails_no_other() {
    let (_dir, path) = place();
    let store = open(&path);
    let bad = store.write(Change::Other, |transaction| {
        transaction.connection.execute("UPDATE leads SET user = 'nobody'", ())?;
        transaction.numbers.counts[0].queued += 1_000;
        transaction.connection.execute("UPDATE no_such_table SET a = 1", ())
    });
    let (good, bad) = together(&store, store.accept(vec![lead(1)], 1), bad).await;
    assert_eq!(good, Ok(vec![Acceptance::New]));
    assert!(bad.expect_err("no such table").to_string().contains("no_such_table"));
    let kept = store.lead(&lead(1).key).await.expect("a working store").expect("it is durable");
    assert_eq!(kept.user, "user-1");
    use crate::resilience::Backlog;
    assert_eq!(store.backlog(crate::outcome::Vendor::Clay).counts(), (1, 0));
}

#[tokio::test]
async fn a_caller_that_has_gone_does_not_undo_the_change() {
    let (_dir, path) = place();
    let store = open(&path);
    let mut accept = Box::pin(store.accept(vec![lead(1)], 1));
    assert!(futures_util::poll!(&mut accept).is_pending());
    drop(accept);
    store.check().await.expect("a working store");
    assert_eq!(store.accept(vec![lead(1)], 1).await, Ok(vec![Acceptance::Known]));
}

#[tokio::test]
async fn durability_is_what_it_is_said_to_be() {
    let (_dir, path) = place();
    let store = open(&path);
    let pragma = |name: &'static str| {
        store.write(Change::Other, move |transaction| {
            transaction.connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, rusqlite::types::Value>(0))
        })
    };
    assert_eq!(pragma("journal_mode").await, Ok("wal".to_owned().into()));
    assert_eq!(pragma("synchronous").await, Ok(2.into()));
}

#[tokio::test]
async fn callers_that_went_away_while_the_disk_stalled_left_no_more_than_a_bound() {
    let (_dir, path) = place();
    let store = open(&path);
    let (go, wait) = channel::<()>();
    let held = store.write(Change::Other, move |_| {
        let _ = wait.recv();
        Ok(())
    });
    let mut held = std::pin::pin!(held);
    assert!(futures_util::poll!(held.as_mut()).is_pending());
    let mebibyte = Arc::new(());
    for _ in 0..1_000 {
        let left_behind = Arc::clone(&mebibyte);
        let asked = store.write_large(Change::Other, 1 << 20, move |_| {
            drop(left_behind);
            Ok(())
        });
        assert_eq!(asked.now_or_never(), None, "there is no answer yet, and the caller goes");
    }
    let kept = Arc::strong_count(&mebibyte) - 1;
    assert!((1..=64).contains(&kept), "{kept} MiB wait for the disk");
    drop(go);
    held.await.expect("a working store");
    store.check().await.expect("it goes on");
}
