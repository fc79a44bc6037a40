//! How a store is kept, and the connection that keeps it so.
//!
//! A pragma that did not take effect looks like one that did until the power fails. So each that a promise rests on is read
//! back.

use rusqlite::Connection;

use crate::store::Bounds;

use super::row::uint;
use super::transaction::{Counts, Numbers};

/// How a store is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SqliteSettings {
    /// How much it may hold.
    pub bounds: Bounds,
    unsynced: bool,
}

impl SqliteSettings {
    /// Commits without waiting for the disk: what was acknowledged is lost with the power. Only to show that a test of the
    /// disk finds that out; no configuration leads here.
    #[doc(hidden)]
    #[must_use]
    pub fn unsynced(self) -> Self {
        Self { unsynced: true, ..self }
    }
}

impl From<Bounds> for SqliteSettings {
    fn from(bounds: Bounds) -> Self {
        Self { bounds, unsynced: false }
    }
}

/// The log is cut to this length after it was longer (a long reader keeps it from being used anew).
const WAL_BYTES: u64 = 64 << 20;
/// Memory for pages of the connection that writes. It bounds what a large file costs.
const CACHE_KIB: u64 = 64 << 10;

/// Makes the connection that writes a durable one, and reads the numbers.
pub(super) fn begin(connection: &Connection, settings: SqliteSettings) -> rusqlite::Result<Numbers> {
    let refused = |what: &str| {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISUSE), Some(what.to_owned()))
    };
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        return Err(refused("this file system has no room for a write-ahead log (journal_mode stays as it was)"));
    }
    connection.execute_batch(&format!("PRAGMA journal_size_limit = {WAL_BYTES}; PRAGMA cache_size = -{CACHE_KIB};"))?;
    let (name, number) = if settings.unsynced { ("OFF", 0) } else { ("FULL", 2) };
    connection.pragma_update(None, "synchronous", name)?;
    if connection.query_row("PRAGMA synchronous", (), |row| row.get::<_, i64>(0))? != number {
        return Err(refused(&format!("synchronous = {name} did not take effect")));
    }
    let last_id = connection.query_row("SELECT last_id FROM numbers", (), |row| uint(row, "last_id"))?;
    let mut numbers = Numbers { last_id, ..Numbers::default() };
    for (vendor, counts) in numbers.counts.iter_mut().enumerate() {
        let sql = "SELECT queued, dead FROM backlogs WHERE vendor = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok(Counts { queued: uint(row, "queued")?, dead: uint(row, "dead")? });
        *counts = connection.query_row(sql, [vendor as i64], read)?;
    }
    Ok(numbers)
}
