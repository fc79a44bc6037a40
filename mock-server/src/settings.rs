//! What a simulation is made of.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::latency::LatencyModel;

/// Everything that a simulation is started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulationSettings {
    /// The seed of everything random.
    pub seed: u64,
    /// Port for Clay on 127.0.0.1; 0 for any free one.
    pub clay_port: u16,
    /// Port for Customer.io on 127.0.0.1; 0 for any free one.
    pub customer_io_port: u16,
    /// Clay's behaviour.
    pub clay: ClaySettings,
    /// Customer.io's behaviour.
    pub customer_io: CustomerIoSettings,
    /// The timetable; times count from the start of the load.
    pub faults: Vec<Fault>,
}

impl Default for SimulationSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            clay_port: 0,
            customer_io_port: 0,
            clay: ClaySettings::default(),
            customer_io: CustomerIoSettings::default(),
            faults: Vec::new(),
        }
    }
}

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
