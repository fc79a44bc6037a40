//! A rate limit of requests a second and a burst, as it is written: `{ rate = 10, burst = 20 }`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A vendor's own rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitForm {
    /// Requests a second.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    rate: f64,
    /// Requests at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    burst: u32,
}

/// For `#[serde(with)]`.
pub(crate) fn serialize<S: Serializer>(limit: &Option<(f64, u32)>, serializer: S) -> Result<S::Ok, S::Error> {
    limit.map(|(rate, burst)| LimitForm { rate, burst }).serialize(serializer)
}

/// For `#[serde(with)]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(f64, u32)>, D::Error> {
    Ok(Option::<LimitForm>::deserialize(deserializer)?.map(|LimitForm { rate, burst }| (rate, burst)))
}

/// Checks that a limit lets something through.
pub(crate) fn check_limit(limit: Option<(f64, u32)>) -> Result<(), String> {
    match limit {
        Some((rate, _)) if !(rate.is_finite() && rate > 0.0) => {
            Err(format!("{rate} is no rate; it must be above 0, in requests a second"))
        }
        Some((_, 0)) => Err("the burst is 0; it must be at least 1".to_owned()),
        _ => Ok(()),
    }
}
