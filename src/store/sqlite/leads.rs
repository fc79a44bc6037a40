//! Changes of leads: accepted with all their operations, enriched with what follows from it, forgotten when all is done.

use rusqlite::{Result, params};

use crate::resilience::{Operation, UnixMillis};
use crate::store::{Acceptance, Enrichment, NewLead, Recorded, Runs};

use super::checksum::{enrichment_sum, lead_sum, row_sum};
use super::row::{Key, NewEntry, data, int, json, readable, uint};
use super::transaction::{LeadRow, Transaction};

/// When services ran. Without a span that is damaged things look younger, and are kept for longer.
const RUNS: &str = "SELECT began, last FROM runs WHERE checksum = row_sum(0, 'began', began, 'last', last) ORDER BY began";

/// A lead that is ready to be written: everything that can be computed beforehand, off the writer's thread.
#[derive(Debug)]
pub(super) struct ReadyLead {
    key: Key,
    user: String,
    data: String,
    operations: Vec<NewEntry>,
}

impl ReadyLead {
    pub(super) fn new(lead: NewLead, now: UnixMillis) -> Self {
        let mut operations: Vec<NewEntry> = Vec::with_capacity(lead.operations.len());
        for operation in lead.operations {
            // An operation that is named twice is one.
            if operations.iter().all(|known| known.entry.operation.key != operation.key) {
                operations.push(NewEntry::untried(operation, now));
            }
        }
        Self { key: Key::of(&lead.key), user: lead.user, data: json(&lead.data), operations }
    }

    /// About as many as it takes: its payload, and that of each operation as text and as a value.
    pub(super) fn bytes(&self) -> usize {
        self.data.len() + self.operations.iter().map(|operation| 2 * operation.data.len()).sum::<usize>()
    }
}

/// Operations that follow from something, ready to be written.
pub(super) fn follow_up(operations: Vec<Operation>, at: UnixMillis) -> Vec<NewEntry> {
    operations.into_iter().map(|operation| NewEntry::untried(operation, at)).collect()
}

impl Transaction<'_> {
    /// Accepts a lead with its operations, due at once.
    pub(super) fn accept(&mut self, lead: ReadyLead, now: UnixMillis) -> Result<Acceptance> {
        let mut more = [0; 3];
        lead.operations.iter().for_each(|operation| more[operation.vendor] += 1);
        if more.iter().enumerate().any(|(vendor, &more)| more > 0 && !self.fits(vendor, more)) {
            return Ok(if self.lead_of(&lead.key)?.is_some() { Acceptance::Known } else { Acceptance::Full });
        }
        let id = self.next_id();
        let sql = concat!(
            "INSERT INTO leads (id, key, user, data, accepted_at, open, settled_at, checksum)
            VALUES (:id, :key, :user, :data, :accepted_at, :open, :accepted_at, ",
            row_sum!(":"; "id" "key" "user" "data" "accepted_at" "open"),
            " + part('settled_at', :accepted_at)) ON CONFLICT (key) DO NOTHING"
        );
        let open = lead.operations.len() as i64;
        let parameters = params![int(id), lead.key, lead.user, lead.data, int(now), open];
        if self.connection.prepare_cached(sql)?.execute(parameters)? == 0 {
            return Ok(Acceptance::Known);
        }
        let row = LeadRow { id, user: lead.user.as_str(), data: lead.data.as_str() };
        for operation in lead.operations {
            self.enqueue(operation, now, Some(row), None)?;
        }
        Ok(Acceptance::New)
    }

    /// Keeps what was found out about a lead, with what follows from it.
    pub(super) fn enrich(&mut self, lead: &Key, found: &Enrichment, follow_up: Vec<NewEntry>) -> Result<Recorded> {
        let Some(id) = self.lead_of(lead)? else { return Ok(Recorded::UnknownLead) };
        let source = json(&found.source);
        let known = {
            let sql = "SELECT data FROM enrichments WHERE lead = ?1 AND source = ?2";
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query((int(id), &source))?;
            let mut known = false;
            while let Some(row) = rows.next()? {
                // As values: the order of an object's members says nothing. One that cannot be read is found when the lead is.
                known |= readable(data(row))?.is_ok_and(|data| data == found.data);
            }
            known
        };
        if known {
            return Ok(Recorded::Repeated);
        }
        let number = self.next_id();
        let sql = concat!(
            "INSERT INTO enrichments (id, lead, at, source, data, checksum) VALUES (:id, :lead, :at, :source, :data, ",
            enrichment_sum!(":"),
            ")"
        );
        self.connection.prepare_cached(sql)?.execute(params![int(number), int(id), int(found.at), source, json(&found.data)])?;
        for operation in follow_up {
            self.follow(operation, found.at)?;
        }
        Ok(Recorded::New)
    }

    /// Forgets at most `most` leads that were settled before `before`; gives how many.
    pub(super) fn forget(&mut self, before: UnixMillis, most: usize) -> Result<u64> {
        let ids = {
            // What does not fit its checksum may not be settled at all.
            let sql = concat!(
                "SELECT id FROM leads WHERE open = 0 AND settled_at < ?1 AND checksum = ",
                lead_sum!(""),
                " ORDER BY settled_at LIMIT ?2"
            );
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map((int(before), most as i64), |row| uint(row, "id"))?;
            rows.collect::<Result<Vec<_>>>()?
        };
        for &id in &ids {
            for sql in [
                "DELETE FROM enrichments WHERE lead = ?1",
                "DELETE FROM entries WHERE lead = ?1",
                "DELETE FROM leads WHERE id = ?1",
            ] {
                self.connection.prepare_cached(sql)?.execute([int(id)])?;
            }
        }
        Ok(ids.len() as u64)
    }

    /// Notes that a service runs; gives the time since when services have run for `age`.
    pub(super) fn ran(&mut self, now: UnixMillis, age: u64) -> Result<UnixMillis> {
        let spans = {
            let mut statement = self.connection.prepare_cached(RUNS)?;
            let rows = statement.query_map((), |row| Ok((uint(row, "began")?, uint(row, "last")?)))?;
            rows.collect::<Result<Vec<_>>>()?
        };
        let mut runs = Runs::of(spans);
        runs.note(now);
        let since = runs.since(age);
        self.connection.execute("DELETE FROM runs", ())?;
        for &(began, last) in runs.spans() {
            let sql = "INSERT INTO runs (began, checksum, last) VALUES (?1, row_sum(0, 'began', ?1, 'last', ?2), ?2)";
            self.connection.prepare_cached(sql)?.execute((int(began), int(last)))?;
        }
        Ok(since)
    }
}
