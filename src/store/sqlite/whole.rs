//! Whether a file is whole: its trees by SQLite's own check, and its numbers by its rows.

use rusqlite::{Connection, OptionalExtension, Result};

use super::checksum::{backlog_sum, numbers_sum};
use super::row::NO_FIT;
use super::row::{from_json, int, uint};
use super::schema::{self, SUMS};
use super::transaction::{Counts, Transaction};
use super::unreadable::{Record, Unreadable};
use crate::resilience::CreditState;

/// What SQLite finds in a whole file, if anything: pages, cells, and each index against its table.
pub(super) fn damage(connection: &Connection) -> Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// The counts of a vendor's backlog by its rows. Both are steps through an index.
fn counted(connection: &Connection, vendor: usize) -> Result<Counts> {
    // The last two bits of a line are its vendor: see `row::line`.
    let count = |sql: &str| connection.query_row(sql, [vendor as i64], |row| uint(row, "rows"));
    Ok(Counts {
        queued: count("SELECT count(*) AS rows FROM entries WHERE place = 'queued' AND (line & 3) = ?1")?,
        dead: count("SELECT count(*) AS rows FROM entries WHERE place = 'dead_lettered' AND vendor = ?1")?,
    })
}

/// Sets every row aside that does not fit its checksum, those too that nothing would read soon: an operation that is no longer the
/// first of its line, say, would hold it up in silence.
pub(super) fn set_damaged_aside(transaction: &mut Transaction<'_>) -> Result<()> {
    for (record, (table, _, sum)) in [Record::Lead, Record::Operation, Record::Enrichment].into_iter().zip(SUMS) {
        let record_name = record.as_str();
        let sql = format!(
            "SELECT id FROM {table} WHERE checksum <> {sum}
             AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.record = '{record_name}' AND q.id = {table}.id)"
        );
        let mut statement = transaction.connection.prepare(&sql)?;
        let damaged = statement.query_map((), |row| uint(row, "id"))?.collect::<Result<Vec<_>>>()?;
        for id in damaged {
            transaction.put_aside(Unreadable { record, id, reason: NO_FIT.to_owned() })?;
        }
    }
    Ok(())
}

/// Mends the numbers that can be had from the rows, and notes that they were wrong. `whole`: compares them with the rows, which
/// takes time in a large file; otherwise only those that do not fit their checksums.
pub(super) fn mend(transaction: &mut Transaction<'_>, whole: bool) -> Result<()> {
    for vendor in 0..transaction.numbers.counts.len() {
        mend_backlog(transaction, vendor, whole)?;
    }
    mend_numbers(transaction)
}

fn mend_backlog(transaction: &mut Transaction<'_>, vendor: usize, whole: bool) -> Result<()> {
    let connection = transaction.connection;
    let sql = concat!("SELECT queued, dead, checksum = ", backlog_sum!(""), " AS fits FROM backlogs WHERE vendor = ?1");
    let read = |row: &rusqlite::Row<'_>| {
        Ok((Counts { queued: uint(row, "queued")?, dead: uint(row, "dead")? }, row.get::<_, bool>("fits")?))
    };
    let found = connection.query_row(sql, [vendor as i64], read).optional()?;
    let (kept, fits) = found.unwrap_or((Counts::default(), false));
    if fits && !whole {
        return Ok(());
    }
    let rows = counted(connection, vendor)?;
    if fits && rows == kept {
        return Ok(());
    }
    let sql = "SELECT credits FROM backlogs WHERE vendor = ?1";
    let credits: Option<String> = connection.query_row(sql, [vendor as i64], |row| row.get(0)).optional()?.flatten();
    // With the right counts it fits: then the credits are as they were written.
    let sql = "SELECT checksum = row_sum(0, 'vendor', ?1, 'queued', ?2, 'dead', ?3, 'credits', credits) FROM backlogs WHERE vendor = ?1";
    let parameters = (vendor as i64, int(rows.queued), int(rows.dead));
    let only_counts = fits || connection.query_row(sql, parameters, |row| row.get(0)).optional()?.unwrap_or(false);
    let readable = credits.filter(|text| from_json::<CreditState>(text).is_ok());
    let credits_said = if only_counts { "" } else { "; what was spent today may be another number than is written" };
    let sql = "INSERT OR REPLACE INTO backlogs (vendor, queued, dead, credits, checksum)
        VALUES (?1, ?2, ?3, ?4, row_sum(0, 'vendor', ?1, 'queued', ?2, 'dead', ?3, 'credits', ?4))";
    connection.execute(sql, (vendor as i64, int(rows.queued), int(rows.dead), readable))?;
    let reason = format!(
        "it said {} queued and {} dead letters, and there are {} and {}: it was written anew{credits_said}",
        kept.queued, kept.dead, rows.queued, rows.dead
    );
    transaction.note(Unreadable { record: Record::Backlog, id: vendor as u64, reason })
}

fn mend_numbers(transaction: &mut Transaction<'_>) -> Result<()> {
    let connection = transaction.connection;
    let sql = "SELECT max((SELECT coalesce(max(id), 0) FROM leads), (SELECT coalesce(max(id), 0) FROM entries),
        (SELECT coalesce(max(id), 0) FROM enrichments)) AS last";
    let last = connection.query_row(sql, (), |row| uint(row, "last"))?;
    let sql = concat!("SELECT last_id, checksum = ", numbers_sum!(""), " AS fits FROM numbers");
    let read = |row: &rusqlite::Row<'_>| Ok((uint(row, "last_id")?, row.get::<_, bool>("fits")?));
    let (kept, fits) = connection.query_row(sql, (), read).optional()?.unwrap_or((0, false));
    if fits && kept >= last {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO numbers (only, checksum, last_id, checked_at)
        VALUES (1, row_sum(0, 'only', 1, 'last_id', ?1), ?1, 0)";
    connection.execute(sql, [int(last)])?;
    let reason = format!("the last number was said to be {kept}, and {last} is the last that a row has: it was written anew");
    transaction.note(Unreadable { record: Record::Numbers, id: 1, reason })
}

/// What is wrong with the tables of a file of this version, if anything.
pub(super) fn other_tables(connection: &Connection, version: u32) -> Result<Option<String>> {
    let tables = |connection: &Connection| -> Result<Vec<String>> {
        let sql = "SELECT concat_ws(' ', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY name";
        let mut statement = connection.prepare(sql)?;
        statement.query_map((), |row| row.get(0))?.collect()
    };
    let Some(wanted) = schema::tables(version) else { return Ok(Some(format!("there is no version {version}"))) };
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(&wanted)?;
    Ok((tables(connection)? != tables(&fresh)?).then(|| "its tables are not those of its version".to_owned()))
}
