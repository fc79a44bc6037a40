//! Values that stand in many places: durations, delays, environment variables, patterns that can be switched off.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::units::parse_duration;

/// A duration as k6 writes it.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Period(pub(in crate::scenario) Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: \"500ms\", \"30s\", \"2m\" or \"1h30m\".",
            "pattern": "^(0|([0-9]+(\\.[0-9]+)?(d|h|m|s|ms|us|µs))+)$",
            "x-is": "duration",
        })
    }
}

/// A credential, by the name of the environment variable that holds it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-is" = "credential"))]
pub(in crate::scenario) struct EnvVar {
    /// The name of the environment variable.
    pub(in crate::scenario) env: String,
    /// What is put before its value, like "Bearer ".
    #[serde(default)]
    pub(in crate::scenario) prefix: String,
}

/// A pattern with its settings; `false` leaves it out, `true` takes its defaults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum Switch<T> {
    /// `false` leaves it out, `true` takes its defaults.
    Set(bool),
    /// Its settings; what is left out keeps its default.
    With(T),
}

/// A delay: always the same, or drawn from a distribution.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum RawLatency {
    /// Always the same.
    Fixed(Period),
    /// Drawn.
    Model(RawLatencyModel),
}

/// A distribution of delays.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum RawLatencyModel {
    /// Anything between the two.
    Uniform([Period; 2]),
    /// Lognormal, given by two percentiles.
    Lognormal(Percentiles),
}

/// Two percentiles of a distribution.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Percentiles {
    /// The median.
    pub(in crate::scenario) p50: Period,
    /// The 99th percentile; not below the median.
    pub(in crate::scenario) p99: Period,
}
