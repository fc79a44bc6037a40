//! What a simulation is made of.

mod admin;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use admin::AdminSettings;

use crate::fault::Fault;
pub use crate::limit::RateLimit;
pub use crate::secret::{Secret, flaw};
pub use crate::simulated::SettingsProblem;
use crate::simulated::VendorSettings;
pub use crate::simulated::clay::{
    CallbackSettings, ClaySettings, CreditSettings, EnrichmentSettings, Plan, Provider, PublicApiSettings, RegisteredWebhook,
    Routine, WebhookSource, WhenExhausted,
};
pub use crate::simulated::customer_io::{CustomerIoSettings, Region};

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
    /// The admin API; `None` for none.
    pub admin: Option<AdminSettings>,
    /// Where the PEM of the certificate authority made at start is written, for clients that connect over TLS; `None` for
    /// nowhere. The same PEM is at `SimulatedVendors::ca_pem` and at `/ca.pem` of the admin API.
    pub ca_file: Option<PathBuf>,
    /// Where the ledger is written as it grows, one JSON object a line; `None` for nowhere. The latest entries are kept in
    /// memory in any case.
    pub ledger_file: Option<PathBuf>,
}

impl SimulationSettings {
    /// Checks the vendors' settings. Faults are checked by [`validate_timetable`](crate::fault::validate_timetable).
    ///
    /// # Errors
    ///
    /// The first setting that makes no sense: a latency model with its bounds in the wrong order, a rate limit of nothing, an
    /// admin API that anybody on the network could use.
    pub fn validate(&self) -> Result<(), SettingsProblem> {
        self.clay.validate()?;
        self.customer_io.validate()?;
        self.admin.as_ref().map_or(Ok(()), AdminSettings::check)
    }

    /// What the vendors are started with.
    pub(crate) fn vendors(&self) -> VendorSettings<'_> {
        let Self { clay, clay_port, customer_io, customer_io_port, .. } = self;
        VendorSettings { clay, clay_port: *clay_port, customer_io, customer_io_port: *customer_io_port }
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
            admin: None,
            ca_file: None,
            ledger_file: None,
        }
    }
}
