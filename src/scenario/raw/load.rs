//! The pauses between iterations, and the leads.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Percentiles, Period};

/// The pause after an iteration: always the same, or drawn.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RawThinkTime {
    /// Always the same.
    Fixed(Period),
    /// Drawn.
    Model(RawThinkTimeModel),
}

/// A distribution of pauses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawThinkTimeModel {
    /// Anything between the two.
    Uniform([Period; 2]),
    /// Exponential with this mean, cut at ten times the mean.
    Exponential(Period),
    /// Lognormal, given by two percentiles.
    Lognormal(Percentiles),
}

/// Leads from a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawData {
    /// A CSV file with a header, beside the scenario or by a path from there. `email` for a whole lead and for
    /// Customer.io, `domain` or `email` for Clay; other columns become attributes.
    pub(crate) file: String,
    /// How its rows are used; `ring` when left out.
    #[serde(rename = "use")]
    pub(crate) usage: Option<RawUse>,
}

/// How the rows of a file are used.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawUse {
    /// One after the other, and again from the first.
    Ring,
    /// Any row at any time.
    Random,
    /// Each once; the load ends when they are used up.
    Once,
}
