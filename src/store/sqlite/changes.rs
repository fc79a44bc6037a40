//! Changes of the queue and the dead letters, each a few rows within one commit.

use rusqlite::{OptionalExtension, Result};

use crate::outcome::{FailureKind, Place};
use crate::resilience::queue::ATTEMPTS_REMEMBERED;
use crate::resilience::{Attempt, Settled, UnixMillis};

use super::row::{ENTRY, NewEntry, attempts, attempts_json, int, json, uint, word};
use super::transaction::{LeadRow, Transaction};

/// What of a row a change needs.
struct Found {
    vendor: usize,
    line: i64,
    head: bool,
    lead: Option<u64>,
    cause: Option<String>,
    dead_at: Option<i64>,
}

impl Transaction<'_> {
    fn find(&self, id: u64, place: &str) -> Result<Option<Found>> {
        let sql = "SELECT vendor, line, head, lead, cause, dead_at FROM entries WHERE id = ?1 AND place = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement
            .query_row((int(id), place), |row| {
                Ok(Found {
                    vendor: uint(row, "vendor")? as usize,
                    line: row.get("line")?,
                    head: row.get("head")?,
                    lead: row.get::<_, Option<i64>>("lead")?.map(|lead| lead as u64),
                    cause: row.get("cause")?,
                    dead_at: row.get("dead_at")?,
                })
            })
            .optional()
    }

    /// Adds an entry that names its lead, if it does; false when the queue is full.
    pub(super) fn push(&mut self, new: NewEntry, due: UnixMillis) -> Result<bool> {
        if !self.fits(new.vendor, 1) {
            return Ok(false);
        }
        self.with_its_lead(new, |transaction, new, lead| transaction.enqueue(new, due, lead))?;
        Ok(true)
    }

    /// Adds an operation that follows from another. A bound refuses intake; what has been taken in goes on.
    pub(super) fn follow(&mut self, new: NewEntry, due: UnixMillis) -> Result<()> {
        self.with_its_lead(new, |transaction, new, lead| transaction.enqueue(new, due, lead))
    }

    fn with_its_lead(
        &mut self,
        new: NewEntry,
        work: impl FnOnce(&mut Self, NewEntry, Option<&LeadRow<'_>>) -> Result<()>,
    ) -> Result<()> {
        let row = match &new.lead_key {
            None => None,
            Some(key) => {
                let sql = "SELECT id, user, data FROM leads WHERE key = ?1";
                let mut statement = self.connection.prepare_cached(sql)?;
                statement
                    .query_row([key], |row| Ok((uint(row, "id")?, row.get::<_, String>("user")?, row.get::<_, String>("data")?)))
                    .optional()?
            }
        };
        let lead = row.as_ref().map(|(id, user, data)| LeadRow { id: *id, user, data });
        if let Some(lead) = &lead {
            self.open_more(lead.id, 1)?;
        }
        work(self, new, lead.as_ref())
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

    /// Writes how an entry left. One of no lead is forgotten: nobody could ask for it.
    fn settle(&mut self, id: u64, lead: Option<u64>, settled: &Settled) -> Result<()> {
        let Some(lead) = lead else {
            self.connection.prepare_cached("DELETE FROM entries WHERE id = ?1")?.execute([int(id)])?;
            return Ok(());
        };
        let sql = "UPDATE entries SET place = ?2, head = 0, settled = ?3 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute((int(id), settled.place.as_str(), json(settled)))?;
        let sql = "UPDATE leads SET open = open - 1, settled_at = max(settled_at, ?2) WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute((int(lead), int(settled.at)))?;
        Ok(())
    }

    /// Counts and remembers a failed attempt.
    fn remember(&self, id: u64, attempt: Attempt) -> Result<()> {
        let sql = format!("SELECT {ENTRY} WHERE e.id = ?1");
        let mut all = self.connection.prepare_cached(&sql)?.query_row([int(id)], attempts)?;
        let spare = (all.len() + 1).saturating_sub(ATTEMPTS_REMEMBERED);
        all.drain(..spare);
        all.push(attempt);
        let sql = "UPDATE entries SET retry_count = retry_count + 1, attempts = ?2 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute((int(id), attempts_json(&all)))?;
        Ok(())
    }

    /// Gives an entry back, due at `due`, with what failed if something was tried.
    pub(super) fn give_back(&mut self, id: u64, attempt: Option<Attempt>, due: UnixMillis) -> Result<()> {
        let Some(found) = self.find(id, "queued")? else { return Ok(()) };
        if let Some(attempt) = attempt {
            self.remember(id, attempt)?;
        }
        self.connection.prepare_cached("UPDATE entries SET due = ?2 WHERE id = ?1")?.execute((int(id), int(due)))?;
        if found.head { self.enter(found.vendor, id) } else { Ok(()) }
    }

    /// Moves an entry to the dead letters; false when there is no room or no such entry.
    pub(super) fn bury(&mut self, id: u64, attempt: Attempt) -> Result<bool> {
        let Some(found) = self.find(id, "queued")? else { return Ok(false) };
        if !self.letter_fits(found.vendor) {
            return Ok(false);
        }
        self.remember(id, attempt)?;
        self.letter(id, found.vendor, attempt.cause, attempt.at)?;
        self.left(found.vendor, id, found.line)?;
        Ok(true)
    }

    fn letter(&mut self, id: u64, vendor: usize, cause: FailureKind, at: UnixMillis) -> Result<()> {
        let sql = "UPDATE entries SET place = 'dead_lettered', head = 0, cause = ?2, dead_at = ?3 WHERE id = ?1";
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
        self.with_its_lead(new, |transaction, new, lead| {
            // Its place is given with its cause, so that no row is a letter without one.
            let id = transaction.insert(&new, lead, "rejected", false, at)?;
            transaction.letter(id, vendor, cause, at)
        })?;
        Ok(true)
    }

    /// Moves a letter to the end of its user's line; false when the queue is full or there is no such letter.
    pub(super) fn redrive(&mut self, vendor: usize, id: u64, due: UnixMillis) -> Result<bool> {
        let Some(found) = self.find(id, "dead_lettered")?.filter(|found| found.vendor == vendor) else { return Ok(false) };
        if !self.fits(vendor, 1) {
            return Ok(false);
        }
        let first = !self.line_is_taken(found.line)?;
        let seq = self.next_id();
        let sql = "UPDATE entries SET place = 'queued', head = ?2, due = ?3, seq = ?4, retry_count = 0, redrives = redrives + 1,
            cause = NULL, dead_at = NULL WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute((int(id), first, int(due), int(seq)))?;
        self.numbers.counts[vendor].dead = self.numbers.counts[vendor].dead.saturating_sub(1);
        self.numbers.counts[vendor].queued += 1;
        if first { self.enter(vendor, id) } else { Ok(()) }?;
        Ok(true)
    }

    /// Removes a letter for good. The lead that it is of remembers it as rejected, with its cause; false when there is none.
    pub(super) fn remove_letter(&mut self, vendor: usize, id: u64) -> Result<bool> {
        let Some(found) = self.find(id, "dead_lettered")?.filter(|found| found.vendor == vendor) else { return Ok(false) };
        let settled = Settled {
            at: found.dead_at.unwrap_or_default().max(0) as u64,
            place: Place::Rejected,
            source: None,
            cause: found.cause.map(word).transpose()?,
            status: None,
            follow_up: Vec::new(),
        };
        self.settle(id, found.lead, &settled)?;
        self.numbers.counts[vendor].dead = self.numbers.counts[vendor].dead.saturating_sub(1);
        Ok(true)
    }
}
