//! What is read: by a connection of its own, so that no reader waits for a commit, nor a commit for a reader.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use rusqlite::{Connection, OptionalExtension, Result, Row};

use crate::outcome::RestingState;
use crate::resilience::{CreditState, DeadLetter, Source};
use crate::store::{Enrichment, LeadRecord, OperationRecord};

use super::row::{self, ENTRY, Key, from_json, int, uint, word};

/// What a reader is asked for.
pub(super) type Question = Box<dyn FnOnce(&mut Connection) + Send>;

/// Answers questions until all senders are gone.
pub(super) fn serve(mut connection: Connection, questions: &Receiver<Question>) {
    while let Ok(question) = questions.recv() {
        question(&mut connection);
    }
}

/// A lead with the vendors and ids of its operations.
pub(super) type Found = (LeadRecord, Vec<(usize, u64)>);

/// The lead of this key, with its operations and enrichments as of one instant.
pub(super) fn lead(connection: &mut Connection, key: &str) -> Result<Option<Found>> {
    let snapshot = connection.transaction()?;
    let found = {
        let mut statement = snapshot.prepare_cached("SELECT id, key, user, data, accepted_at FROM leads WHERE key = ?1")?;
        statement.query_row([Key::of(key)], lead_row).optional()?
    };
    found.map(|(id, lead)| with_parts(&snapshot, id, lead)).transpose()
}

/// A page of leads: at most `?2` behind the key `?1`. Were there a way to give none, each page would pass over all before it.
pub(super) const LEADS_BEHIND: &str = "SELECT id, key, user, data, accepted_at FROM leads WHERE key > ?1 ORDER BY key LIMIT ?2";

/// At most `limit` leads behind the one of key `after`.
pub(super) fn leads(connection: &mut Connection, after: Option<&str>, limit: usize) -> Result<Vec<Found>> {
    let snapshot = connection.transaction()?;
    let found = {
        let mut statement = snapshot.prepare_cached(LEADS_BEHIND)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Every key is behind the empty one.
        let rows = statement.query_map((Key::of(after.unwrap_or_default()), limit), lead_row)?;
        rows.collect::<Result<Vec<_>>>()?
    };
    found.into_iter().map(|(id, lead)| with_parts(&snapshot, id, lead)).collect()
}

fn lead_row(row: &Row<'_>) -> Result<(u64, LeadRecord)> {
    let lead = LeadRecord {
        key: Key::text(row.get_ref("key")?.as_blob()?),
        user: row.get("user")?,
        data: from_json(row.get_ref("data")?.as_str()?)?,
        accepted_at: uint(row, "accepted_at")?,
        operations: Vec::new(),
        enrichments: Vec::new(),
    };
    Ok((uint(row, "id")?, lead))
}

fn with_parts(connection: &Connection, id: u64, mut lead: LeadRecord) -> Result<Found> {
    let sql = format!("SELECT {ENTRY} WHERE e.lead = ?1 ORDER BY e.came");
    let mut ids = Vec::new();
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([int(id)])?;
    while let Some(row) = rows.next()? {
        ids.push((uint(row, "vendor")? as usize, uint(row, "id")?));
        lead.operations.push(operation(row)?);
    }
    let sql = "SELECT at, source, data FROM enrichments WHERE lead = ?1 ORDER BY id";
    lead.enrichments = connection.prepare_cached(sql)?.query_map([int(id)], enrichment)?.collect::<Result<_>>()?;
    Ok((lead, ids))
}

fn operation(row: &Row<'_>) -> Result<OperationRecord> {
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
    Ok(Enrichment {
        at: uint(row, "at")?,
        source: from_json::<Source>(row.get_ref("source")?.as_str()?)?,
        data: from_json(row.get_ref("data")?.as_str()?)?,
    })
}

/// At most `limit` dead letters of a vendor with an id above `after`.
pub(super) fn letters(connection: &mut Connection, vendor: usize, after: u64, limit: usize) -> Result<Vec<DeadLetter>> {
    let sql = format!("SELECT {ENTRY} WHERE e.vendor = ?1 AND e.place = 'dead_lettered' AND e.id > ?2 ORDER BY e.id LIMIT ?3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((vendor as i64, int(after), limit), |row| {
        Ok(DeadLetter { id: uint(row, "id")?, entry: row::entry(row)?, cause: row::cause(row)?, at: uint(row, "dead_at")? })
    })?;
    rows.collect()
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
