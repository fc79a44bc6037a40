//! A record that cannot be read, as it was found.

use std::collections::BTreeMap;
use std::fmt;

use crate::outcome::Vendor;
use crate::resilience::{StoreError, UnixMillis};
use crate::store::listing::Quarantined;

/// What a record is.
pub(super) const LEAD: &str = "lead";
pub(super) const OPERATION: &str = "operation";
pub(super) const ENRICHMENT: &str = "enrichment";

/// A record that cannot be read, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) record: &'static str,
    pub(super) id: String,
    pub(super) vendor: Option<Vendor>,
    pub(super) lead: Option<String>,
    pub(super) reason: String,
}

impl Unreadable {
    pub(super) fn lead(key: &str, error: StoreError) -> Self {
        Self { record: LEAD, id: key.to_owned(), vendor: None, lead: Some(key.to_owned()), reason: error.0 }
    }

    /// An operation by its entry's id, as the scripts write it.
    pub(super) fn operation(id: String, vendor: Option<Vendor>, lead: Option<String>, error: StoreError) -> Self {
        Self { record: OPERATION, id, vendor, lead, reason: error.0 }
    }

    /// The `number`th enrichment of a lead, from 0.
    pub(super) fn enrichment(lead: &str, number: usize, error: StoreError) -> Self {
        let id = format!("{lead}:{number}");
        Self { record: ENRICHMENT, id, vendor: None, lead: Some(lead.to_owned()), reason: error.0 }
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.record, self.id)
    }

    pub(super) fn quarantined(self, found_at: Option<UnixMillis>) -> Quarantined {
        let Self { record, id, vendor, lead, reason } = self;
        Quarantined { record, id, vendor, lead, reason, found_at, fields: BTreeMap::new() }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clone().quarantined(None).fmt(f)
    }
}
