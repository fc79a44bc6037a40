//! What may be done within one commit, and what it changes besides the file once it is durable.
//!
//! Counts and the window of next entries are memory. Changed before the commit, they would promise what a full disk then
//! takes back; so they are collected here, and applied when the commit has succeeded.

use rusqlite::{Connection, OptionalExtension, Result};

use crate::store::Bounds;

use super::checksum::{row_sum, set};
use super::read::line_is_taken;
use super::row::{ENTRY, Key, NewEntry, head, int, readable, uint};
use super::unreadable::Unreadable;
use super::window::Head;

/// Entries of one vendor's backlog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) queued: u64,
    pub(super) dead: u64,
}

impl Counts {
    /// A letter has left.
    pub(super) fn letter_gone(&mut self) {
        self.dead = self.dead.saturating_sub(1);
    }
}

/// The numbers that the file keeps beside its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) counts: [Counts; 3],
    pub(super) last_id: u64,
}

/// What follows from a change once it is durable.
#[derive(Debug)]
pub(super) enum Effect {
    /// An entry of this vendor may be leased in its turn.
    Enter(usize, Head),
    /// An entry of this vendor may be leased no more.
    Leave(usize, u64),
    /// A record cannot be read and is set aside.
    SetAside(Unreadable),
}

/// See the module's text.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a Connection,
    bounds: Bounds,
    pub(super) numbers: Numbers,
    before: Numbers,
    pub(super) effects: Vec<Effect>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(connection: &'a Connection, bounds: Bounds, numbers: Numbers) -> Self {
        Self { connection, bounds, numbers, before: numbers, effects: Vec::new() }
    }

    /// Where a request begins.
    pub(super) fn mark(&self) -> (Numbers, usize) {
        (self.numbers, self.effects.len())
    }

    /// A request has failed, and its rows are rolled back.
    pub(super) fn back_to(&mut self, (numbers, effects): (Numbers, usize)) {
        self.numbers = numbers;
        self.effects.truncate(effects);
    }

    /// Writes the numbers that have changed: the last thing before the commit.
    pub(super) fn write_numbers(&self) -> Result<()> {
        for (vendor, (now, before)) in self.numbers.counts.iter().zip(&self.before.counts).enumerate() {
            if now != before {
                let sql = concat!("UPDATE backlogs SET ", set!("queued" = "?2", "dead" = "?3"), " WHERE vendor = ?1");
                self.connection.prepare_cached(sql)?.execute((vendor as i64, int(now.queued), int(now.dead)))?;
            }
        }
        if self.numbers.last_id != self.before.last_id {
            let sql = concat!("UPDATE numbers SET ", set!("last_id" = "?1"));
            self.connection.prepare_cached(sql)?.execute([int(self.numbers.last_id)])?;
        }
        Ok(())
    }

    /// What holds from now on.
    pub(super) fn finish(self) -> (Numbers, Vec<Effect>) {
        (self.numbers, self.effects)
    }

    /// A number that nothing had before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.numbers.last_id += 1;
        self.numbers.last_id
    }

    /// True when so many more entries fit into the queue of a vendor.
    pub(super) fn fits(&self, vendor: usize, more: u64) -> bool {
        self.numbers.counts[vendor].queued.saturating_add(more) <= self.bounds.queue as u64
    }

    /// True when another dead letter of a vendor fits.
    pub(super) fn letter_fits(&self, vendor: usize) -> bool {
        self.numbers.counts[vendor].dead < self.bounds.dead_letters as u64
    }

    /// The number of the lead of this key.
    pub(super) fn lead_of(&self, key: &Key) -> Result<Option<u64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM leads WHERE key = ?1")?;
        statement.query_row([key], |row| uint(row, "id")).optional()
    }

    /// Adds to the operations of a lead that are not settled.
    pub(super) fn open_more(&self, lead: u64, more: i64) -> Result<()> {
        let sql = concat!("UPDATE leads SET ", set!("open" = "open + ?2"), " WHERE id = ?1");
        self.connection.prepare_cached(sql)?.execute((int(lead), more))?;
        Ok(())
    }

    /// Puts an entry at the end of its user's line. `lead`: the number of its lead, and what of it is not written again.
    /// `came`: the first id that it had, where it was here before.
    pub(super) fn enqueue(&mut self, new: NewEntry, due: u64, lead: Option<LeadRow<&str>>, came: Option<u64>) -> Result<()> {
        let first = !line_is_taken(self.connection, new.line)?;
        let id = self.insert(&new, lead, "queued", first, due, came)?;
        let vendor = new.vendor;
        self.numbers.counts[vendor].queued += 1;
        if first {
            let head = Head { id, turn: (due, id), bytes: new.data.len(), entry: new.entry };
            self.effects.push(Effect::Enter(vendor, head));
        }
        Ok(())
    }

    /// Writes the row of an entry; gives its id.
    pub(super) fn insert(
        &mut self,
        new: &NewEntry,
        lead: Option<LeadRow<&str>>,
        place: &str,
        head: bool,
        due: u64,
        came: Option<u64>,
    ) -> Result<u64> {
        let id = self.next_id();
        let operation = &new.entry.operation;
        let user = lead.is_none_or(|lead| lead.user != operation.user).then_some(operation.user.as_str());
        let data = lead.is_none_or(|lead| lead.data != new.data).then_some(new.data.as_str());
        let lead_key = new.lead_key.as_ref().filter(|_| lead.is_none());
        let sql = concat!(
            "INSERT INTO entries (id, vendor, place, head, due, came, line, lead, kind, key, lead_key, user, data, first,
            retry_count, redrives, attempts, checksum) VALUES (:id, :vendor, :place, :head, :due, :came, :line, :lead, :kind, :key,
            :lead_key, :user, :data, :first, :retry_count, :redrives, :attempts, ",
            row_sum!(
                ":"; "id" "vendor" "place" "head" "due" "came" "line" "lead" "kind" "key" "lead_key" "user" "data" "first"
                "retry_count" "redrives" "attempts"
            ),
            " + part('cause', NULL) + part('dead_at', NULL) + part('settled', NULL))"
        );
        self.connection.prepare_cached(sql)?.execute(rusqlite::params![
            int(id),
            new.vendor as i64,
            place,
            head,
            int(due),
            int(came.unwrap_or(id)),
            new.line,
            lead.map(|lead| int(lead.id)),
            operation.kind.as_str(),
            new.key,
            lead_key,
            user,
            data,
            int(new.entry.timestamp),
            new.entry.retry_count,
            new.entry.redrives,
            new.attempts,
        ])?;
        Ok(id)
    }

    /// An entry has left the queue: the next of its line becomes the first.
    pub(super) fn left(&mut self, vendor: usize, id: u64, line: i64) -> Result<()> {
        self.numbers.counts[vendor].queued = self.numbers.counts[vendor].queued.saturating_sub(1);
        self.effects.push(Effect::Leave(vendor, id));
        self.next_of(vendor, line)
    }

    /// Makes the next of a line its first, unless it is that already. Those that cannot be read are set aside, so that no other
    /// waits for them.
    pub(super) fn next_of(&mut self, vendor: usize, line: i64) -> Result<()> {
        let sql = "SELECT id, head FROM entries WHERE line = ?1 AND place = 'queued' ORDER BY id LIMIT 1";
        loop {
            let next = self
                .connection
                .prepare_cached(sql)?
                .query_row([line], |row| Ok((uint(row, "id")?, row.get::<_, i64>("head")? == 1)))
                .optional()?;
            let Some((next, false)) = next else { return Ok(()) };
            let sql = concat!("UPDATE entries SET ", set!("head" = "1"), " WHERE id = ?1");
            self.connection.prepare_cached(sql)?.execute([int(next)])?;
            match self.head(next)? {
                Ok(head) => {
                    self.effects.push(Effect::Enter(vendor, head));
                    return Ok(());
                }
                Err(reason) => drop(self.set_aside(next, &reason)?),
            }
        }
    }

    fn head(&self, id: u64) -> Result<std::result::Result<Head, String>> {
        let sql = format!("SELECT {ENTRY} WHERE e.id = ?1");
        readable(self.connection.prepare_cached(&sql)?.query_row([int(id)], head))
    }

    /// An entry is the first of its line: it may be leased in its turn, once this is durable.
    pub(super) fn enter(&mut self, vendor: usize, id: u64) -> Result<()> {
        match self.head(id)? {
            Ok(head) => {
                self.effects.push(Effect::Enter(vendor, head));
                Ok(())
            }
            Err(reason) => self.quarantine(id, &reason),
        }
    }
}

/// The row of a lead, as far as its operations share it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeadRow<T> {
    pub(super) id: u64,
    pub(super) user: T,
    pub(super) data: T,
}

impl LeadRow<String> {
    pub(super) fn as_ref(&self) -> LeadRow<&str> {
        LeadRow { id: self.id, user: &self.user, data: &self.data }
    }
}
