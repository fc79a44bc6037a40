//! A file looked at from outside, whether its service runs or not: for people, and for export.
//!
//! A listing must not change anything, nor hold up the service. So the connection cannot write, and each
//! page is a read of its own: the export of a running service is not a snapshot, but each operation in it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::outcome::{RestingState, Vendor};
use crate::resilience::UnixMillis;
use crate::store::listing::{HeldIn, Quarantined, Shown, StoreSummary, StoredOperation, VendorSummary};
use crate::text::hex;

use super::checksum::lead_sum;
use super::lock;
use super::open::{self, Found};
use super::open_error::OpenError;
use super::read;
use super::row::{self, ENTRY, Key, NO_FIT, int, uint};
use super::schema::{SUMS, VERSION};
use super::unreadable::{Record, Unreadable};

/// A file that is only read.
#[derive(Debug)]
pub struct SqliteFile {
    path: PathBuf,
    connection: Connection,
}

impl SqliteFile {
    /// Opens an existing file to be read.
    ///
    /// # Errors
    /// When there is none, or it is not a store of leads, is of a later version, or is damaged.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        match open::look(path)? {
            Found::Nothing => Err(open::missing(path)),
            Found::Store { version, .. } if version < VERSION => Err(OpenError::Older { path: path.to_owned(), found: version }),
            Found::Store { .. } => Ok(Self { path: path.to_owned(), connection: open::connect(path, false)? }),
        }
    }

    fn ask<T>(&mut self, question: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, OpenError> {
        question(&mut self.connection).map_err(|error| open::sqlite(&self.path, &error))
    }

    /// Counts what is in it. It reads every operation: seconds for a million leads.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn summary(&mut self) -> Result<StoreSummary, OpenError> {
        let mut summary = self.ask(summary)?;
        let notes = lock::held(&open::resolved(&self.path)?);
        for of in &mut summary.vendors {
            of.held = notes.get(&row::vendor_number(of.vendor)).map_or_else(Vec::new, |note| HeldIn::of("", note));
        }
        Ok(summary)
    }

    /// The lead of a key, the operation of a key, or the operation of a number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&mut self, name: &str) -> Result<Option<Shown>, OpenError> {
        self.ask(|connection| find(connection, name))
    }

    /// Leads whose every operation was settled before `before`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn settled_before(&mut self, before: UnixMillis) -> Result<u64, OpenError> {
        let sql =
            concat!("SELECT count(*) AS leads FROM leads WHERE open = 0 AND settled_at < ?1 AND checksum = ", lead_sum!(""));
        self.ask(|connection| connection.query_row(sql, [int(before)], |row| uint(row, "leads")))
    }

    /// At most `limit` operations with a number above `after`, by number, of a vendor and in places.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn page(
        &mut self,
        vendor: Option<Vendor>,
        places: &[RestingState],
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredOperation>, OpenError> {
        let names: Vec<String> = places.iter().map(|place| format!("'{}'", place.as_str())).collect();
        let vendor = vendor.map_or_else(String::new, |vendor| format!(" AND e.vendor = {}", row::vendor_number(vendor)));
        let sql = format!("SELECT {ENTRY} WHERE e.id > ?1 AND e.place IN ({}){vendor} ORDER BY e.id", names.join(", "));
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([int(after)])?;
            let mut page = Vec::new();
            // What cannot be read is not here, and a page without it is full all the same.
            while page.len() < limit
                && let Some(row) = rows.next()?
            {
                page.extend(row::readable(file_entry(row))?.ok());
            }
            Ok(page)
        })
    }
}

fn summary(connection: &mut Connection) -> rusqlite::Result<StoreSummary> {
    let snapshot = connection.transaction()?;
    let count = |sql: &str| snapshot.query_row(sql, (), |row| row.get::<_, i64>(0)).map(|count| count.max(0) as u64);
    let leads = count("SELECT count(*) FROM leads")?;
    let open_leads = leads - count("SELECT count(*) FROM leads WHERE open = 0")?;
    let mut vendors: BTreeMap<usize, VendorSummary> = BTreeMap::new();
    let mut statement =
        snapshot.prepare("SELECT vendor, place, count(*) AS count, min(first) AS oldest FROM entries GROUP BY vendor, place")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let number = uint(row, "vendor")? as usize;
        // What is in no place that is known is among what cannot be read.
        let Ok(place) = row::readable(row::place(row))? else { continue };
        let of = vendors.entry(number).or_insert_with(|| VendorSummary::empty(vendor(number)));
        of.places.insert(place, uint(row, "count")?);
        if place == RestingState::Queued {
            of.oldest_queued = Some(uint(row, "oldest")?);
        }
    }
    for (&number, of) in &mut vendors {
        let sql = "SELECT min(due) FROM entries WHERE vendor = ?1 AND head = 1";
        of.next_due = snapshot.query_row(sql, [number as i64], |row| row.get::<_, Option<i64>>(0))?.map(|due| due.max(0) as u64);
        of.dead_letters = read::by_cause(&snapshot, number)?;
    }
    let quarantined = unreadable(&snapshot)?;
    Ok(StoreSummary { leads, open_leads, quarantined, vendors: vendors.into_values().collect() })
}

