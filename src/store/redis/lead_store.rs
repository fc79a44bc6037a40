//! The server as a store of leads.

use std::sync::atomic::Ordering;

use redis::Value;

use crate::failpoint::{Failpoint, reach};
use crate::outcome::Vendor;
use crate::resilience::{Operation, OperationKind, StoreError, UnixMillis, idempotency_key};
use crate::store::{Acceptance, Enrichment, LeadRecord, LeadStore, NewLead, Recorded, Runs};

use super::backlog::RedisBacklog;
use super::reply::{self, Items};
use super::scripts;
use super::store::{RedisStore, json, operations};
use super::unreadable::Unreadable;

/// Leads forgotten by one script: the server serves no other client while it runs.
const FORGOTTEN_AT_ONCE: u64 = 100;

impl LeadStore for RedisStore {
    type Backlog = RedisBacklog;

    fn backlog(&self, vendor: Vendor) -> RedisBacklog {
        RedisBacklog::new(self.clone(), vendor)
    }

    async fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> Result<Vec<Acceptance>, StoreError> {
        let mut call = self.call(&scripts::ACCEPT);
        call.arg(now).arg(self.shared.bounds.queue).arg(leads.len());
        for lead in &leads {
            call.arg(&lead.key).arg(&lead.user).arg(json(&lead.data)?);
            operations(&mut call, &lead.operations)?;
        }
        reach(Failpoint::BeforeEnqueueCommit);
        let answers = self.change(&call).await?;
        reach(Failpoint::AfterEnqueueCommit);
        let answer = |value| match reply::text(value)?.as_str() {
            "new" => Ok(Acceptance::New),
            "known" => Ok(Acceptance::Known),
            _ => Ok(Acceptance::Full),
        };
        Items::of(answers)?.map(answer).collect()
    }

    async fn lead(&self, key: &str) -> Result<Option<LeadRecord>, StoreError> {
        let mut call = self.call(&scripts::LEAD);
        call.arg(key);
        let mut answer = Items::of(self.ask(&call).await?)?;
        if answer.is_empty() {
            return Ok(None);
        }
        let mut found = Vec::new();
        let lead = answer.lead(&mut found)?;
        let unreadable = found.last().map(Unreadable::to_string);
        self.note_unreadable(found).await?;
        lead.map_or_else(|| Err(StoreError(unreadable.unwrap_or_default())), |lead| Ok(Some(lead)))
    }

    async fn leads(&self, after: Option<&str>, limit: usize) -> Result<Vec<LeadRecord>, StoreError> {
        let mut after = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        loop {
            let mut call = self.call(&scripts::LEADS);
            call.arg(&after).arg(limit);
            let mut page = Items::of(self.ask(&call).await?)?;
            let (mut leads, mut found) = (Vec::new(), Vec::new());
            let is_last = page.is_empty();
            while !page.is_empty() {
                after = format!("({}", page.next_name()?);
                leads.extend(page.lead(&mut found)?);
            }
            self.note_unreadable(found).await?;
            // Only behind the last lead is there nothing.
            if is_last || !leads.is_empty() {
                return Ok(leads);
            }
        }
    }

    async fn enrich(&self, lead: &str, enrichment: Enrichment, follow_up: Vec<Operation>) -> Result<Recorded, StoreError> {
        let mut call = self.call(&scripts::ENRICH);
        // The same data in another order of fields is the same.
        let digest = idempotency_key(OperationKind::Enrich, &json(&enrichment.source)?, &enrichment.data);
        call.arg(lead).arg(digest).arg(json(&enrichment)?).arg(enrichment.at);
        operations(&mut call, &follow_up)?;
        reach(Failpoint::BeforeCallbackCommit);
        let recorded = self.change(&call).await?;
        reach(Failpoint::AfterCallbackCommit);
        Ok(match reply::text(recorded)?.as_str() {
            "new" => Recorded::New,
            "repeated" => Recorded::Repeated,
            _ => Recorded::UnknownLead,
        })
    }

    async fn latest(&self) -> Result<Option<UnixMillis>, StoreError> {
        match self.command(redis::cmd("GET").arg(self.key("latest"))).await? {
            Value::Nil => Ok(None),
            latest => reply::date(&reply::text(latest)?).map(Some),
        }
    }

    async fn time(&self) -> Result<Option<UnixMillis>, StoreError> {
        reply::date(&reply::text(self.ask(&self.call(&scripts::CLOCK)).await?)?).map(Some)
    }

    fn refusal(&self) -> Option<String> {
        self.shared.link.refusal()
    }

    fn clock_skew_ms(&self) -> Option<i64> {
        Some(self.shared.link.route.skew_ms.load(Ordering::Relaxed))
    }

    /// Of replicas that note at the same time, the last one counts: they differ by moments.
    async fn ran(&self, now: UnixMillis, age: u64) -> Result<UnixMillis, StoreError> {
        let key = self.key("runs");
        let mut runs: Runs = match self.command(redis::cmd("GET").arg(&key)).await? {
            Value::Nil => Runs::default(),
            // Without it things look younger, and are kept for longer.
            kept => reply::text(kept).and_then(|kept| reply::json(&kept)).unwrap_or_else(|error| {
                log::error!("when services ran is noted anew: {error}");
                Runs::default()
            }),
        };
        runs.note(now);
        let since = runs.since(age);
        self.command(redis::cmd("SET").arg(&key).arg(json(&runs)?)).await?;
        Ok(since)
    }

    async fn forget_settled(&self, before: UnixMillis) -> Result<u64, StoreError> {
        let mut call = self.call(&scripts::FORGET);
        call.arg(before).arg(FORGOTTEN_AT_ONCE);
        let mut forgotten = 0;
        loop {
            let at_once = match self.change(&call).await? {
                Value::Int(count) => count.unsigned_abs(),
                _ => 0,
            };
            forgotten += at_once;
            if at_once < FORGOTTEN_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }

    fn quarantined(&self) -> u64 {
        self.shared.counts.quarantined()
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A server without memory, or one that only copies another, answers every question and takes no lead.
        self.command(redis::cmd("SET").arg(self.key("check")).arg(1)).await.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        // What was answered is durable there, and nothing is held back here.
        Ok(())
    }
}
