//! What is read: by a connection of its own, so that no reader waits for a commit, nor a commit for a reader.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use rusqlite::{Connection, Result, Row};

use crate::outcome::RestingState;
use crate::resilience::{CreditState, DeadLetter, Source};
use crate::store::{Enrichment, LeadRecord, OperationRecord};

use super::checksum::{enrichment_sum, lead_sum};
use super::row::{self, ENTRY, Key, NO_FIT, fits, from_json, int, uint, word};
use super::unreadable::{Record, Unreadable};

/// What a reader is asked for.
pub(super) type Question = Box<dyn FnOnce(&mut Connection) + Send>;

/// Answers questions until there is none where one should be, or all senders are gone.
pub(super) fn serve(mut connection: Connection, questions: &Receiver<Option<Question>>) {
    while let Ok(Some(question)) = questions.recv() {
        question(&mut connection);
    }
}

/// A lead with the vendors and ids of its operations.
pub(super) type Found = (LeadRecord, Vec<(usize, u64)>);

/// The columns of a lead.
macro_rules! lead_columns {
    () => {
        concat!("SELECT id, key, user, data, accepted_at, checksum = ", lead_sum!(""), " AS fits FROM leads")
    };
}

/// The lead of this key, with its operations and enrichments as of one instant.
pub(super) fn lead(connection: &mut Connection, key: &str) -> Result<(Option<Found>, Vec<Unreadable>)> {
    let snapshot = connection.transaction()?;
    let mut statement = snapshot.prepare_cached(concat!(lead_columns!(), " WHERE key = ?1"))?;
    let mut page = Page::default();
    let mut rows = statement.query([Key::of(key)])?;
    if let Some(row) = rows.next()? {
        page.add(&snapshot, row)?;
    }
    Ok((page.leads.pop(), page.unreadable))
}

/// Leads behind the key `?1`. Were there a way to give none, each page would pass over all before it.
pub(super) const LEADS_BEHIND: &str = concat!(lead_columns!(), " WHERE key > ?1 ORDER BY key");

/// At most `limit` leads behind the one of key `after`.
pub(super) fn leads(connection: &mut Connection, after: Option<&str>, limit: usize) -> Result<(Vec<Found>, Vec<Unreadable>)> {
    let snapshot = connection.transaction()?;
    let mut statement = snapshot.prepare_cached(LEADS_BEHIND)?;
    // Every key is behind the empty one.
    let mut rows = statement.query([Key::of(after.unwrap_or_default())])?;
    let mut page = Page::default();
    // A page is full of leads that can be read: one that is short is the last.
    while page.leads.len() < limit
        && let Some(row) = rows.next()?
    {
        page.add(&snapshot, row)?;
    }
    Ok((page.leads, page.unreadable))
}

/// Leads, and what of them cannot be read.
#[derive(Default)]
struct Page {
    leads: Vec<Found>,
    unreadable: Vec<Unreadable>,
}

impl Page {
    /// Adds the lead of a row with all that belongs to it.
    fn add(&mut self, connection: &Connection, row: &Row<'_>) -> Result<()> {
        let id = uint(row, "id")?;
        if let Some(lead) = self.take(Record::Lead, id, lead_row(row))? {
            let found = self.with_parts(connection, id, lead)?;
            self.leads.push(found);
        }
        Ok(())
    }

    /// What was read, or nothing where it cannot be.
    fn take<T>(&mut self, record: Record, id: u64, read: Result<T>) -> Result<Option<T>> {
        match row::readable(read)? {
            Ok(value) => Ok(Some(value)),
            Err(reason) => {
                self.unreadable.push(Unreadable { record, id, reason });
                Ok(None)
            }
        }
    }

