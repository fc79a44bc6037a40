//! A file, or its log, that is removed, replaced or made read-only while the store works.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::outcome::Vendor;
use crate::resilience::FallbackQueue;
use crate::store::{Acceptance, LeadStore};

use super::{SqliteStore, lead, open, place};

/// Neither taken nor given out, and the reason says `words`.
async fn refuses(store: &SqliteStore, words: &str) {
    for error in [
        store.accept(vec![lead(50)], 2).await.expect_err("it is not acknowledged"),
        store.backlog(Vendor::Clay).lease(10, 20).await.map(drop).expect_err("what is sent could not be written down"),
        store.check().await.expect_err("it is not ready"),
    ] {
        let text = error.to_string();
        assert!(text.contains(words) && text.contains("what was acknowledged"), "no {words:?} in {text}");
    }
}

async fn accepts(store: &SqliteStore, path: &Path, number: u64) {
    assert_eq!(store.check().await, Ok(()));
    assert_eq!(store.accept(vec![lead(number)], 2).await, Ok(vec![Acceptance::New]));
    assert!(store.backlog(Vendor::Clay).lease(10, 20).await.expect("it is there").is_some());
    assert!(path.exists());
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_noticed_and_back_in_its_place_it_is_taken_again() {
    let (dir, path) = place();
    let store = open(&path);
    store.accept(vec![lead(1)], 1).await.expect("a working store");
    fs::rename(&path, dir.path().join("away")).expect("a file");
    refuses(&store, "removed or renamed").await;
    fs::write(&path, "another").expect("a writable directory");
    let other = fs::read(&path).expect("a file");
    refuses(&store, "replaced by another file").await;
    assert_eq!(fs::read(&path).expect("a file"), other, "it is not touched");
    fs::rename(dir.path().join("away"), &path).expect("a file");
    accepts(&store, &path, 2).await;
    store.close().await.expect("a working store");
    let store = open(&path);
    assert_eq!(store.leads(None, 10).await.map(|leads| leads.len()), Ok(2), "nothing of what was refused was kept");
}

#[tokio::test]
async fn a_file_that_is_made_read_only_is_noticed() {
    let (_dir, path) = place();
    let store = open(&path);
    let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a file");
    mode(0o400);
    refuses(&store, "read-only").await;
    mode(0o600);
    accepts(&store, &path, 1).await;
}

#[tokio::test]
async fn a_log_that_is_removed_is_written_back_and_begun_anew() {
    let (_dir, path) = place();
    let store = open(&path);
    store.accept((0..20).map(lead).collect(), 1).await.expect("a working store");
    let log = path.with_file_name("leads.db-wal");
    assert!(fs::metadata(&log).expect("a log").len() > 0);
    fs::remove_file(&log).expect("a log");
    // What gives out what is due looks too: an idle service notices within seconds.
    assert_eq!(store.backlog(Vendor::CustomerIo).next_due().await, Ok(Some(1)));
    assert!(log.exists(), "a new one is begun");
    accepts(&store, &path, 21).await;
    assert_eq!(store.leads(None, 100).await.map(|leads| leads.len()), Ok(21));
    // As a crash leaves them.
    let (_other, copy) = place();
    for suffix in ["", "-wal"] {
        let name = |path: &Path| path.with_file_name(format!("leads.db{suffix}"));
        fs::copy(name(&path), name(&copy)).expect("a file to copy");
    }
    assert_eq!(open(&copy).leads(None, 100).await.map(|leads| leads.len()), Ok(21));
}

#[tokio::test]
async fn a_store_that_is_closed_while_its_file_is_away_does_not_say_that_all_is_well() {
    let (dir, path) = place();
    let store = open(&path);
    store.accept(vec![lead(1)], 1).await.expect("a working store");
    let away = dir.path().join("away.db");
    fs::rename(&path, &away).expect("a file");
    let error = store.close().await.expect_err("it is not where it was");
    assert!(error.to_string().contains("removed or renamed"), "{error}");
    assert_eq!(open(&away).leads(None, 10).await.map(|leads| leads.len()), Ok(1), "it is whole where it is now");
}
