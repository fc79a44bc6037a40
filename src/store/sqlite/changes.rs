//! Changes of the queue and the dead letters, each a few rows within one commit.

use rusqlite::{OptionalExtension, Result};

use crate::outcome::{FailureKind, RestingState};
use crate::resilience::queue::ATTEMPTS_REMEMBERED;
use crate::resilience::{Attempt, Settled, UnixMillis};

use super::checksum::{entry_sum, set};
use super::read::line_is_taken;
use super::row::{Key, NO_FIT, NewEntry, attempts, attempts_json, fits, int, json, readable, uint, word};
use super::transaction::{LeadRow, Transaction};

/// What of a row a change needs.
struct Found {
    vendor: usize,
    line: i64,
    head: bool,
    lead: Option<u64>,
    cause: Option<String>,
    dead_at: Option<i64>,
    attempts: Vec<Attempt>,
}

/// An entry of an operation that comes again.
struct Known {
    id: u64,
    came: u64,
    place: String,
}

impl Transaction<'_> {
    /// An entry in this place; one that does not fit its checksum is set aside.
    fn find(&mut self, id: u64, place: &str) -> Result<Option<Found>> {
        let sql = concat!(
            "SELECT vendor, line, head, lead, cause, dead_at, attempts, checksum = ",
            entry_sum!(""),
            " AS fits FROM entries WHERE id = ?1 AND place = ?2"
        );
        let connection = self.connection;
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement
            .query_row((int(id), place), |row| {
                fits(row, "fits", NO_FIT)?;
                Ok(Found {
                    attempts: attempts(row)?,
                    vendor: uint(row, "vendor")? as usize,
                    line: row.get("line")?,
                    head: row.get("head")?,
                    lead: row.get::<_, Option<i64>>("lead")?.map(|lead| lead as u64),
                    cause: row.get("cause")?,
                    dead_at: row.get("dead_at")?,
                })
            })
            .optional();
        match readable(found)? {
            Ok(found) => Ok(found),
            Err(reason) => {
                self.quarantine(id, &reason)?;
                Ok(None)
            }
        }
    }

    /// Adds an entry; false when the queue is full. An operation that is queued already stays where it is.
    pub(super) fn push(&mut self, new: NewEntry, due: UnixMillis) -> Result<bool> {
        let lead = self.lead_row(new.lead_key.as_ref())?;
        let known = self.known(lead.as_ref(), &new.key)?;
        if known.as_ref().is_some_and(|known| known.place == "queued") {
            return Ok(true);
        }
        if !self.fits(new.vendor, 1) {
            return Ok(false);
        }
        let came = self.replaces(known, lead.as_ref())?;
        self.enqueue(new, due, lead.as_ref().map(LeadRow::as_ref), came)?;
        Ok(true)
    }

    /// Adds an operation that follows from another, unless its lead has it. A bound refuses intake; what follows from what
    /// has been taken in goes on.
    pub(super) fn follow(&mut self, new: NewEntry, due: UnixMillis) -> Result<()> {
        let lead = self.lead_row(new.lead_key.as_ref())?;
        if self.known(lead.as_ref(), &new.key)?.is_some() {
            return Ok(());
        }
        let came = self.replaces(None, lead.as_ref())?;
        self.enqueue(new, due, lead.as_ref().map(LeadRow::as_ref), came)
    }

    fn lead_row(&self, key: Option<&Key>) -> Result<Option<LeadRow<String>>> {
        let Some(key) = key else { return Ok(None) };
        let mut statement = self.connection.prepare_cached("SELECT id, user, data FROM leads WHERE key = ?1")?;
        statement
            .query_row([key], |row| Ok(LeadRow { id: uint(row, "id")?, user: row.get("user")?, data: row.get("data")? }))
            .optional()
    }

    /// The entry of an operation: any that its lead has; without a lead, one that is queued.
    fn known<T>(&self, lead: Option<&LeadRow<T>>, key: &Key) -> Result<Option<Known>> {
        let sql = if lead.is_some() {
            "SELECT id, came, place FROM entries WHERE lead = ?2 AND key = ?1"
        } else {
            "SELECT id, came, place FROM entries WHERE lead IS NULL AND key = ?1 AND place = 'queued' AND ?2 IS NULL"
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        statement
            .query_row((key, lead.map(|lead| int(lead.id))), |row| {
                Ok(Known { id: uint(row, "id")?, came: uint(row, "came")?, place: row.get("place")? })
            })
            .optional()
    }

    /// Makes place for an operation that its lead had elsewhere; gives the id that it came with, and counts the operation as open.
    fn replaces<T>(&mut self, known: Option<Known>, lead: Option<&LeadRow<T>>) -> Result<Option<u64>> {
        let was_open = match &known {
            None => false,
            Some(Known { id, place, .. }) => {
                let found = self.find(*id, place)?;
                self.connection.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([int(*id)])?;
                match (place.as_str(), found) {
                    ("queued", Some(found)) => self.left(found.vendor, *id, found.line)?,
                    ("dead_lettered", Some(found)) => self.numbers.counts[found.vendor].letter_gone(),
                    _ => {}
                }
                place == "queued" || place == "dead_lettered"
            }
        };
        if let Some(lead) = lead.filter(|_| !was_open) {
            self.open_more(lead.id, 1)?;
        }
        Ok(known.map(|known| known.came))
    }

    /// Ends an entry, with what follows from it. One that is not in the queue any more stays as it is.
    pub(super) fn ack(&mut self, id: u64, settled: &Settled, follow_up: Vec<NewEntry>) -> Result<()> {
        let Some(found) = self.find(id, "queued")? else { return Ok(()) };
        for new in follow_up {
            self.follow(new, settled.at)?;
        }
        self.settle(id, found.lead, settled)?;
        self.left(found.vendor, id, found.line)
    }

    /// Writes how an entry left. One without a lead is forgotten, because no request could ask for it.
    fn settle(&mut self, id: u64, lead: Option<u64>, settled: &Settled) -> Result<()> {
        let Some(lead) = lead else {
            self.connection.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([int(id)])?;
            return Ok(());
        };
        let sql = concat!("UPDATE entries SET ", set!("place" = "?2", "head" = "0", "settled" = "?3"), " WHERE id = ?1");
        self.connection.prepare_cached(sql)?.execute((int(id), settled.place.as_str(), json(settled)))?;
        let sql = concat!("UPDATE leads SET ", set!("open" = "open - 1", "settled_at" = "max(settled_at, ?2)"), " WHERE id = ?1");
        self.connection.prepare_cached(sql)?.execute((int(lead), int(settled.at)))?;
        Ok(())
    }

    /// Counts and remembers a failed attempt.
    fn remember(&self, id: u64, mut all: Vec<Attempt>, attempt: Attempt) -> Result<()> {
        let spare = (all.len() + 1).saturating_sub(ATTEMPTS_REMEMBERED);
        all.drain(..spare);
        all.push(attempt);
        let sql = concat!("UPDATE entries SET ", set!("retry_count" = "retry_count + 1", "attempts" = "?2"), " WHERE id = ?1");
        self.connection.prepare_cached(sql)?.execute((int(id), attempts_json(&all)))?;
        Ok(())
    }

    /// Releases an entry, due at `due`, with the failed attempt if there was one, and whether that may be reported `again`.
    pub(super) fn end_lease(&mut self, id: u64, attempt: Option<(Attempt, bool)>, due: UnixMillis) -> Result<()> {
        let Some(found) = self.find(id, "queued")? else { return Ok(()) };
        if let Some((attempt, again)) = attempt {
            if again && found.attempts.last() == Some(&attempt) {
                return Ok(());
            }
            self.remember(id, found.attempts, attempt)?;
        }
        let sql = concat!("UPDATE entries SET ", set!("due" = "?2"), " WHERE id = ?1");
        self.connection.prepare_cached(sql)?.execute((int(id), int(due)))?;
        if found.head { self.enter(found.vendor, id) } else { Ok(()) }
    }

    /// Moves an entry to the dead letters; false when there is no room or no such entry.
    pub(super) fn bury(&mut self, id: u64, attempt: Attempt) -> Result<bool> {
        let Some(found) = self.find(id, "queued")? else { return Ok(false) };
        if !self.letter_fits(found.vendor) {
            return Ok(false);
        }
        self.remember(id, found.attempts, attempt)?;
        let letter = self.renumber(id)?;
        self.letter(letter, found.vendor, attempt.cause, attempt.at)?;
        self.left(found.vendor, id, found.line)?;
        Ok(true)
    }

    /// Gives an entry the last id of all: its turn is after every other's, and its old id is no longer valid.
    fn renumber(&mut self, id: u64) -> Result<u64> {
        let anew = self.next_id();
        let sql = concat!("UPDATE entries SET ", set!("id" = "?2"), " WHERE id = ?1");
        self.connection.prepare_cached(sql)?.execute((int(id), int(anew)))?;
        Ok(anew)
    }

    fn letter(&mut self, id: u64, vendor: usize, cause: FailureKind, at: UnixMillis) -> Result<()> {
        let sql = concat!(
            "UPDATE entries SET ",
            set!("place" = "'dead_lettered'", "head" = "0", "cause" = "?2", "dead_at" = "?3"),
            " WHERE id = ?1"
        );
        self.connection.prepare_cached(sql)?.execute((int(id), cause.as_str(), int(at)))?;
        self.numbers.counts[vendor].dead += 1;
        Ok(())
    }

    /// Puts an entry among the dead letters that never was in the queue; false when there is no room.
    pub(super) fn put_letter(&mut self, new: NewEntry, cause: FailureKind, at: UnixMillis) -> Result<bool> {
        let vendor = new.vendor;
        if !self.letter_fits(vendor) {
            return Ok(false);
        }
        let lead = self.lead_row(new.lead_key.as_ref())?;
        let known = if lead.is_some() { self.known(lead.as_ref(), &new.key)? } else { None };
        if known.as_ref().is_some_and(|known| known.place == "dead_lettered") {
            return Ok(true);
        }
        let came = self.replaces(known, lead.as_ref())?;
        // Its place is given with its cause, so that no row is a letter without one.
        let id = self.insert(&new, lead.as_ref().map(LeadRow::as_ref), "rejected", false, at, came)?;
        self.letter(id, vendor, cause, at)?;
        Ok(true)
    }

    /// Moves a letter to the end of its user's line; false when the queue is full or there is no such letter.
    pub(super) fn redrive(&mut self, vendor: usize, id: u64, due: UnixMillis) -> Result<bool> {
        let Some(found) = self.find(id, "dead_lettered")?.filter(|found| found.vendor == vendor) else { return Ok(false) };
        if !self.fits(vendor, 1) {
            return Ok(false);
        }
        self.numbers.counts[vendor].letter_gone();
        if found.lead.is_none() && self.copy_waits(id)? {
            self.connection.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([int(id)])?;
            return Ok(true);
        }
        let first = !line_is_taken(self.connection, found.line)?;
        let id = self.renumber(id)?;
        let sql = concat!(
            "UPDATE entries SET ",
            set!(
                "place" = "'queued'",
                "head" = "?2",
                "due" = "?3",
                "retry_count" = "0",
                "redrives" = "redrives + 1",
                "cause" = "NULL",
                "dead_at" = "NULL"
            ),
            " WHERE id = ?1"
        );
        self.connection.prepare_cached(sql)?.execute((int(id), first, int(due)))?;
        self.numbers.counts[vendor].queued += 1;
        if first { self.enter(vendor, id) } else { Ok(()) }?;
        Ok(true)
    }

    /// Whether the operation of a letter of no lead was handed in again, and is queued.
    fn copy_waits(&self, id: u64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM entries WHERE lead IS NULL AND place = 'queued'
            AND key = (SELECT key FROM entries WHERE id = ?1))";
        self.connection.prepare_cached(sql)?.query_row([int(id)], |row| row.get(0))
    }

    /// Removes a letter for good. The lead that it is of remembers it as rejected, with its cause; false when there is none.
    pub(super) fn remove_letter(&mut self, vendor: usize, id: u64) -> Result<bool> {
        let Some(found) = self.find(id, "dead_lettered")?.filter(|found| found.vendor == vendor) else { return Ok(false) };
        let settled = Settled {
            at: found.dead_at.unwrap_or_default().max(0) as u64,
            place: RestingState::Rejected,
            source: None,
            cause: found.cause.map(word).transpose()?,
            status: found.attempts.last().and_then(|attempt| attempt.status),
            follow_up: Vec::new(),
        };
        self.settle(id, found.lead, &settled)?;
        self.numbers.counts[vendor].letter_gone();
        Ok(true)
    }
}
