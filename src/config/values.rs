//! Values that many settings share: durations, delays, environment variables, patterns that can be switched off.

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use mock_server::duration::Period;
pub(crate) use mock_server::latency::Percentiles;

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

/// A pattern with its settings; `false` leaves it out, `true` takes its defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Switch<T> {
    /// `false` leaves it out, `true` takes its defaults.
    Set(bool),
    /// Its settings; what is left out keeps its default.
    With(T),
}
