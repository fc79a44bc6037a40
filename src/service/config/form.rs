//! The service's configuration file.

use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use super::limits::Limits;
use crate::config::{EnvVar, Period};
use crate::outcome::{OperationKind, Route};
use crate::resilience::RawResilience;
use crate::store::Durability;
use crate::vendor_api::{RawAccess, access_schema, lead_access_keys};

/// The service: where it listens, where leads are durable, whom it sends to, and the pipelines in front of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Plimsoll service")]
pub(crate) struct RawService {
    /// Address and port to listen on; "127.0.0.1:8090" when left out. Beyond loopback it needs a `token`.
    pub(crate) listen: Option<String>,
    /// The bearer token that requests must carry.
    pub(crate) token: Option<EnvVar>,
    /// Where leads are kept.
    #[schemars(required)]
    pub(crate) store: Option<RawStore>,
    /// The vendors, and credentials for them.
    #[schemars(required)]
    pub(crate) vendors: Option<RawVendors>,
    /// The pipeline in front of each vendor.
    pub(crate) resilience: Option<RawResilience>,
    /// Operations in flight at a vendor at most; 20 when left out.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) workers: Option<u32>,
    /// How long a lead is remembered after its last operation was settled, in time in which a service runs; 7d when left out.
    /// A copy of it is known for as long, so it must be longer than the longest time that retries may take.
    pub(crate) retention: Option<Period>,
    /// How long the end may take after SIGTERM; 10s when left out.
    pub(crate) shutdown: Option<Period>,
    /// Bounds of what is taken in.
    pub(crate) limits: Option<Limits>,
}

/// Where leads are kept: a `path` for SQLite, or `redis`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStore {
    /// The SQLite database's file, made when it is not there; a relative path starts at this file's directory.
    pub(crate) path: Option<String>,
    /// The environment variable that holds the URL of a Redis server, which several replicas may share.
    pub(crate) redis: Option<EnvVar>,
    /// `redis`: the name that its keys begin with, the same for all replicas; "plimsoll" when left out.
    pub(crate) name: Option<String>,
    /// `redis`: what this replica is called, the same after a restart; what it spent is kept under it.
    pub(crate) replica: Option<String>,
    /// `redis`: what the server must do before it answers; `synced` when left out.
    pub(crate) durability: Option<Durability>,
}

/// The vendors, and credentials for them.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct RawVendors {
    #[serde(flatten)]
    #[schemars(schema_with = "lead_vendors")]
    pub(crate) access: RawAccess,
    /// Whether vendors beyond this machine may be called without TLS: leads and credentials then cross the network unencrypted.
    #[serde(default)]
    pub(crate) plain_http: Option<bool>,
    /// The secret that Clay signs its callbacks with. Without it, none is accepted.
    pub(crate) clay_callback_secret: Option<EnvVar>,
}

/// The keys of the routes that a lead comes to.
fn lead_vendors(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = access_schema(generator, |key| lead_access_keys().contains(key));
    let routes = OperationKind::OF_A_LEAD.into_iter().map(OperationKind::route);
    let required: BTreeSet<_> = routes.flat_map(Route::required_keys).collect();
    schema.insert("required".to_owned(), json!(required));
    schema
}
