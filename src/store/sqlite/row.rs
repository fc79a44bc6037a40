//! Entries and leads as rows: what is the lead's is not written again for each of its operations.

use mock_server::json::Json;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Result, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::outcome::{FailureKind, RestingState, Vendor};
use crate::resilience::key::packed;
use crate::resilience::{Attempt, Entry, Operation, OperationKind, Settled, UnixMillis};
use crate::text::hex;

use super::checksum::{entry_sum, lead_sum};
use super::window::Head;

/// The number of a vendor in the file: its place in the table of vendors.
pub(super) fn vendor_number(vendor: Vendor) -> usize {
    vendor as usize
}

/// A number as SQLite keeps it; what is beyond its range (a time in 292 million years) becomes its end.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of ours from a column.
pub(super) fn uint(row: &Row<'_>, column: &str) -> Result<u64> {
    Ok(row.get::<_, i64>(column)?.max(0) as u64)
}

/// A key: 32 bytes where it is 64 lower-case hex digits, else its text as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(Vec<u8>);

impl Key {
    /// The key of this text.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        // A text of 32 bytes would read as a packed key: it is marked by a byte that no UTF-8 has.
        let marked = || if bytes.len() == 32 { [bytes, &[0xff]].concat() } else { bytes.to_vec() };
        Self(packed(text).map_or_else(marked, Vec::from))
    }

    /// The text of the key that a column holds.
    pub(super) fn text(bytes: &[u8]) -> String {
        match bytes {
            packed if packed.len() == 32 => hex(packed),
            [text @ .., 0xff] => String::from_utf8_lossy(text).into_owned(),
            text => String::from_utf8_lossy(text).into_owned(),
        }
    }
}

impl ToSql for Key {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

/// Whose turn must wait for whose: the same number for equal vendor and user. Two users whose numbers should ever be the same
/// share a line, which delays and harms nothing. A user's lines at all vendors are neighbours: a lead then touches one page
/// of their index and not one for each vendor, which in a large file is a third of what a commit writes.
pub(super) fn line(vendor: usize, user: &str) -> i64 {
    let digest = Sha256::digest(user);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (i64::from_be_bytes(first) << 2) | vendor as i64
}

/// A value as JSON text. Ours always have one: their keys are text.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// A value from a column of JSON.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

/// A word of ours from a column, as it is named in JSON.
pub(super) fn word<T: DeserializeOwned>(text: String) -> Result<T> {
    serde_json::from_value(Value::String(text))
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

/// An entry that is ready to be written: everything that can be computed beforehand, off the writer's thread.
#[derive(Debug)]
pub(super) struct NewEntry {
    pub(super) vendor: usize,
    pub(super) line: i64,
    pub(super) key: Key,
    pub(super) lead_key: Option<Key>,
    pub(super) data: String,
    pub(super) attempts: Option<String>,
    pub(super) entry: Entry,
}

impl NewEntry {
    /// An entry of a vendor's backlog.
    pub(super) fn new(vendor: usize, entry: Entry) -> Self {
        Self {
            vendor,
            line: line(vendor, &entry.operation.user),
            key: Key::of(&entry.operation.key),
            lead_key: entry.operation.lead.as_deref().map(Key::of),
            data: json(&entry.operation.data),
            attempts: attempts_json(&entry.attempts),
            entry,
        }
    }

    /// An operation that has not been tried yet, for the vendor that carries it out.
    pub(super) fn untried(operation: Operation, at: UnixMillis) -> Self {
        let vendor = vendor_number(operation.kind.vendor());
        Self::new(vendor, Entry { operation, timestamp: at, retry_count: 0, redrives: 0, attempts: Vec::new() })
    }
}

/// What a column of attempts holds.
pub(super) fn attempts_json(attempts: &[Attempt]) -> Option<String> {
    (!attempts.is_empty()).then(|| json(&attempts))
}

/// Whether an entry fits its checksum, and its lead its own.
macro_rules! row_fits {
    () => {
        concat!("e.checksum = ", entry_sum!("e."), " AS fits, l.id IS NULL OR l.checksum = ", lead_sum!("l."), " AS lead_fits")
    };
}

/// What a row holds, or why it cannot be read; an error of SQLite itself is none of the row's.
pub(super) fn readable<T>(read: Result<T>) -> Result<std::result::Result<T, String>> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.sqlite_error().is_none() => Ok(Err(reason(error))),
        Err(error) => Err(error),
    }
}

