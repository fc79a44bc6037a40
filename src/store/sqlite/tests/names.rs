//! One service on a file, by whatever name; logs that are refused; and what an orderly stop leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Acceptance, Bounds, LeadStore};

use super::{lead, open, place};

/// All files of a directory.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: fs::DirEntry| {
        (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a readable file"))
    };
    fs::read_dir(dir).expect("a directory").map(|entry| read(entry.expect("a file"))).collect()
}

/// It is refused, and not a byte in the directory is another.
#[track_caller]
fn is_refused(path: &Path) -> OpenError {
    let dir = path.parent().expect("a directory");
    let before = files(dir);
    let error = SqliteStore::open(path, Bounds::default().into()).expect_err("a file to refuse");
    assert_eq!(files(dir), before, "{error}");
    error
}

/// The file and its log of a store that was not closed, in a directory of their own.
async fn as_a_crash_leaves_them(transactions: u64) -> (tempfile::TempDir, std::path::PathBuf) {
    let ((_dir, path), (kept, copy)) = (place(), place());
    let store = open(&path);
    for number in 0..transactions {
        store.accept(vec![lead(number)], 1).await.expect("a working store");
    }
    for suffix in ["", "-wal"] {
        let name = |path: &Path| path.with_file_name(format!("leads.db{suffix}"));
        fs::copy(name(&path), name(&copy)).expect("a file to copy");
    }
    (kept, copy)
}

#[tokio::test]
async fn an_orderly_stop_leaves_one_file_with_all_that_was_acknowledged() {
    let (dir, path) = place();
    let store = open(&path);
    store.accept((0..200).map(lead).collect(), 1).await.expect("a working store");
    assert_eq!(store.leads(None, 1_000).await.map(|leads| leads.len()), Ok(200));
    store.close().await.expect("a working store");
    let left: Vec<String> = files(dir.path()).into_keys().collect();
    assert_eq!(left, ["leads.db", "leads.db.lock"]);
    let (_other, copy) = place();
    fs::copy(&path, &copy).expect("a file");
    assert_eq!(open(&copy).leads(None, 1_000).await.map(|leads| leads.len()), Ok(200));
}

#[tokio::test]
async fn a_log_without_its_file_is_refused() {
    let (_dir, path) = as_a_crash_leaves_them(3).await;
    fs::remove_file(&path).expect("a file");
    let error = is_refused(&path);
    assert!(matches!(error, OpenError::LogAlone { .. }) && error.to_string().contains("put the file back"), "{error}");
    fs::write(&path, "").expect("a writable directory");
    assert!(matches!(is_refused(&path), OpenError::LogAlone { .. }), "an empty file is none");
}

#[tokio::test]
async fn a_log_that_is_broken_before_whole_transactions_is_refused_and_a_torn_end_is_not() {
    const FRAME: usize = 24 + 4_096;
    let (_dir, path) = as_a_crash_leaves_them(6).await;
    let log = path.with_file_name("leads.db-wal");
    let whole = fs::read(&log).expect("a log");
    let frames = (whole.len() - 32) / FRAME;
    let commits: Vec<usize> = (0..frames).filter(|frame| whole[32 + frame * FRAME + 4..][..4] != [0; 4]).collect();
    assert!(commits.len() >= 6, "{commits:?}");
    let file = fs::read(&path).expect("a file");
    let put = |log_bytes: &[u8]| {
        fs::write(&path, &file).expect("a file");
        fs::write(&log, log_bytes).expect("a log");
    };
    // Any bit of the header (but what says nothing of the frames), and of the header and the page of a frame.
    for at in [0, 3, 4, 8, 11, 16, 20, 24, 31] {
        let mut broken = whole.clone();
        broken[at] ^= 1;
        put(&broken);
        assert!(matches!(is_refused(&path), OpenError::DamagedLog { .. }), "byte {at} of the header");
    }
    let second = 32 + (commits[1] + 1) * FRAME;
    for at in [0, 3, 4, 7, 8, 15, 16, 23, 24, 2_000, FRAME - 1] {
        for bit in [1, 128] {
            let mut broken = whole.clone();
            broken[second + at] ^= bit;
            put(&broken);
            let error = is_refused(&path);
            assert!(matches!(error, OpenError::DamagedLog { .. }), "byte {at} of a frame: {error}");
        }
    }
    // The last transaction may be torn anywhere: it was never acknowledged.
    let last = 32 + (commits[commits.len() - 2] + 1) * FRAME;
    for at in [last, last + 20, whole.len() - FRAME, whole.len() - 1] {
        let mut torn = whole.clone();
        torn[at] ^= 1;
        put(&torn);
        assert_eq!(open(&path).leads(None, 10).await.map(|leads| leads.len()), Ok(5), "torn at {at}");
    }
    put(&whole[..whole.len() - 100]);
    assert_eq!(open(&path).leads(None, 10).await.map(|leads| leads.len()), Ok(5), "cut off");
    put(&whole);
    assert_eq!(open(&path).leads(None, 10).await.map(|leads| leads.len()), Ok(6));
}

#[tokio::test]
async fn no_name_of_a_file_and_no_lock_file_leads_around_the_lock() {
    let (dir, path) = place();
    let store = open(&path);
    store.accept(vec![lead(1)], 1).await.expect("a working store");
    let hard = dir.path().join("hard.db");
    fs::hard_link(&path, &hard).expect("a link");
    fs::remove_file(path.with_file_name("leads.db.lock")).expect("a lock file");
    for name in [hard.clone(), path.clone(), dir.path().join("../").join(dir.path().file_name().expect("a name")).join("hard.db")]
    {
        let error = SqliteStore::open(&name, Bounds::default().into()).expect_err("a file in use");
        assert!(matches!(error, OpenError::InUse { .. }), "{}: {error}", name.display());
    }
    assert_eq!(store.accept(vec![lead(2)], 1).await, Ok(vec![Acceptance::New]), "the first goes on");
    assert_eq!(store.leads(None, 10).await.map(|leads| leads.len()), Ok(2));
    store.close().await.expect("a working store");
    assert_eq!(open(&hard).leads(None, 10).await.map(|leads| leads.len()), Ok(2), "and it is free behind it");
}
