//! What no service can be quicker than: the same rows, written by one thread with raw SQLite, so many leads a commit.

use std::time::Duration;

use plimsoll::store::LeadStore;
use plimsoll::store::sqlite::{SqliteSettings, SqliteStore};
use rusqlite::{Connection, params};
use tokio::time::Instant;

use super::lead;

/// Leads a second of SQLite alone, `batch` to a commit.
pub(crate) async fn raw(batch: u64, time: Duration) -> f64 {
    let dir = super::directory();
    let path = dir.path().join("raw.db");
    // The store makes the tables; then it is gone.
    SqliteStore::open(&path, SqliteSettings::default()).expect("a file to write").close().await.expect("a new file");
    let mut connection = Connection::open(&path).expect("the file");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536")
        .expect("a setting");
    let mut written = 0;
    let started = Instant::now();
    while started.elapsed() < time {
        let transaction = connection.transaction().expect("a transaction");
        for number in written..written + batch {
            insert(&transaction, number).expect("a row");
        }
        transaction.commit().expect("a commit");
        written += batch;
    }
    written as f64 / started.elapsed().as_secs_f64()
}

/// The rows of a lead, as the store writes them.
fn insert(connection: &Connection, number: u64) -> rusqlite::Result<()> {
    let lead = lead(number);
    let id = number as i64 * 4 + 1;
    let key = |text: &str| -> Vec<u8> {
        (0..32).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).expect("hex digits")).collect()
    };
    // The column of the checksum is written, and not computed: that is the store's work.
    connection
        .prepare_cached(
            "INSERT INTO leads (id, key, user, data, accepted_at, open, settled_at, checksum) VALUES (?1, ?2, ?3, ?4, 1, 3, 1, 4294967295)",
        )?
        .execute(params![id, key(&lead.key), lead.user, lead.data.to_string()])?;
    for (operation, offset) in lead.operations.iter().zip(1_i64..) {
        let vendor = i64::from(offset > 1);
        let line = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) << 2) as i64 | vendor;
        connection
            .prepare_cached(
                "INSERT INTO entries (id, came, vendor, place, head, due, line, lead, kind, key, first, retry_count, redrives,
                 checksum) VALUES (?1, ?1, ?2, 'queued', ?3, 1, ?4, ?5, ?6, ?7, 1, 0, 0, 4294967295)",
            )?
            .execute(params![id + offset, vendor, offset < 3, line, id, operation.kind.as_str(), key(&operation.key)])?;
    }
    Ok(())
}
