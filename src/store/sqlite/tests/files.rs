//! Files that are opened, and files that are refused as they are.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::outcome::Vendor;
use crate::resilience::{Backlog, FallbackQueue, Settled};
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Acceptance, Bounds, LeadStore};

use super::{lead, open, place};

fn hash(path: &Path) -> Vec<u8> {
    Sha256::digest(fs::read(path).expect("a readable file")).to_vec()
}

/// Opening it fails with a message that holds `words`, and changes nothing.
#[track_caller]
fn is_refused(path: &Path, words: &[&str]) -> OpenError {
    let before = hash(path);
    let error = SqliteStore::open(path, Bounds::default().into()).expect_err("a file to refuse");
    assert_eq!(hash(path), before, "the file was changed");
    let text = error.to_string();
    for word in words.iter().chain(&["leads.db"]) {
        assert!(text.contains(word), "no {word:?} in {text:?}");
    }
    error
}

/// A file with 200 leads, closed in order.
async fn filled(path: &Path) {
    let store = open(path);
    store.accept((0..200).map(lead).collect(), 1).await.expect("a working store");
    store.close().await.expect("a working store");
}

#[test]
fn what_is_no_file_of_ours_is_refused_and_nothing_is_made_beside_it() {
    let (dir, path) = place();
    fs::write(&path, "My notes, which must not be overwritten.").expect("a writable directory");
    is_refused(&path, &["not a SQLite database", "another file"]);
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
    let sub = dir.path().join("sub");
    fs::create_dir(&sub).expect("a directory");
    let error = SqliteStore::open(&sub, Bounds::default().into()).expect_err("a directory");
    assert!(error.to_string().contains("it is not a file"), "{error}");
    let error = SqliteStore::open(&dir.path().join("no/leads.db"), Bounds::default().into()).expect_err("no directory");
    assert!(error.to_string().contains("no/leads.db"), "{error}");
    let error = SqliteStore::open_existing(&dir.path().join("new.db"), Bounds::default().into()).expect_err("no file");
    assert!(error.to_string().contains("no such store"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 2);
}

#[test]
fn the_database_of_another_application_is_refused() {
    let (_dir, path) = place();
    let other = Connection::open(&path).expect("a database");
    other.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE books (title); PRAGMA application_id = 7;").expect("tables");
    drop(other);
    is_refused(&path, &["another application", "0x7"]);
}

#[tokio::test]
async fn a_later_version_is_refused() {
    let (_dir, path) = place();
    filled(&path).await;
    let later = Connection::open(&path).expect("a database");
    later.execute_batch("PRAGMA user_version = 9").expect("a version");
    drop(later);
    let error = is_refused(&path, &["version 9", "up to 2"]);
    assert!(matches!(error, OpenError::Newer { found: 9, .. }));
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let (_dir, path) = place();
    filled(&path).await;
    let whole = fs::read(&path).expect("a readable file");

    fs::write(&path, &whole[..whole.len() - 5_000]).expect("a writable file");
    is_refused(&path, &["cut off", "restore a copy"]);

    let mut garbage = whole.clone();
    let page = garbage.len() / 4_096 / 2 * 4_096;
    garbage[page..page + 4_096].fill(0x5a);
    fs::write(&path, &garbage).expect("a writable file");
    let error = is_refused(&path, &["is damaged"]);
    assert!(matches!(error, OpenError::Damaged { .. }));

    fs::write(&path, &whole).expect("a writable file");
    let other = Connection::open(&path).expect("a database");
    other.execute_batch("ALTER TABLE leads ADD COLUMN colour TEXT").expect("another table");
    drop(other);
    is_refused(&path, &["tables are not those"]);

    fs::write(&path, &whole).expect("a writable file");
    assert_eq!(open(&path).accept(vec![lead(1)], 2).await, Ok(vec![Acceptance::Known]), "the whole file is opened");
}

#[tokio::test]
async fn a_second_service_on_one_file_is_refused_with_the_name_of_the_first() {
    let (_dir, path) = place();
    let first = open(&path);
    let error = SqliteStore::open(&path, Bounds::default().into()).expect_err("a file in use");
    let text = error.to_string();
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    assert_eq!(first.accept(vec![lead(1)], 1).await, Ok(vec![Acceptance::New]), "the first goes on");
    drop(first);
    assert_eq!(open(&path).accept(vec![lead(1)], 2).await, Ok(vec![Acceptance::Known]));
}

#[tokio::test]
async fn another_name_of_the_file_does_not_lead_around_the_lock() {
    let (dir, path) = place();
    let first = open(&path);
    let other = dir.path().join("other.db");
    std::os::unix::fs::symlink(&path, &other).expect("a link");
    let error = SqliteStore::open(&other, Bounds::default().into()).expect_err("a file in use");
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(first);
    assert!(SqliteStore::open(&other, Bounds::default().into()).is_ok());
}

#[tokio::test]
async fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, path) = place();
    let store = open(&path);
    store.accept(vec![lead(1)], 1).await.expect("a working store");
    for suffix in ["", "-wal"] {
        let mode = fs::metadata(path.with_file_name(format!("leads.db{suffix}"))).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn an_empty_file_and_one_whose_making_was_cut_off_are_made_anew() {
    let (_dir, path) = place();
    fs::write(&path, "").expect("a writable directory");
    fs::write(path.with_file_name("leads.db.new"), "half a").expect("a writable directory");
    let store = open(&path);
    assert_eq!(store.accept(vec![lead(1)], 1).await, Ok(vec![Acceptance::New]));
    assert!(!path.with_file_name("leads.db.new").exists());
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_files_as_they_are_at_that_instant() {
    let (_dir, path) = place();
    let (_other_dir, copy) = place();
    let store = open(&path);
    let queue = store.backlog(Vendor::CustomerIo);
    for number in 0..20 {
        store.accept(vec![lead(number)], number).await.expect("a working store");
    }
    let leased = queue.lease(100, 200).await.expect("a working store").expect("due");
    queue.ack(leased.id, Settled::delivered(101, Some(200))).await.expect("a working store");
    let before = store.leads(None, 100).await.expect("a working store");
    // As a crash leaves them: neither closed nor written back from the log.
    for suffix in ["", "-wal"] {
        let name = |path: &Path| path.with_file_name(format!("leads.db{suffix}"));
        fs::copy(name(&path), name(&copy)).expect("a file to copy");
    }
    let store = open(&copy);
    assert_eq!(store.leads(None, 100).await, Ok(before));
    assert_eq!(store.backlog(Vendor::CustomerIo).counts(), (39, 0));
    assert_eq!(store.backlog(Vendor::Clay).counts(), (20, 0));
}

#[tokio::test]
async fn after_the_close_every_change_is_refused_and_the_log_is_written_back() {
    let (_dir, path) = place();
    let store = open(&path);
    let queue = store.backlog(Vendor::Clay);
    store.accept(vec![lead(1)], 1).await.expect("a working store");
    store.close().await.expect("a working store");
    let closed = store.accept(vec![lead(2)], 1).await.expect_err("a closed store");
    assert!(closed.to_string().contains("closed"), "{closed}");
    assert!(store.lead(&lead(1).key).await.is_err());
    assert!(queue.push(crate::resilience::Entry::new(lead(3).operations[0].clone(), super::grouping::WHY), 1).await.is_err());
    assert_eq!(store.close().await, Ok(()), "a second close is none");
    assert!(!path.with_file_name("leads.db-wal").exists());
}

#[tokio::test]
async fn the_log_is_written_back_while_the_store_works() {
    let (_dir, path) = place();
    let store = open(&path);
    for number in 0..400 {
        store.accept((number * 20..number * 20 + 20).map(lead).collect(), 1).await.expect("a working store");
    }
    let log = fs::metadata(path.with_file_name("leads.db-wal")).expect("a log").len();
    let file = fs::metadata(&path).expect("a file").len();
    assert!(file > 1 << 20, "{file} bytes");
    // A thousand pages, and what a commit beyond them adds.
    assert!(log < 8 << 20, "{log} bytes");
}
