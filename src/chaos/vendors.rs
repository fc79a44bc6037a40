//! The simulated vendors of the harness: in its own process, so that it sees an effect the moment it is there, and troublesome,
//! so that the service has something to retry, to bury and to redrive.

use std::path::Path;
use std::time::Duration;

use mock_server::fault::{Fault, FaultKind, LostAnswer};
use mock_server::latency::LatencyModel;
use mock_server::settings::{CallbackSettings, ClaySettings, CustomerIoSettings, EnrichmentSettings, Secret, SimulationSettings};
use mock_server::simulation::SimulatedVendors;
use tokio::time::{Instant, sleep};

use super::ChaosError;
use crate::seed::Seed;
use crate::vendor_api::IDEMPOTENCY_KEY_FIELD;

/// What Clay signs its callbacks with.
pub(super) const CALLBACK_SECRET: &str = "whsec_chaos";

/// Rows come back within half a second instead of a minute.
const ENRICHMENT_SCALE: f64 = 0.008;
/// A service that has done a second thing by then does several at once. Vendors answer sooner.
const ONE_AT_A_TIME: Duration = Duration::from_millis(300);
/// How often the harness looks for an effect whose answer is held back.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The trouble that the vendors make while the service is being killed: its name, what it does, and to which share of requests.
fn trouble() -> [Fault; 3] {
    [
        // Refused for good: these operations are buried.
        Fault { share: 0.05, ..Fault::new(REFUSES, FaultKind::Error { status: 400, body: None }) },
        Fault { share: 0.08, ..Fault::new("fails", FaultKind::Error { status: 503, body: None }) },
        Fault { share: 0.05, ..Fault::new("loses answers", FaultKind::LostAnswer { how: LostAnswer::Close }) },
    ]
}

const REFUSES: &str = "refuses";
const HELD: &str = "holds answers";

/// The vendors of the harness.
pub(super) struct Vendors {
    pub(super) simulated: SimulatedVendors,
    pub(super) settings: SimulationSettings,
}

impl Vendors {
    /// Starts them, with their ledger at `ledger`, and their faults. Clay posts enriched rows to `callbacks`; where
    /// `refuses`, some requests are refused for good.
    pub(super) async fn start(seed: Seed, ledger: &Path, callbacks: Option<String>, refuses: bool) -> Result<Self, ChaosError> {
        let quick = LatencyModel::Uniform { min: Duration::from_millis(1), max: Duration::from_millis(8) };
        let settings = SimulationSettings {
            seed: seed.0,
            ledger_file: Some(ledger.to_owned()),
            clay: ClaySettings {
                latency: quick,
                webhook_submissions: u64::MAX,
                auto_dedupe: Some(IDEMPOTENCY_KEY_FIELD.to_owned()),
                enrichment: EnrichmentSettings { time_scale: ENRICHMENT_SCALE, ..EnrichmentSettings::default() },
                callbacks: CallbackSettings {
                    url: callbacks,
                    signing_secret: Some(Secret(CALLBACK_SECRET.to_owned())),
                    attempts: 4,
                    retry_after: Duration::from_millis(300),
                    timeout: Duration::from_secs(2),
                    ..CallbackSettings::default()
                },
                ..ClaySettings::default()
            },
            customer_io: CustomerIoSettings { latency: quick, ..CustomerIoSettings::default() },
            ..SimulationSettings::default()
        };
        let simulated = SimulatedVendors::start(settings.clone()).await.map_err(failed)?;
        let vendors = Self { simulated, settings };
        for fault in trouble().into_iter().filter(|fault| refuses || fault.name != REFUSES) {
            vendors.simulated.add_fault(fault).await.map_err(failed)?;
        }
        Ok(vendors)
    }

    /// What a service of one's own must know of them, as environment variables.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let Self { simulated, settings } = self;
        let variables = [
            ("CLAY_URL", simulated.clay_url()),
            ("CLAY_WEBHOOK_PATH", format!("/v3/sources/webhook/{}", settings.clay.webhook_id)),
            ("CLAY_CALLBACK_SECRET", CALLBACK_SECRET.to_owned()),
            ("CUSTOMER_IO_URL", simulated.customer_io_url()),
            ("CUSTOMER_IO_SITE_ID", settings.customer_io.site_id.clone()),
            ("CUSTOMER_IO_API_KEY", settings.customer_io.api_key.clone()),
        ];
        variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    /// From now on, whatever a vendor carries out is not answered. Resolves when something was carried out; false when nothing
    /// was within `within`.
    pub(super) async fn commit_without_an_answer(&self, within: Duration) -> Result<bool, ChaosError> {
        let before = self.effects();
        let hold = Fault::new(HELD, FaultKind::LostAnswer { how: LostAnswer::Hang });
        self.simulated.add_fault(hold).await.map_err(failed)?;
        // What had been answered while the fault came into force does not count.
        let until = Instant::now() + within;
        let mut first = None;
        while self.effects() < before + 2 {
            let now = Instant::now();
            if self.holds() {
                // A service that does one thing after the other waits for this answer, and will do no second thing.
                if now >= *first.get_or_insert(now) + ONE_AT_A_TIME {
                    return Ok(true);
                }
            } else if now >= until {
                return Ok(false);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(true)
    }

    /// Answers again.
    pub(super) async fn answer(&self) {
        self.simulated.remove_fault(HELD).await;
    }

    /// No more trouble.
    pub(super) async fn recover(&self) {
        for fault in trouble() {
            self.simulated.remove_fault(&fault.name).await;
        }
    }

    /// Whether every row was enriched, and everything posted back that was to be.
    pub(super) fn are_done(&self) -> bool {
        self.simulated.clay().bill().due == 0
    }

    /// Whether an answer is held back.
    fn holds(&self) -> bool {
        self.simulated.faults().iter().any(|state| state.fault.name == HELD && state.hits > 0)
    }

    fn effects(&self) -> u64 {
        self.simulated.clay().row_count()
    }
}

fn failed(error: impl std::fmt::Display) -> ChaosError {
    ChaosError::Vendors(error.to_string())
}