/// Every record that cannot be read, whether it was set aside or not, as it is.
fn unreadable(connection: &Connection) -> rusqlite::Result<Vec<Quarantined>> {
    let mut found = Vec::new();
    for (record, (table, _, sum)) in Record::ALL.into_iter().zip(SUMS) {
        let id = match record {
            Record::Backlog => "vendor",
            Record::Numbers => "only",
            _ => "id",
        };
        let lead = match record {
            Record::Lead => "t.key",
            Record::Operation | Record::Enrichment => "(SELECT l.key FROM leads l WHERE l.id = t.lead)",
            Record::Backlog | Record::Numbers => "NULL",
        };
        let sql = format!(
            "SELECT q.reason, q.found_at, {lead} AS lead_of, t.number, t.fits, t.* FROM
             (SELECT {id} AS number, checksum = {sum} AS fits, * FROM {table}) t
             LEFT JOIN quarantine q ON q.record = '{}' AND q.id = t.number WHERE q.id IS NOT NULL OR NOT t.fits",
            record.as_str()
        );
        let mut statement = connection.prepare(&sql)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            found.push(as_it_is(record, row, &names)?);
        }
    }
    Ok(found)
}

/// Columns before those of the table itself: five that the query asks for, and the two that its inner query adds to the table's.
const BEFORE: usize = 7;

fn as_it_is(record: Record, row: &Row<'_>, names: &[String]) -> rusqlite::Result<Quarantined> {
    let mut fields = BTreeMap::new();
    for (index, name) in names.iter().enumerate().skip(BEFORE) {
        fields.insert(name.clone(), text_of(row.get_ref(index)?));
    }
    let number = uint(row, "number")?;
    let vendor = fields.get("vendor").and_then(|vendor| vendor.parse::<usize>().ok());
    let lead: Option<Vec<u8>> = row.get("lead_of")?;
    let found_at: Option<i64> = row.get("found_at")?;
    Ok(Quarantined {
        record: record.as_str(),
        id: number.to_string(),
        vendor: vendor.and_then(|vendor| Vendor::ALL.get(vendor).copied()),
        lead: lead.as_deref().map(Key::text),
        reason: row.get::<_, Option<String>>("reason")?.unwrap_or_else(|| NO_FIT.to_owned()),
        found_at: found_at.map(|at| at.max(0) as u64),
        fields,
    })
}

fn text_of(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap_or_else(|_| hex(text)),
        ValueRef::Blob(bytes) => hex(bytes),
    }
}

fn find(connection: &mut Connection, name: &str) -> rusqlite::Result<Option<Shown>> {
    let (found, unreadable) = read::lead(connection, name)?;
    if let Some((lead, _)) = found {
        return Ok(Some(Shown::Lead(Box::new(lead))));
    }
    if let Some(Unreadable { reason, .. }) = unreadable.into_iter().next() {
        return Err(rusqlite::Error::FromSqlConversionFailure(
            0,
            Type::Blob,
            format!("the lead cannot be read: {reason}").into(),
        ));
    }
    let by = |condition: &str, parameter: &dyn rusqlite::ToSql| {
        connection.query_row(&format!("SELECT {ENTRY} WHERE {condition}"), [parameter], file_entry).optional()
    };
    let found = match name.parse::<u64>() {
        Ok(id) => by("e.id = ?1", &int(id))?,
        Err(_) => by("e.key = ?1 LIMIT 1", &Key::of(name))?,
    };
    Ok(found.map(|entry| Shown::Operation(Box::new(entry))))
}

fn file_entry(row: &Row<'_>) -> rusqlite::Result<StoredOperation> {
    let place = row::place(row)?;
    let dead = place == RestingState::DeadLettered;
    Ok(StoredOperation {
        due_at: (place == RestingState::Queued).then(|| uint(row, "due")).transpose()?,
        cause: dead.then(|| row::cause(row)).transpose()?,
        dead_at: dead.then(|| uint(row, "dead_at")).transpose()?,
        settled: row::settled(row)?,
        ..StoredOperation::new(uint(row, "id")?, vendor(uint(row, "vendor")? as usize), place, row::entry(row)?)
    })
}

fn vendor(number: usize) -> Vendor {
    Vendor::ALL[number.min(Vendor::ALL.len() - 1)]
}
