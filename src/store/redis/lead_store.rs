//! The server as a store of leads.

use redis::Value;

use crate::failpoint::{Failpoint, reach};
use crate::outcome::Vendor;
use crate::resilience::{Operation, OperationKind, StoreError, UnixMillis, idempotency_key};
use crate::store::{Acceptance, Enrichment, LeadRecord, LeadStore, NewLead, Recorded};

use super::backlog::RedisBacklog;
use super::reply::{self, Items};
use super::scripts;
use super::store::{RedisStore, json, operations};

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
        let mut found = Items::of(self.ask(&call).await?)?;
        if found.is_empty() { Ok(None) } else { found.lead().map(Some) }
    }

    async fn leads(&self, after: Option<&str>, limit: usize) -> Result<Vec<LeadRecord>, StoreError> {
        let mut call = self.call(&scripts::LEADS);
        call.arg(after.map_or_else(|| "-".to_owned(), |after| format!("({after}"))).arg(limit);
        let mut page = Items::of(self.ask(&call).await?)?;
        let mut leads = Vec::new();
        while !page.is_empty() {
            leads.push(page.lead()?);
        }
        Ok(leads)
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

    async fn check(&self) -> Result<(), StoreError> {
        // A server without memory, or one that only copies another, answers every question and takes no lead.
        self.command(redis::cmd("SET").arg(self.key("check")).arg(1)).await.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        // What was answered is durable there, and nothing is held back here.
        Ok(())
    }
}
