//! Single bits that flip in the file: each is refused, or found, or changes nothing that is delivered, listed or counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use rand::Rng;

use crate::outcome::{FailureKind, Vendor};
use crate::resilience::{
    Attempt, Backlog, CreditState, DeadLetter, DeadLetters, FallbackQueue, Leased, Settled, Source, StoreError,
};
use crate::seed::Seed;
use crate::store::listing::StoreSummary;
use crate::store::sqlite::{SqliteFile, SqliteSettings, SqliteStore};
use crate::store::{Enrichment, LeadRecord, LeadStore};

use super::{lead, open, place};

/// How many bits to flip, for a night.
const MORE: &str = "PLIMSOLL_FLIPS";

/// A store with leads in every state: delivered, degraded, failed, dead, redriven, removed, enriched, new.
pub(super) async fn in_all_states(path: &Path) -> SqliteStore {
    let store = open(path);
    store.accept((0..24).map(lead).collect(), 1).await.expect("a working store");
    for vendor in [Vendor::Clay, Vendor::CustomerIo] {
        let queue = store.backlog(vendor);
        let mut buried = Vec::new();
        for number in 0..16 {
            let leased = queue.lease(10, 20).await.expect("a working store").expect("due");
            let why = Attempt { at: 11, cause: FailureKind::ServerError, status: Some(500) };
            match number % 4 {
                0 => queue.ack(leased.id, Settled::delivered(12, Some(200))).await.expect("a working store"),
                1 => queue.fail(leased.id, why, 13 + number).await.expect("a working store"),
                2 => assert_eq!(queue.bury(leased.id, why).await, Ok(true)),
                _ => {
                    let settled = Settled { source: Some(Source::Cache), cause: Some(why.cause), ..Settled::delivered(14, None) };
                    queue.ack(leased.id, settled).await.expect("a working store");
                }
            }
        }
        buried.extend(queue.page(0, 10).await.expect("a working store"));
        assert_eq!(queue.redrive(buried[0].id, 30).await, Ok(true));
        assert_eq!(queue.remove(buried[1].id).await, Ok(true));
    }
    for number in 0..4 {
        let found = Enrichment { at: 15, source: Source::Vendor, data: serde_json::json!({ "title": "CTO" }).into() };
        store.enrich(&lead(number).key, found, Vec::new()).await.expect("a working store");
    }
    let credits = CreditState { day: 3, spent: 40, settled: 30, ..CreditState::default() };
    store.backlog(Vendor::Clay).keep_credits(credits).await.expect("a working store");
    store
}

/// All that is delivered, listed and counted.
#[derive(Debug, PartialEq)]
struct Seen {
    summary: StoreSummary,
    leads: Vec<LeadRecord>,
    letters: Vec<DeadLetter>,
    causes: Vec<BTreeMap<String, u64>>,
    counts: [(u64, u64); 3],
    credits: Option<CreditState>,
    delivered: Vec<Leased>,
    forgotten: u64,
}

/// What is seen of a file; `Ok(None)` when it is said that something is damaged.
async fn seen(path: &Path) -> Result<Option<Seen>, StoreError> {
    let Ok(store) = SqliteStore::open(path, SqliteSettings::default().unsynced()) else { return Ok(None) };
    let leads = store.leads(None, 1_000).await?;
    let counts = [0, 1, 2].map(|vendor| Vendor::ALL.get(vendor).map_or((0, 0), |vendor| store.backlog(*vendor).counts()));
    let credits = store.backlog(Vendor::Clay).credits().await?;
    let (mut letters, mut causes, mut delivered) = (Vec::new(), Vec::new(), Vec::new());
    for vendor in [Vendor::Clay, Vendor::CustomerIo] {
        let queue = store.backlog(vendor);
        letters.extend(queue.page(0, 1_000).await?);
        causes.push(queue.by_cause().await?);
        loop {
            let mut round = Vec::new();
            while let Some(leased) = queue.lease(1_000, 2_000).await? {
                round.push(leased);
            }
            if round.is_empty() {
                break;
            }
            let acks = round.iter().map(|leased| queue.ack(leased.id, Settled::delivered(1_000, Some(200))));
            join_all(acks).await.into_iter().collect::<Result<(), _>>()?;
            delivered.extend(round);
        }
    }
    let forgotten = store.forget_settled(u64::MAX).await?;
    let is_said = store.quarantined() > 0;
    store.close().await?;
    let failed = |error: super::super::OpenError| StoreError(error.to_string());
    let summary = SqliteFile::open(path).and_then(|mut file| file.summary()).map_err(failed)?;
    let is_said = is_said || !summary.quarantined.is_empty();
    Ok((!is_said).then_some(Seen { summary, leads, letters, causes, counts, credits, delivered, forgotten }))
}

