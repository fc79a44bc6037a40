//! The vendors' ledger, as far as an audit reads it.
//!
//! The simulated vendors write more about each request (`mock_server::ledger::Entry`); a ledger of another vendor needs only
//! these fields.

use serde::{Deserialize, Serialize};

/// One request at a vendor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VendorEntry {
    /// Microseconds from the vendors' start to the request's arrival.
    pub at_us: u64,
    /// Microseconds from its arrival to its end.
    #[serde(default)]
    pub took_us: u64,
    /// Its header `Idempotency-Key`, where it had one.
    #[serde(default)]
    pub idempotency_key: Option<String>,
    /// The path.
    #[serde(default)]
    pub path: String,
    /// The faults that hit it, by name.
    #[serde(default)]
    pub actual: Vec<String>,
    /// What it changed at the vendor; empty where it changed nothing.
    pub effects: Vec<VendorEffect>,
    /// The status that was answered; `None` where there was no answer.
    #[serde(default)]
    pub status: Option<u16>,
}

/// Something that a request changed at a vendor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VendorEffect {
    /// What: `row.added` (of an enrich), `customer.identified`, `event.recorded`.
    pub what: String,
    /// Whose: the customer's identifier, the lead's e-mail address.
    pub subject: String,
    /// What else the request names it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The identity by which the vendor knows a repetition, where the request gave one: an event's ULID.
    #[serde(default)]
    pub id: Option<String>,
    /// Credits that it cost.
    #[serde(default)]
    pub credits: u64,
}
