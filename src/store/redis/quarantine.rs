//! Records that cannot be read: set aside by the replica that finds them, so that they hold up no other record.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use redis::FromRedisValue;
use serde::{Deserialize, Serialize};

use crate::outcome::Vendor;
use crate::resilience::{StoreError, UnixMillis};
use crate::store::listing::Quarantined;

use super::reply::{self, written};
use super::scripts;
use super::store::{RedisStore, failed, json};
use super::unreadable::{ENRICHMENT, LEAD, OPERATION, Unreadable};

/// Where a record waits that is set aside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Waits<'a> {
    /// In its vendor's queue, under this lease.
    Queued(u64, &'a str),
    /// Among the vendor's letters, as this entry.
    Letters(u64),
    /// Nowhere: it was only looked at.
    Nowhere,
}

/// What is kept of a record that was set aside, besides the record itself.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    vendor: Option<Vendor>,
    lead: Option<String>,
    reason: String,
    found_at: Option<UnixMillis>,
}

impl RedisStore {
    /// Sets a record aside that cannot be read, and logs that when it is found first.
    pub(super) async fn set_aside(&self, found: Unreadable, waits: Waits<'_>) -> Result<(), StoreError> {
        let found_at = (self.shared.link.route.clock)();
        let (vendor, lead, reason) = (found.vendor, found.lead.clone(), found.reason.clone());
        let note = Note { vendor, lead, reason, found_at: Some(found_at) };
        let mut call = self.call(&scripts::SET_ASIDE);
        call.arg(found.name()).arg(json(&note)?);
        let (place, id, lease) = match waits {
            Waits::Queued(id, lease) => ("queued", written(id), lease.to_owned()),
            Waits::Letters(id) => ("letters", written(id), String::new()),
            Waits::Nowhere => ("", String::new(), String::new()),
        };
        call.arg(place).arg(found.vendor.map_or("", Vendor::as_str)).arg(id).arg(lease);
        if self.changed(&call).await? {
            log::error!("{found}; it is set aside, and the others go on");
        }
        Ok(())
    }

    /// Sets records aside that were met while reading.
    pub(super) async fn note_unreadable(&self, found: Vec<Unreadable>) -> Result<(), StoreError> {
        for found in found {
            self.set_aside(found, Waits::Nowhere).await?;
        }
        Ok(())
    }

    /// The records that were set aside, and those `found` now, with what is in each.
    pub(super) async fn quarantine(&self, found: Vec<Unreadable>) -> Result<Vec<Quarantined>, StoreError> {
        let kept = self.command(redis::cmd("HGETALL").arg(self.key("quarantined"))).await?;
        let kept = BTreeMap::<String, String>::from_redis_value(kept).map_err(|error| failed(error.into()))?;
        let mut all: BTreeMap<String, Quarantined> =
            found.into_iter().map(|found| (found.name(), found.quarantined(None))).collect();
        for (name, note) in kept {
            let (record, id) = name.split_once(' ').unwrap_or(("", &name));
            let record = [LEAD, ENRICHMENT].into_iter().find(|known| *known == record).unwrap_or(OPERATION);
            let Note { vendor, lead, reason, found_at } = reply::json(&note).unwrap_or_default();
            let id = id.to_owned();
            all.insert(name, Unreadable { record, id, vendor, lead, reason }.quarantined(found_at));
        }
        let mut all: Vec<_> = all.into_values().collect();
        for found in &mut all {
            found.fields = self.fields(found).await?;
        }
        Ok(all)
    }

    /// What is in a record, as far as it is a hash or a list.
    async fn fields(&self, found: &Quarantined) -> Result<BTreeMap<String, String>, StoreError> {
        let command = match (found.record, found.id.rsplit_once(':')) {
            (ENRICHMENT, Some((lead, number))) => {
                let item = self.command(redis::cmd("LINDEX").arg(self.key(&format!("lead:{lead}:enriched"))).arg(number)).await;
                return Ok(item.into_iter().map(|item| ("enrichment".to_owned(), shown(item))).collect());
            }
            (LEAD, _) => redis::cmd("HGETALL").arg(self.key(&format!("lead:{}", found.id))).to_owned(),
            _ => redis::cmd("HGETALL").arg(self.key(&format!("entry:{}", found.id))).to_owned(),
        };
        let fields = match self.command(&command).await {
            Ok(redis::Value::Array(fields)) => fields,
            Ok(_) => Vec::new(),
            // It is not even a hash.
            Err(error) => return Ok(BTreeMap::from([("error".to_owned(), error.0)])),
        };
        Ok(fields.chunks_exact(2).map(|pair| (shown(pair[0].clone()), shown(pair[1].clone()))).collect())
    }
}

/// A text, or what is not one in hexadecimal.
fn shown(value: redis::Value) -> String {
    match value {
        redis::Value::BulkString(bytes) => String::from_utf8(bytes).unwrap_or_else(|error| {
            error.into_bytes().iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        }),
        other => reply::text(other).unwrap_or_default(),
    }
}
