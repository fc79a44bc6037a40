//! What cannot be read is set aside, so that it harms itself alone.
//!
//! One row that cannot be read would end every page that it is on, and stop its user's line for ever. So it moves to a place of
//! its own with its reason, is named in the log once, and the next of its line goes on. Its columns stay as they are, for
//! whoever mends it; its lead stays open, so that neither is ever forgotten.

use std::collections::HashSet;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Result};

use super::checksum::set;
use super::row::{int, uint};
use super::transaction::{Effect, Transaction};
use super::unreadable::{Record, Unreadable};
use crate::outcome::Vendor;
use crate::store::listing::Quarantined;

/// Records that are named in the log; of more, there is a line that says so.
const NAMED: usize = 100;

/// What was set aside, as the file says.
#[derive(Debug, Default)]
pub(super) struct Quarantine(Mutex<HashSet<(Record, u64)>>);

impl Quarantine {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut statement = connection.prepare("SELECT record, id FROM quarantine")?;
        let mut known = HashSet::new();
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let name: String = row.get("record")?;
            let record = Record::ALL.into_iter().find(|record| record.as_str() == name).unwrap_or(Record::Operation);
            known.insert((record, uint(row, "id")?));
        }
        if !known.is_empty() {
            log::error!("{} records of the store cannot be read and are set aside: `plimsoll queue ls` names them", known.len());
        }
        Ok(Self(Mutex::new(known)))
    }

    pub(super) fn count(&self) -> u64 {
        self.0.lock().len() as u64
    }

    pub(super) fn has(&self, found: &Unreadable) -> bool {
        self.0.lock().contains(&(found.record, found.id))
    }

    /// It is set aside from now on.
    pub(super) fn add(&self, found: Unreadable) {
        let count = {
            let mut known = self.0.lock();
            known.insert((found.record, found.id));
            known.len()
        };
        if count == NAMED + 1 {
            log::error!("more than {NAMED} records cannot be read; the others are named by `plimsoll queue ls`");
        } else if count <= NAMED {
            let (vendor, lead, found_at, fields) = (None::<Vendor>, None, None, std::collections::BTreeMap::new());
            let Unreadable { record, id, reason } = found;
            let shown = Quarantined { record: record.as_str(), id: id.to_string(), vendor, lead, reason, found_at, fields };
            log::error!("{shown}; it is set aside, and the others go on");
        }
    }
}

impl Transaction<'_> {
    /// Sets an operation aside that cannot be read; the next of its line goes on.
    pub(super) fn quarantine(&mut self, id: u64, reason: &str) -> Result<()> {
        match self.set_aside(id, reason)? {
            Some((vendor, line)) => self.next_of(vendor, line),
            None => Ok(()),
        }
    }

    /// As [`Transaction::quarantine`], without the next of its line; gives its vendor and line where it was queued. What has
    /// left already stays where it is, and is only noted.
    pub(super) fn set_aside(&mut self, id: u64, reason: &str) -> Result<Option<(usize, i64)>> {
        let sql = "SELECT vendor, line, place = 'queued', place = 'dead_lettered' FROM entries WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, bool>(2)?, row.get(3)?));
        let found = self.connection.prepare_cached(sql)?.query_row([int(id)], read).optional()?;
        let Some((vendor, line, queued, dead)) = found else { return Ok(None) };
        if queued || dead {
            let sql = concat!("UPDATE entries SET ", set!("place" = "'quarantined'", "head" = "0"), " WHERE id = ?1");
            self.connection.prepare_cached(sql)?.execute([int(id)])?;
        }
        self.note(Unreadable { record: Record::Operation, id, reason: reason.to_owned() })?;
        let Some(vendor) = usize::try_from(vendor).ok().filter(|vendor| *vendor < self.numbers.counts.len()) else {
            return Ok(None);
        };
        let counts = &mut self.numbers.counts[vendor];
        if dead {
            counts.letter_gone();
        }
        if queued {
            counts.queued = counts.queued.saturating_sub(1);
            self.effects.push(Effect::Leave(vendor, id));
        }
        Ok(queued.then_some((vendor, line)))
    }

    /// Sets a record aside, whatever it is.
    pub(super) fn put_aside(&mut self, found: Unreadable) -> Result<()> {
        match found.record {
            Record::Operation => self.quarantine(found.id, &found.reason),
            _ => self.note(found),
        }
    }

    /// Notes that a record cannot be read.
    pub(super) fn note(&mut self, found: Unreadable) -> Result<()> {
        let now = crate::clock::wall_clock().timestamp_millis();
        let sql = "INSERT OR IGNORE INTO quarantine (record, id, reason, found_at) VALUES (?1, ?2, ?3, ?4)";
        let row = (found.record.as_str(), int(found.id), &found.reason, now);
        if self.connection.prepare_cached(sql)?.execute(row)? > 0 {
            self.effects.push(Effect::SetAside(found));
        }
        Ok(())
    }
}
