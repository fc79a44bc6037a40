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

/// A setting that makes no sense, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct SettingsProblem {
    /// The setting, as `clay.latency`.
    pub setting: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl SimulationSettings {
    /// Checks the vendors' settings. Faults are checked by [`validate_timetable`](crate::fault::validate_timetable).
    ///
    /// # Errors
    ///
    /// The first setting that makes no sense: a latency model with its bounds in the wrong order, a rate limit of nothing.
    pub fn validate(&self) -> Result<(), SettingsProblem> {
        let wrong = |setting| move |problem| SettingsProblem { setting, problem };
        self.clay.latency.validate().map_err(wrong("clay.latency"))?;
        self.customer_io.latency.validate().map_err(wrong("customer_io.latency"))?;
        check_limit(self.clay.rate_limit).map_err(wrong("clay.rate_limit"))?;
        check_limit(self.customer_io.rate_limit).map_err(wrong("customer_io.rate_limit"))
    }
}

fn check_limit(limit: Option<(f64, u32)>) -> Result<(), String> {
    match limit {
        Some((rate, _)) if !(rate.is_finite() && rate > 0.0) => {
            Err(format!("{rate} is no rate; it must be above 0, in requests a second"))
        }
        Some((_, 0)) => Err("the burst is 0; it must be at least 1".to_owned()),
        _ => Ok(()),
    }
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
