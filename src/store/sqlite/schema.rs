//! What the file looks like, so that a file of another program, or of a later version, is never written to by mistake.
//!
//! An entry is an operation in its vendor's backlog for as long as its lead is kept: its place says whether it waits, lies
//! among the dead letters, or has left. The counts of each backlog change in the commit that changes the entries, so that
//! opening a file of a million leads counts nothing.

/// `PRAGMA application_id`: "Plim" in ASCII.
pub(super) const APPLICATION_ID: u32 = 0x506c_696d;
/// `PRAGMA user_version`: what this build reads and writes.
pub(super) const VERSION: u32 = 1;

/// Version 1.
pub(super) const CREATE: &str = "
CREATE TABLE leads (
    id INTEGER PRIMARY KEY,
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
    lead INTEGER NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX enrichments_of_lead ON enrichments(lead);

CREATE TABLE backlogs (
    vendor INTEGER PRIMARY KEY,
    queued INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    credits TEXT                     -- JSON
) STRICT;
INSERT INTO backlogs VALUES (0, 0, 0, NULL), (1, 0, 0, NULL), (2, 0, 0, NULL);

CREATE TABLE numbers (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last_id INTEGER NOT NULL,        -- of a lead, an entry or an enrichment; none is given twice
    checked_at INTEGER NOT NULL      -- written to learn whether a commit works
) STRICT;
INSERT INTO numbers VALUES (1, 0, 0);
";
