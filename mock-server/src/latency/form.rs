//! How a delay is written: `"40ms"`, `{ uniform = ["10ms", "30ms"] }` or `{ lognormal = { p50 = "40ms", p99 = "200ms" } }`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LatencyModel;
use crate::duration::Period;

/// A delay: always the same, or drawn from a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "this is not a delay: write \"40ms\", or `uniform` with two bounds, or `lognormal` with `p50` and `p99`"
)]
pub enum LatencyForm {
    /// Always the same.
    Fixed(Period),
    /// Drawn.
    Model(LatencyModelForm),
}

/// A distribution of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LatencyModelForm {
    /// Anything between the two.
    Uniform([Period; 2]),
    /// Lognormal, given by two percentiles.
    Lognormal(Percentiles),
}

/// Two percentiles of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Percentiles {
    /// The median.
    pub p50: Period,
    /// The 99th percentile; not below the median.
    pub p99: Period,
}

impl From<LatencyForm> for LatencyModel {
    fn from(form: LatencyForm) -> Self {
        match form {
            LatencyForm::Fixed(Period(delay)) => Self::Fixed { delay },
            LatencyForm::Model(LatencyModelForm::Uniform([Period(min), Period(max)])) => Self::Uniform { min, max },
            LatencyForm::Model(LatencyModelForm::Lognormal(Percentiles { p50: Period(p50), p99: Period(p99) })) => {
                Self::Lognormal { p50, p99 }
            }
        }
    }
}

impl From<LatencyModel> for LatencyForm {
    fn from(model: LatencyModel) -> Self {
        match model {
            LatencyModel::Fixed { delay } => Self::Fixed(Period(delay)),
            LatencyModel::Uniform { min, max } => Self::Model(LatencyModelForm::Uniform([Period(min), Period(max)])),
            LatencyModel::Lognormal { p50, p99 } => {
                Self::Model(LatencyModelForm::Lognormal(Percentiles { p50: Period(p50), p99: Period(p99) }))
            }
        }
    }
}
