//! Listing a store on Redis beside its service, for people and for export.
//!
//! The server serves no other client while a script runs, so what is large is read page by page: the listing of a running
//! service is not a snapshot, but each lead in it is.

use std::collections::BTreeMap;

use redis::FromRedisValue;

use crate::outcome::{RestingState, Vendor};
use crate::resilience::{DeadLetters, FallbackQueue, StoreError, UnixMillis};
use crate::store::LeadStore;
use crate::store::listing::{Shown, StoreSummary, StoredOperation, VendorSummary};

use super::reply::{Items, written};
use super::scripts;
use super::store::{RedisStore, failed};
use super::unreadable::Unreadable;

/// Leads whose operations are read by one script.
const LEADS_AT_ONCE: usize = 100;

impl RedisStore {
    /// Counts what is in it. It reads every operation: seconds for a hundred thousand leads.
    ///
    /// # Errors
    /// When the server can't be asked, or holds what is not the store's.
    pub async fn summary(&self) -> Result<StoreSummary, StoreError> {
        let leads = self.count(redis::cmd("ZCARD").arg(self.key("leads"))).await?;
        let settled = self.count(redis::cmd("ZCARD").arg(self.key("settled"))).await?;
        let mut vendors: BTreeMap<Vendor, VendorSummary> = BTreeMap::new();
        let (mut after, mut found) = (None, Vec::new());
        while let Some((last, page)) = self.page(after.as_deref(), &mut found).await? {
            after = Some(last);
            for operation in &page {
                count(vendors.entry(operation.vendor).or_insert_with(|| VendorSummary::empty(operation.vendor)), operation);
            }
        }
        for (&vendor, of) in &mut vendors {
            let backlog = self.backlog(vendor);
            of.next_due = backlog.next_due().await?;
            of.dead_letters = backlog.by_cause().await?;
            of.held = backlog.held().await?;
        }
        Ok(StoreSummary {
            leads,
            open_leads: leads.saturating_sub(settled),
            quarantined: self.quarantine(found).await?,
            vendors: vendors.into_values().collect(),
        })
    }

    /// The lead of a key, the operation of a key, or the operation of a number. For the key of an operation it may read every
    /// lead.
    ///
    /// # Errors
    /// When the server can't be asked, or holds what is not the store's.
    pub async fn find(&self, name: &str) -> Result<Option<Shown>, StoreError> {
        if let Some(lead) = self.lead(name).await? {
            return Ok(Some(Shown::Lead(Box::new(lead))));
        }
        let operation = |found| Shown::Operation(Box::new(found));
        if let Ok(id) = name.parse() {
            let mut call = self.call(&scripts::OPERATION);
            call.arg(written(id));
            let mut found = Items::of(self.ask(&call).await?)?;
            let mut unreadable = Vec::new();
            let read = if found.is_empty() { None } else { found.stored_operation(&mut unreadable)? };
            return match unreadable.first() {
                Some(unreadable) => Err(StoreError(unreadable.to_string())),
                None => Ok(read.map(operation)),
            };
        }
        let mut after = None;
        while let Some((last, page)) = self.operations(after.as_deref()).await? {
            after = Some(last);
            if let Some(found) = page.into_iter().find(|operation| operation.key == name) {
                return Ok(Some(operation(found)));
            }
        }
        Ok(None)
    }

    /// Leads whose every operation was settled before `before`.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub async fn settled_before(&self, before: UnixMillis) -> Result<u64, StoreError> {
        self.count(redis::cmd("ZCOUNT").arg(self.key("settled")).arg("-inf").arg(format!("({before}"))).await
    }

    /// The operations of some leads behind the one of key `after`, in the order of the leads' keys, with the key of the last
    /// of them; `None` behind the last lead. One that cannot be read is left out: [`RedisStore::summary`] names it.
    ///
    /// # Errors
    /// When the server can't be asked, or holds what is not the store's.
    pub async fn operations(&self, after: Option<&str>) -> Result<Option<(String, Vec<StoredOperation>)>, StoreError> {
        self.page(after, &mut Vec::new()).await
    }

    /// As there; those that cannot be read are in `found`.
    async fn page(
        &self,
        after: Option<&str>,
        found: &mut Vec<Unreadable>,
    ) -> Result<Option<(String, Vec<StoredOperation>)>, StoreError> {
        let mut call = self.call(&scripts::OPERATIONS);
        call.arg(after.map_or_else(|| "-".to_owned(), |after| format!("({after}"))).arg(LEADS_AT_ONCE);
        let mut page = Items::of(self.ask(&call).await?)?;
        if page.is_empty() {
            return Ok(None);
        }
        let (last, mut page_items) = (page.text()?, page.items()?);
        let mut operations = Vec::new();
        while !page_items.is_empty() {
            operations.extend(page_items.stored_operation(found)?);
        }
        Ok(Some((last, operations)))
    }

    async fn count(&self, command: &redis::Cmd) -> Result<u64, StoreError> {
        u64::from_redis_value(self.command(command).await?).map_err(|error| failed(error.into()))
    }
}

fn count(of: &mut VendorSummary, operation: &StoredOperation) {
    *of.places.entry(operation.place).or_default() += 1;
    if operation.place == RestingState::Queued {
        of.oldest_queued = Some(of.oldest_queued.map_or(operation.came_at, |oldest| oldest.min(operation.came_at)));
    }
}
