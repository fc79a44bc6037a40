//! What the simulated Customer.io is made of.

use serde::{Deserialize, Serialize};

use crate::latency::LatencyModel;

/// The simulated Customer.io.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomerIoSettings {
    /// Site ID, the user of Basic authentication.
    pub site_id: String,
    /// API key, its password.
    pub api_key: String,
    /// How long it thinks.
    pub latency: LatencyModel,
    /// The vendor's own limit, requests a second and burst; `None` for none.
    pub rate_limit: Option<(f64, u32)>,
}

impl Default for CustomerIoSettings {
    fn default() -> Self {
        Self {
            site_id: "simulated-site".to_owned(),
            api_key: "simulated-customer-io-key".to_owned(),
            latency: LatencyModel::Lognormal {
                p50: std::time::Duration::from_millis(25),
                p99: std::time::Duration::from_millis(120),
            },
            rate_limit: None,
        }
    }
}
