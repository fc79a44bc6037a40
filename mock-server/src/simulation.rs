//! Both simulated vendors, running: the library's front.

mod error;
mod running;

use std::io;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::time::Instant;

pub use error::{StartError, TlsError};
pub use running::Reset;
pub(crate) use running::Simulation;

use crate::counts::Count;
use crate::edge::Edge;
use crate::fault::validate_timetable;
use crate::ledger::Ledger;
use crate::seed::Seed;
use crate::settings::SimulationSettings;
use crate::timetable::FaultChange;
use crate::tls::Tls;
use crate::vendor::Vendor;
use crate::vendor::clay::Clay;
use crate::vendor::customer_io::CustomerIo;

/// Simulated Clay and Customer.io on ports of 127.0.0.1. Dropped, they are gone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mock_server::simulation::StartError> {
/// use mock_server::settings::SimulationSettings;
/// use mock_server::simulation::SimulatedVendors;
///
/// let vendors = SimulatedVendors::start(SimulationSettings::default()).await?;
/// assert!(vendors.clay_url().starts_with("http://127.0.0.1:"));
/// vendors.start_timetable();
/// assert!(vendors.counts().is_empty());
/// vendors.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct SimulatedVendors {
    simulation: Arc<Simulation>,
}

impl SimulatedVendors {
    /// Starts both vendors; they answer when this returns. No fault is active yet.
    ///
    /// # Errors
    ///
    /// A port is taken, or a setting or a fault makes no sense; then nothing is left running.
    pub async fn start(settings: SimulationSettings) -> Result<Self, StartError> {
        settings.validate()?;
        let faults = settings.faults;
        if let Some((index, problem)) = validate_timetable(&faults).err().and_then(|problems| problems.into_iter().next()) {
            return Err(StartError::Fault { name: faults[index].name.clone(), problem });
        }
        let seed = Seed(settings.seed);
        let (ledger, tls) = (Arc::new(Ledger::new()), Arc::new(Tls::new()?));
        if let Some(file) = settings.ca_file {
            tls.write(&file).map_err(|source| StartError::CaFile { file, source })?;
        }
        let clay = Arc::new(Clay::new(settings.clay, seed));
        let customer_io = Arc::new(CustomerIo::new(settings.customer_io, seed));
        let clay_edge = serve(clay.clone(), settings.clay_port, "--clay-port", &ledger, &tls).await?;
        let customer_io_edge = serve(customer_io.clone(), settings.customer_io_port, "--customer-io-port", &ledger, &tls).await?;
        let simulation = Arc::new(Simulation {
            clay,
            customer_io,
            ledger,
            tls,
            clay_edge,
            customer_io_edge,
            faults,
            seed,
            subscribers: Arc::default(),
            timetable: Mutex::new(None),
        });
        Ok(Self { simulation })
    }

    /// Clay's base URL, without a trailing slash.
    pub fn clay_url(&self) -> String {
        self.simulation.clay_edge.url()
    }

    /// Customer.io's base URL, without a trailing slash.
    pub fn customer_io_url(&self) -> String {
        self.simulation.customer_io_edge.url()
    }

    /// The simulated Clay itself, to look into its state.
    pub fn clay(&self) -> &Clay {
        &self.simulation.clay
    }

    /// The simulated Customer.io itself, to look into its state.
    pub fn customer_io(&self) -> &CustomerIo {
        &self.simulation.customer_io
    }

    /// What happened to every request.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.simulation.ledger
    }

    /// The certificate authority that clients have to trust where they connect over TLS, in PEM. Plain and TLS connections
    /// come to the same ports.
    pub fn ca_pem(&self) -> &str {
        self.simulation.tls.pem()
    }

    /// The load begins now: the timetable's clock starts. Only the first call does so.
    pub fn start_timetable(&self) {
        self.simulation.start_timetable(Instant::now());
    }

    /// Faults as they begin and end, from now on. A begin is told when the fault is in force, an end when it no longer is.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<FaultChange> {
        self.simulation.subscribe()
    }

    /// What has been answered so far.
    pub fn counts(&self) -> Vec<Count> {
        self.simulation.counts()
    }

    /// Forgets what requests have changed, what the ledger holds and what was counted, so that one test does not see
    /// another's. Faults stay as they are.
    pub fn reset(&self) {
        self.simulation.reset(Reset::default());
    }

    /// Ends the timetable, closes both ports and every connection, and waits until that is done.
    pub async fn shutdown(self) {
        if let Some(timetable) = self.simulation.end_timetable() {
            // It was aborted, or it had ended: neither tells anything.
            let _ = timetable.await;
        }
        tokio::join!(self.simulation.clay_edge.shutdown(), self.simulation.customer_io_edge.shutdown());
    }
}

impl Drop for SimulatedVendors {
    fn drop(&mut self) {
        // The timetable holds the edges, and the edges end when the last one who holds them is gone.
        self.simulation.end_timetable();
    }
}

async fn serve(
    vendor: Arc<dyn Vendor>,
    port: u16,
    option: &'static str,
    ledger: &Arc<Ledger>,
    tls: &Arc<Tls>,
) -> Result<Arc<Edge>, StartError> {
    Edge::start(vendor, port, ledger.clone(), tls.clone()).await.map(Arc::new).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { port, option },
        _ => StartError::Listen { port, option, source },
    })
}