#[tokio::test]
async fn no_flipped_bit_changes_anything_in_silence() {
    let flips = std::env::var(MORE).ok().and_then(|more| more.parse().ok()).unwrap_or(120);
    let (_dir, path) = place();
    in_all_states(&path).await.close().await.expect("a working store");
    let whole = fs::read(&path).expect("a readable file");
    let expected = seen(&path).await.expect("a working store").expect("it is whole");
    assert!(expected.leads.len() == 24 && expected.letters.len() == 4 && expected.delivered.len() > 30, "{expected:?}");

    let mut rng = Seed(11).stream("flips");
    let mut ends = [0; 2];
    for flip in 0..flips {
        let bit = match flip {
            // The header of the file, and what is said of its tables.
            0..30 => rng.random_range(0..100 * 8),
            _ => rng.random_range(0..whole.len() * 8),
        };
        let (_dir, path) = place();
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, flipped).expect("a writable file");
        match seen(&path).await {
            Ok(Some(seen)) => {
                assert_eq!(seen, expected, "bit {bit} changed something, and nothing said so");
                ends[0] += 1;
            }
            Ok(None) | Err(_) => ends[1] += 1,
        }
    }
    // Much of a small file is empty.
    assert!(ends.iter().all(|end| *end > 10), "{ends:?}");
}

#[tokio::test]
async fn counts_that_do_not_fit_are_had_from_the_rows_and_it_is_said() {
    let (_dir, path) = place();
    let store = in_all_states(&path).await;
    let counts = [Vendor::Clay, Vendor::CustomerIo].map(|vendor| store.backlog(vendor).counts());
    let credits = store.backlog(Vendor::Clay).credits().await;
    store.close().await.expect("a working store");
    let file = rusqlite::Connection::open(&path).expect("a database");
    file.execute_batch("UPDATE backlogs SET queued = 1000; UPDATE numbers SET last_id = 3").expect("a change");
    drop(file);
    let store = open(&path);
    assert_eq!([Vendor::Clay, Vendor::CustomerIo].map(|vendor| store.backlog(vendor).counts()), counts);
    assert_eq!(store.backlog(Vendor::Clay).credits().await, credits, "with the counts mended, they fit");
    assert_eq!(store.quarantined(), 4, "each backlog and the numbers");
    store.accept(vec![lead(800)], 1).await.expect("a new number");
}

#[tokio::test]
async fn a_large_file_is_checked_while_it_is_used() {
    let (_dir, path) = place();
    in_all_states(&path).await.close().await.expect("a working store");
    let file = rusqlite::Connection::open(&path).expect("a database");
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'entries_causes'";
    let page = file.query_row(sql, (), |row| row.get::<_, u32>(0)).expect("a page") as usize;
    drop(file);
    // An index that says other things than its table.
    let mut before = fs::read(&path).expect("a readable file");
    let cause = b"server_error";
    let at = before[(page - 1) * 4_096..].windows(cause.len()).position(|bytes| bytes == cause).expect("a cause");
    before[(page - 1) * 4_096 + at] ^= 1;
    fs::write(&path, &before).expect("a writable file");
    let refused = SqliteStore::open(&path, SqliteSettings::default()).expect_err("checked before");
    assert!(refused.to_string().contains("is damaged"), "{refused}");
    assert_eq!(fs::read(&path).expect("a readable file"), before);
    let store = SqliteStore::open(&path, SqliteSettings::default().checked_whole(0)).expect("a file that is large");
    while store.check().await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = store.check().await.expect_err("it was found");
    assert!(error.to_string().contains("is damaged") && error.to_string().contains(".recover"), "{error}");
    store.close().await.expect("a working store");
}
