//! How a store is kept, and the connection that keeps it so.
//!
//! A pragma that did not take effect looks like one that did until the power fails. So each that a promise rests on is read
//! back.

use rusqlite::Connection;

use crate::store::Bounds;

use super::open::CHECKED_WHOLE;
use super::row::uint;
use super::transaction::{Counts, Effect, Numbers, Transaction};
use super::whole;

/// How a store is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SqliteSettings {
    /// How much it may hold.
    pub bounds: Bounds,
    unsynced: bool,
    checked_whole: Option<u64>,
}

impl SqliteSettings {
    /// Commits without waiting for the disk: what was acknowledged is lost with the power. Only to show that a test of the
    /// disk finds that out; no configuration leads here.
    #[doc(hidden)]
    #[must_use]
    pub fn unsynced(self) -> Self {
        Self { unsynced: true, ..self }
    }

    /// Files up to this many bytes are checked whole before they are used; a longer one while it is. Only for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn checked_whole(self, bytes: u64) -> Self {
        Self { checked_whole: Some(bytes), ..self }
    }

    pub(super) fn checks_whole(&self) -> u64 {
        self.checked_whole.unwrap_or(CHECKED_WHOLE)
    }
}

impl From<Bounds> for SqliteSettings {
    fn from(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }
}

/// The log is cut to this length after it was longer (a long reader keeps it from being used anew).
const WAL_BYTES: u64 = 64 << 20;
/// Memory for pages of the connection that writes. It bounds what a large file costs.
const CACHE_KIB: u64 = 64 << 10;

/// Makes the connection that writes a durable one.
pub(super) fn make_durable(connection: &Connection, settings: SqliteSettings) -> rusqlite::Result<()> {
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
    Ok(())
}

/// Makes the connection that writes a durable one, and reads the numbers.
/// `whole`: the numbers are compared with the rows, and each row with its checksum. Gives what had to be mended, too.
pub(super) fn begin(connection: &Connection, settings: SqliteSettings, whole: bool) -> rusqlite::Result<(Numbers, Vec<Effect>)> {
    make_durable(connection, settings)?;
    let mut transaction = Transaction::new(connection, settings.bounds, Numbers::default());
    connection.execute_batch("BEGIN IMMEDIATE")?;
    whole::mend(&mut transaction, whole)?;
    connection.execute_batch("COMMIT")?;
    let (_, mended) = transaction.finish();
    let last_id = connection.query_row("SELECT last_id FROM numbers", (), |row| uint(row, "last_id"))?;
    let mut numbers = Numbers { last_id, ..Numbers::default() };
    for (vendor, counts) in numbers.counts.iter_mut().enumerate() {
        let sql = "SELECT queued, dead FROM backlogs WHERE vendor = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok(Counts { queued: uint(row, "queued")?, dead: uint(row, "dead")? });
        *counts = connection.query_row(sql, [vendor as i64], read)?;
    }
    if !whole {
        return Ok((numbers, mended));
    }
    let mut transaction = Transaction::new(connection, settings.bounds, numbers);
    connection.execute_batch("BEGIN IMMEDIATE")?;
    whole::set_damaged_aside(&mut transaction)?;
    transaction.write_numbers()?;
    connection.execute_batch("COMMIT")?;
    let (numbers, more) = transaction.finish();
    Ok((numbers, mended.into_iter().chain(more).collect()))
}