/// Why a row cannot be read. What it holds is personal, and not repeated.
fn reason(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, error) => match error.downcast::<serde_json::Error>() {
            Ok(json) => {
                format!("not what is written here: {:?} at line {} column {}", json.classify(), json.line(), json.column())
            }
            Err(error) => error.to_string(),
        },
        other => other.to_string(),
    }
}

/// Why most rows cannot be read.
pub(super) const NO_FIT: &str = "it does not fit its checksum";

/// Refuses a row that does not fit its checksum.
pub(super) fn fits(row: &Row<'_>, column: &str, otherwise: &str) -> Result<()> {
    if row.get::<_, Option<bool>>(column)? == Some(true) {
        return Ok(());
    }
    Err(rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Integer, otherwise.into()))
}

/// The columns of a whole entry, with its lead's where its own are empty.
pub(super) const ENTRY: &str = concat!(
    "e.id, e.vendor, e.place, e.due, e.kind, e.key, coalesce(e.lead_key, l.key) AS lead_key,
    coalesce(e.user, l.user) AS user, coalesce(e.data, l.data) AS data, e.first, e.retry_count, e.redrives, e.attempts,
    e.cause, e.dead_at, e.settled, ",
    row_fits!(),
    " FROM entries e LEFT JOIN leads l ON l.id = e.lead"
);

/// The entry of a row of [`ENTRY`].
pub(super) fn entry(row: &Row<'_>) -> Result<Entry> {
    fits(row, "fits", NO_FIT)?;
    fits(row, "lead_fits", "its lead does not fit its checksum")?;
    let data: String = row.get("data")?;
    let key: Vec<u8> = row.get("key")?;
    let lead: Option<Vec<u8>> = row.get("lead_key")?;
    Ok(Entry {
        operation: Operation {
            kind: word::<OperationKind>(row.get("kind")?)?,
            user: row.get("user")?,
            data: from_json(&data)?,
            key: Key::text(&key),
            lead: lead.as_deref().map(Key::text),
            caller: 0,
            due: None,
        },
        timestamp: uint(row, "first")?,
        retry_count: row.get("retry_count")?,
        redrives: row.get("redrives")?,
        attempts: attempts(row)?,
    })
}

/// The attempts of a row of [`ENTRY`].
pub(super) fn attempts(row: &Row<'_>) -> Result<Vec<Attempt>> {
    row.get::<_, Option<String>>("attempts")?.map_or_else(|| Ok(Vec::new()), |text| from_json(&text))
}

/// The head of a row of [`ENTRY`].
pub(super) fn head(row: &Row<'_>) -> Result<Head> {
    let bytes = match row.get_ref("data")? {
        ValueRef::Text(text) => text.len(),
        _ => 0,
    };
    let id = uint(row, "id")?;
    Ok(Head { id, turn: (uint(row, "due")?, id), bytes, entry: entry(row)? })
}

/// A place from a column.
pub(super) fn place(row: &Row<'_>) -> Result<RestingState> {
    word(row.get("place")?)
}

/// How an operation left, where it has.
pub(super) fn settled(row: &Row<'_>) -> Result<Option<Settled>> {
    row.get::<_, Option<String>>("settled")?.map(|text| from_json(&text)).transpose()
}

/// The cause of a dead letter from a column.
pub(super) fn cause(row: &Row<'_>) -> Result<FailureKind> {
    word(row.get("cause")?)
}

/// The data of a row.
pub(super) fn data(row: &Row<'_>) -> Result<Json> {
    from_json(row.get_ref("data")?.as_str()?)
}
