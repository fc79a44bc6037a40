//! Both simulated vendors, running.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::counts::Count;
use crate::edge::Edge;
use crate::fault::{Fault, FaultProblem, validate_timetable};
use crate::seed::Seed;
use crate::settings::{SettingsProblem, SimulationSettings};
use crate::timetable::{AddError, FaultChange, FaultState, Faults};
use crate::vendor::Vendor;
use crate::vendor::clay::Clay;
use crate::vendor::customer_io::CustomerIo;

/// Why a simulation could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error("port {port} on 127.0.0.1 is taken; choose another with {option}, or 0 for any free port")]
    PortTaken {
        /// The port.
        port: u16,
        /// The option that chooses it: `--clay-port` or `--customer-io-port`.
        option: &'static str,
    },
    /// The operating system refused a socket.
    #[error("cannot listen on port {port} of 127.0.0.1 (see {option}): {source}")]
    Listen {
        /// The port.
        port: u16,
        /// The option that chooses it.
        option: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// A setting makes no sense.
    #[error(transparent)]
    Setting(#[from] SettingsProblem),
    /// A fault makes no sense.
    #[error("fault `{name}`, {problem}")]
    Fault {
        /// The fault's name.
        name: String,
        /// What is wrong with it.
        problem: FaultProblem,
    },
}

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
    clay: Arc<Edge>,
    customer_io: Arc<Edge>,
    faults: Faults,
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
        let clay = serve(Arc::new(Clay::new(settings.clay, seed)), settings.clay_port, "--clay-port").await?;
        let customer_io = Arc::new(CustomerIo::new(settings.customer_io, seed));
        let customer_io = serve(customer_io, settings.customer_io_port, "--customer-io-port").await?;
        let faults = Faults::new(faults, seed, vec![clay.clone(), customer_io.clone()]);
        Ok(Self { clay, customer_io, faults })
    }

    /// Clay's base URL, without a trailing slash.
    pub fn clay_url(&self) -> String {
        self.clay.url()
    }

    /// Customer.io's base URL, without a trailing slash.
    pub fn customer_io_url(&self) -> String {
        self.customer_io.url()
    }

    /// The load begins now: the timetable's clock starts. Only the first call does so.
    pub fn start_timetable(&self) {
        self.faults.start(Instant::now());
    }

    /// What the timetable's clock shows; `None` where it has not been started.
    pub fn timetable_elapsed(&self) -> Option<Duration> {
        self.faults.elapsed()
    }

    /// Breaks something by hand, at once or after the fault's `at`, for as long as it `lasts` or until it is removed. When this
    /// returns, a fault that begins at once is in force. It needs no timetable.
    ///
    /// # Errors
    ///
    /// The fault makes no sense, or its name is taken by one that is scheduled or active.
    pub async fn add_fault(&self, fault: Fault) -> Result<(), AddError> {
        self.faults.add(fault).await
    }

    /// Ends a fault, of the timetable or by hand, or lets it never begin. When this returns it is no longer in force. Returns
    /// whether there was one of this name that was scheduled or active.
    pub async fn remove_fault(&self, name: &str) -> bool {
        self.faults.remove(name).await
    }

    /// Every fault and how it stands, the timetable's first.
    pub fn faults(&self) -> Vec<FaultState> {
        self.faults.list()
    }

    /// Faults as they begin and end, from now on. A begin is told when the fault is in force, an end when it no longer is.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<FaultChange> {
        self.faults.subscribe()
    }

    /// What has been answered so far.
    pub fn counts(&self) -> Vec<Count> {
        let mut counts = self.clay.counts();
        counts.extend(self.customer_io.counts());
        counts
    }

    /// Ends the timetable, closes both ports and every connection, and waits until that is done.
    pub async fn shutdown(self) {
        if let Some(timetable) = self.faults.end() {
            // It was aborted, or it had ended: neither tells anything.
            let _ = timetable.await;
        }
        tokio::join!(self.clay.shutdown(), self.customer_io.shutdown());
    }
}

async fn serve(vendor: Arc<dyn Vendor>, port: u16, option: &'static str) -> Result<Arc<Edge>, StartError> {
    Edge::start(vendor, port).await.map(Arc::new).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { port, option },
        _ => StartError::Listen { port, option, source },
    })
}
