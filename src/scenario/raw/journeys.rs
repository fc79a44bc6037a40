//! What an iteration does, and whom it is sent to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use crate::config::{EnvVar, Period};
use crate::journey::{JourneyKind, journey_named, journeys};
use crate::vendor_api::{RawAccess, access_schema};

/// A journey and how often it is taken. All but the first three keys belong to `http`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawJourney {
    /// What to do.
    pub(crate) journey: RawJourneyName,
    /// Its share among the journeys' weights; 1 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) weight: Option<u32>,
    /// Tags that its samples carry, beside those of the whole file.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// `http`: the label of its samples; "http" when left out.
    pub(crate) name: Option<String>,
    /// `http`: the method; GET when left out.
    pub(crate) method: Option<String>,
    /// `http`: the whole URL.
    pub(crate) url: Option<String>,
    /// `http`: headers.
    pub(crate) headers: Option<BTreeMap<String, RawHeader>>,
    /// `http`: the body; none when left out.
    pub(crate) body: Option<String>,
    /// `http`: the longest wait for the whole answer; 10s when left out.
    pub(crate) timeout: Option<Period>,
    /// `http`: the only status that is a success, and the check `status is N`; any from 200 to 399 is when left out.
    pub(crate) expect_status: Option<RawExpected>,
    /// `http`: the check `latency < N ms`; none when left out.
    pub(crate) expect_latency: Option<Period>,
}

/// An HTTP status.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct RawExpected(#[schemars(range(min = 100, max = 599))] pub(crate) u16);

/// A journey by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawJourneyName(pub(crate) &'static JourneyKind);

impl<'de> Deserialize<'de> for RawJourneyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        journey_named(&name).map(Self).ok_or_else(|| D::Error::custom(format!("there is no journey `{name}`")))
    }
}

impl JsonSchema for RawJourneyName {
    fn schema_name() -> Cow<'static, str> {
        "RawJourneyName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |kind: &JourneyKind| json!({ "type": "string", "const": kind.name, "description": kind.about });
        json_schema!({ "description": "The journeys there are.", "oneOf": journeys().map(one).collect::<Vec<_>>() })
    }
}

/// A header's value, or the environment variable that holds it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RawHeader {
    /// The value. Not for credentials.
    Text(String),
    /// The environment variable that holds the value.
    Env(EnvVar),
}

/// Whom to send to instead of the simulated vendors: base URLs with credentials, or a service that takes leads.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct RawTarget {
    #[serde(flatten)]
    #[schemars(schema_with = "access")]
    pub(crate) access: RawAccess,
    /// Whether vendors beyond this machine may be called without TLS: leads and credentials then cross the network unencrypted.
    #[serde(default)]
    pub(crate) plain_http: Option<bool>,
    /// A service that takes leads at `POST /leads`: "start" to start `plimsoll serve` in front of the simulated vendors, or the
    /// base URL of your own.
    pub(crate) service: Option<String>,
    /// The bearer token that your own service asks for.
    pub(crate) service_token: Option<EnvVar>,
    /// The longest wait for the service's whole answer; 10s when left out.
    pub(crate) service_timeout: Option<Period>,
}

fn access(generator: &mut SchemaGenerator) -> Schema {
    access_schema(generator, |_| true)
}
