//! What the simulated Clay is made of.

use serde::{Deserialize, Serialize};

use crate::latency::LatencyModel;

/// The simulated Clay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaySettings {
    /// Bearer token that `/v1/resource` asks for.
    pub api_key: String,
    /// UUID of the webhook source.
    pub webhook_id: String,
    /// Token that the webhook asks for in `x-clay-webhook-auth`; `None` for an open one.
    pub webhook_token: Option<String>,
    /// How long it thinks.
    pub latency: LatencyModel,
    /// The vendor's own limit on webhook submissions, requests a second and burst; `None` for none.
    pub rate_limit: Option<(f64, u32)>,
    /// Submissions that a webhook source takes in its life.
    pub webhook_submissions: u64,
}

impl Default for ClaySettings {
    fn default() -> Self {
        Self {
            api_key: "simulated-clay-key".to_owned(),
            webhook_id: "7f2c1d9e-3b5a-4c8d-9e6f-0a1b2c3d4e5f".to_owned(),
            webhook_token: None,
            latency: LatencyModel::Lognormal {
                p50: std::time::Duration::from_millis(40),
                p99: std::time::Duration::from_millis(200),
            },
            rate_limit: None,
            webhook_submissions: 50_000,
        }
    }
}