    fn with_parts(&mut self, connection: &Connection, id: u64, mut lead: LeadRecord) -> Result<Found> {
        let before = self.unreadable.len();
        let sql = format!("SELECT {ENTRY} WHERE e.lead = ?1 ORDER BY e.came");
        let mut ids = Vec::new();
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([int(id)])?;
        while let Some(row) = rows.next()? {
            let entry = uint(row, "id")?;
            if let Some(operation) = self.take(Record::Operation, entry, operation(row))? {
                ids.push((uint(row, "vendor")? as usize, entry));
                lead.operations.push(operation);
            }
        }
        let sql = concat!(
            "SELECT id, at, source, data, checksum = ",
            enrichment_sum!(""),
            " AS fits FROM enrichments WHERE lead = ?1 ORDER BY id"
        );
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([int(id)])?;
        while let Some(row) = rows.next()? {
            lead.enrichments.extend(self.take(Record::Enrichment, uint(row, "id")?, enrichment(row))?);
        }
        lead.unreadable = (self.unreadable.len() - before) as u64;
        Ok((lead, ids))
    }
}

fn lead_row(row: &Row<'_>) -> Result<LeadRecord> {
    fits(row, "fits", NO_FIT)?;
    Ok(LeadRecord {
        key: Key::text(row.get_ref("key")?.as_blob()?),
        user: row.get("user")?,
        data: row::data(row)?,
        accepted_at: uint(row, "accepted_at")?,
        operations: Vec::new(),
        enrichments: Vec::new(),
        unreadable: 0,
    })
}

fn operation(row: &Row<'_>) -> Result<OperationRecord> {
    fits(row, "fits", NO_FIT)?;
    let place = row::place(row)?;
    Ok(OperationRecord {
        kind: word(row.get("kind")?)?,
        key: Key::text(row.get_ref("key")?.as_blob()?),
        place,
        due: (place == RestingState::Queued).then(|| uint(row, "due")).transpose()?,
        attempts: row::attempts(row)?,
        redrives: row.get("redrives")?,
        settled: row::settled(row)?,
    })
}

fn enrichment(row: &Row<'_>) -> Result<Enrichment> {
    fits(row, "fits", NO_FIT)?;
    Ok(Enrichment { at: uint(row, "at")?, source: from_json::<Source>(row.get_ref("source")?.as_str()?)?, data: row::data(row)? })
}

/// At most `limit` dead letters of a vendor with an id above `after`.
pub(super) fn letters(
    connection: &mut Connection,
    vendor: usize,
    after: u64,
    limit: usize,
) -> Result<(Vec<DeadLetter>, Vec<Unreadable>)> {
    let sql = format!("SELECT {ENTRY} WHERE e.vendor = ?1 AND e.place = 'dead_lettered' AND e.id > ?2 ORDER BY e.id");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((vendor as i64, int(after)))?;
    let (mut letters, mut page) = (Vec::new(), Page::default());
    while letters.len() < limit
        && let Some(row) = rows.next()?
    {
        letters.extend(page.take(Record::Operation, uint(row, "id")?, letter(row))?);
    }
    Ok((letters, page.unreadable))
}

fn letter(row: &Row<'_>) -> Result<DeadLetter> {
    Ok(DeadLetter { id: uint(row, "id")?, entry: row::entry(row)?, cause: row::cause(row)?, at: uint(row, "dead_at")? })
}

/// Dead letters of a vendor by the name of their last failure.
pub(super) fn by_cause(connection: &Connection, vendor: usize) -> Result<BTreeMap<String, u64>> {
    let sql = "SELECT cause, count(*) AS letters FROM entries WHERE vendor = ?1 AND place = 'dead_lettered' GROUP BY cause";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([vendor as i64], |row| Ok((row.get("cause")?, uint(row, "letters")?)))?;
    rows.collect()
}

/// Whether an entry of this line waits for its vendor.
pub(super) fn line_is_taken(connection: &Connection, line: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM entries WHERE line = ?1 AND place = 'queued')";
    connection.prepare_cached(sql)?.query_row([line], |row| row.get(0))
}

/// What was kept of a vendor's credits.
pub(super) fn credits(connection: &mut Connection, vendor: usize) -> Result<Option<CreditState>> {
    let mut statement = connection.prepare_cached("SELECT credits FROM backlogs WHERE vendor = ?1")?;
    let text: Option<String> = statement.query_row([vendor as i64], |row| row.get(0))?;
    text.map(|text| from_json(&text)).transpose()
}
