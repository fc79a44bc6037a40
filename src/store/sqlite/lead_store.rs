//! The file as a store of leads.

use tokio::sync::oneshot;

use crate::outcome::Vendor;
use crate::resilience::{Operation, StoreError, UnixMillis};
use crate::store::{Acceptance, Enrichment, LeadRecord, LeadStore, NewLead, Recorded};

use super::backlog::SqliteBacklog;
use super::leads::{ReadyLead, follow_up};
use super::read;
use super::row::Key;
use super::shared::closed;
use super::store::SqliteStore;
use super::transaction::Transaction;
use super::unreadable::Record;
use super::writer::{Change, Request};

impl LeadStore for SqliteStore {
    type Backlog = SqliteBacklog;

    fn backlog(&self, vendor: Vendor) -> SqliteBacklog {
        SqliteBacklog::new(self.clone(), vendor)
    }

    async fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> Result<Vec<Acceptance>, StoreError> {
        let leads: Vec<ReadyLead> = leads.into_iter().map(|lead| ReadyLead::new(lead, now)).collect();
        let bytes = leads.iter().map(ReadyLead::bytes).sum();
        let accept = move |transaction: &mut Transaction<'_>| {
            leads.into_iter().map(|lead| transaction.accept(lead, now)).collect::<rusqlite::Result<Vec<_>>>()
        };
        self.write_large(Change::Enqueue, bytes, accept).await
    }

    async fn lead(&self, key: &str) -> Result<Option<LeadRecord>, StoreError> {
        let key = key.to_owned();
        let (found, unreadable) = self.read(move |connection| read::lead(connection, &key)).await?;
        let lead = unreadable.iter().find(|found| found.record == Record::Lead);
        let failed = lead.map(|found| StoreError(format!("the lead is quarantined: {}", found.reason)));
        self.set_aside(unreadable).await;
        failed.map_or_else(|| Ok(found.map(|found| self.with_leases(found))), Err)
    }

    async fn leads(&self, after: Option<&str>, limit: usize) -> Result<Vec<LeadRecord>, StoreError> {
        let after = after.map(str::to_owned);
        let (found, unreadable) = self.read(move |connection| read::leads(connection, after.as_deref(), limit)).await?;
        self.set_aside(unreadable).await;
        Ok(found.into_iter().map(|found| self.with_leases(found)).collect())
    }

    async fn enrich(&self, lead: &str, enrichment: Enrichment, operations: Vec<Operation>) -> Result<Recorded, StoreError> {
        let (lead, operations) = (Key::of(lead), follow_up(operations, enrichment.at));
        self.write(Change::Callback, move |transaction| transaction.enrich(&lead, &enrichment, operations)).await
    }

    async fn latest(&self) -> Result<Option<UnixMillis>, StoreError> {
        // Each is one step of an index. What failed or was redriven is dated in a span in which a service ran.
        let sql = "SELECT max(coalesce((SELECT max(settled_at) FROM leads WHERE open = 0), 0),
                              coalesce((SELECT accepted_at FROM leads ORDER BY id DESC LIMIT 1), 0),
                              coalesce((SELECT max(last) FROM runs WHERE checksum = row_sum(0, 'began', began, 'last', last)), 0))";
        let latest = self.read(|connection| connection.query_row(sql, (), |row| row.get::<_, Option<i64>>(0))).await?;
        Ok(latest.and_then(|latest| UnixMillis::try_from(latest).ok()).filter(|latest| *latest > 0))
    }

    async fn ran(&self, now: UnixMillis, age: u64) -> Result<UnixMillis, StoreError> {
        self.write(Change::Other, move |transaction| transaction.ran(now, age)).await
    }

    async fn forget_settled(&self, before: UnixMillis) -> Result<u64, StoreError> {
        const AT_ONCE: usize = 500;
        let mut forgotten = 0;
        loop {
            let some = self.write(Change::Other, move |transaction| transaction.forget(before, AT_ONCE)).await?;
            forgotten += some;
            if some < AT_ONCE as u64 {
                return Ok(forgotten);
            }
        }
    }

    fn quarantined(&self) -> u64 {
        self.shared.quarantine.count()
    }

    async fn check(&self) -> Result<(), StoreError> {
        if let Some(damage) = self.shared.damage.lock().clone() {
            return Err(StoreError(damage));
        }
        let sql = "UPDATE numbers SET checked_at = ?1";
        let now = crate::clock::wall_clock().timestamp_millis().max(0);
        self.write(Change::Other, move |transaction| transaction.connection.prepare_cached(sql)?.execute([now]).map(drop)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let Some(running) = self.threads.take() else { return Ok(()) };
        // They answer what they were asked, which takes milliseconds.
        let running = running.end_readers();
        let (answer, answered) = oneshot::channel();
        let result = match running.requests.send(Request::Close(answer)) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(closed())),
            Err(_) => Err(closed()),
        };
        // What is left is to join a thread that has nothing to do any more.
        running.end();
        result
    }
}
