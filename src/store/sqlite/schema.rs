//! What the file looks like, so that a file of another program, or of a later version, is never written to by mistake.
//!
//! An entry is an operation in its vendor's backlog for as long as its lead is kept: its place says whether it waits, lies
//! among the dead letters, or has left. The counts of each backlog change in the commit that changes the entries, so that
//! opening a file of a million leads counts nothing.

use rusqlite::{Connection, Result, TransactionBehavior};

use super::checksum::{backlog_sum, enrichment_sum, entry_sum, lead_sum, numbers_sum};

/// `PRAGMA application_id`: "Plim" in ASCII.
pub(super) const APPLICATION_ID: u32 = 0x506c_696d;
/// `PRAGMA user_version`: what this build reads and writes.
pub(super) const VERSION: u32 = 2;

/// The tables.
const TABLES: &str = "
CREATE TABLE leads (
    id INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,       -- see `checksum.rs`, as every one here
    key BLOB NOT NULL UNIQUE,        -- 32 bytes where it is 64 hex digits
    user TEXT NOT NULL,
    data TEXT NOT NULL,              -- JSON
    accepted_at INTEGER NOT NULL,    -- milliseconds since 1970, as every time here
    open INTEGER NOT NULL,           -- operations queued or among the dead letters
    settled_at INTEGER NOT NULL      -- when the latest of the others left
) STRICT;
CREATE INDEX leads_settled ON leads(settled_at) WHERE open = 0;

CREATE TABLE entries (
    id INTEGER PRIMARY KEY,          -- its turn in its line; anew with each move to or from the dead letters
    checksum INTEGER NOT NULL,
    came INTEGER NOT NULL,           -- its first id: its place among the operations of its lead
    vendor INTEGER NOT NULL,         -- 0 Clay, 1 Customer.io, 2 the service
    place TEXT NOT NULL,             -- queued, delivered, degraded, dead_lettered, rejected
    head INTEGER NOT NULL,           -- 1 for the first of its line, while queued
    due INTEGER NOT NULL,
    line INTEGER NOT NULL,           -- its user's line: a hash of the user, and the vendor
    lead INTEGER,
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    lead_key BLOB,                   -- NULL: that of its lead, or it is of none
    user TEXT,                       -- NULL: that of its lead
    data TEXT,                       -- NULL: that of its lead
    first INTEGER NOT NULL,          -- when it came first
    retry_count INTEGER NOT NULL,
    redrives INTEGER NOT NULL,
    attempts TEXT,                   -- JSON; NULL for none
    cause TEXT,                      -- of a dead letter
    dead_at INTEGER,
    settled TEXT                     -- JSON, once it has left
) STRICT;
CREATE INDEX entries_of_lead ON entries(lead) WHERE lead IS NOT NULL;
CREATE INDEX entries_alone ON entries(key) WHERE lead IS NULL;
CREATE INDEX entries_lines ON entries(line, id) WHERE place = 'queued';
CREATE INDEX entries_heads ON entries(vendor, due, id) WHERE head = 1;
CREATE INDEX entries_dead ON entries(vendor, id) WHERE place = 'dead_lettered';
CREATE INDEX entries_causes ON entries(vendor, cause) WHERE place = 'dead_lettered';

CREATE TABLE enrichments (
    id INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX enrichments_of_lead ON enrichments(lead);

CREATE TABLE backlogs (
    vendor INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    credits TEXT                     -- JSON
) STRICT;

CREATE TABLE numbers (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    checksum INTEGER NOT NULL,
    last_id INTEGER NOT NULL,        -- of a lead, an entry or an enrichment; none is given twice
    checked_at INTEGER NOT NULL      -- written to learn whether a commit works
) STRICT;
";

/// What came with version 2: what cannot be read and was set aside (the rows stay as they are; that of an operation is in the place
/// `quarantined`), and when services ran (see [`crate::store::Runs`]).
const SINCE_2: &str = "
CREATE TABLE quarantine (
    record TEXT NOT NULL,            -- lead, operation, enrichment
    id INTEGER NOT NULL,             -- of its row
    reason TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    PRIMARY KEY (record, id)
) STRICT;

CREATE TABLE runs (
    began INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    last INTEGER NOT NULL            -- when it was noted last that one runs
) STRICT;
";

/// The tables of a version, or `None` when it is not known.
pub(super) fn tables(version: u32) -> Option<String> {
    match version {
        // Before there were checksums.
        1 => Some(TABLES.lines().filter(|line| !line.contains("    checksum ")).map(|line| format!("{line}\n")).collect()),
        2 => Some(format!("{TABLES}{SINCE_2}")),
        _ => None,
    }
}

/// Makes the tables of this version, with what is in them from the start.
pub(super) fn create(connection: &Connection) -> Result<()> {
    connection.execute_batch(&format!("{TABLES}{SINCE_2}"))?;
    for vendor in 0..3 {
        let sql = "INSERT INTO backlogs (vendor, checksum, queued, dead)
            VALUES (?1, row_sum(0, 'vendor', ?1, 'queued', 0, 'dead', 0, 'credits', NULL), 0, 0)";
        connection.execute(sql, [vendor])?;
    }
    let sql = "INSERT INTO numbers (only, checksum, last_id, checked_at) VALUES (1, row_sum(0, 'only', 1, 'last_id', 0), 0, 0)";
    connection.execute(sql, ())?;
    mark(connection)
}

fn mark(connection: &Connection) -> Result<()> {
    connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))
}

/// Brings a file of version 1 to this one: the same rows, each with its checksum. All of it is one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let indexes: Vec<String> = {
        let mut statement = transaction.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")?;
        statement.query_map((), |row| row.get(0))?.collect::<Result<_>>()?
    };
    for index in indexes {
        transaction.execute_batch(&format!("DROP INDEX {index}"))?;
    }
    for (table, ..) in SUMS {
        transaction.execute_batch(&format!("ALTER TABLE {table} RENAME TO old_{table}"))?;
    }
    transaction.execute_batch(&format!("{TABLES}{SINCE_2}"))?;
    for (table, columns, sum) in SUMS {
        transaction.execute_batch(&format!(
            "INSERT INTO {table} (checksum, {columns}) SELECT {sum}, {columns} FROM old_{table}; DROP TABLE old_{table};"
        ))?;
    }
    mark(&transaction)?;
    transaction.commit()
}

/// The tables with checksums: all other columns, and the checksum of a row.
pub(super) const SUMS: [(&str, &str, &str); 5] = [
    ("leads", "id, key, user, data, accepted_at, open, settled_at", lead_sum!("")),
    (
        "entries",
        "id, came, vendor, place, head, due, line, lead, kind, key, lead_key, user, data, first, retry_count, redrives, attempts,
            cause, dead_at, settled",
        entry_sum!(""),
    ),
    ("enrichments", "id, lead, at, source, data", enrichment_sum!("")),
    ("backlogs", "vendor, queued, dead, credits", backlog_sum!("")),
    ("numbers", "only, last_id, checked_at", numbers_sum!("")),
];
