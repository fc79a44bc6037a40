//! Values that many settings share: durations, delays, environment variables, patterns that can be switched off.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

pub(crate) use mock_server::duration::Period;
pub(crate) use mock_server::latency::Percentiles;

/// Reads a duration that is written as text.
pub(crate) fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Period::deserialize(deserializer).map(Duration::from)
}

/// Reads a duration that may be left out.
pub(crate) fn some_period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    period(deserializer).map(Some)
}

/// A credential, by the name of the environment variable that holds it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-is" = "credential"))]
pub(crate) struct EnvVar {
    /// The name of the environment variable.
    pub(crate) env: String,
    /// What is put before its value, like "Bearer ".
    #[serde(default)]
    pub(crate) prefix: String,
}

/// How the credentials of the simulated vendors begin: they are no secrets.
pub(crate) const SIMULATED: &str = "simulated-";

/// A credential of a vendor: the environment variable that holds it, or one of the simulated vendors' own.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "it is read as a text or a table, and only described here")]
pub(crate) enum VendorSecret {
    /// The environment variable that holds it.
    Variable(EnvVar),
    /// What a simulated vendor takes; it begins with "simulated-".
    Simulated(#[schemars(regex(pattern = r"^simulated-"), extend("x-is" = "simulated"))] String),
}

/// A pattern with its settings; `false` leaves it out, `true` takes its defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Switch<T> {
    /// `false` leaves it out, `true` takes its defaults.
    Set(bool),
    /// Its settings; what is left out keeps its default.
    With(T),
}
