//! Both simulated vendors, running.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::counts::Count;
use crate::edge::Edge;
use crate::fault::{Fault, FaultProblem, validate_timetable};
use crate::ledger::Ledger;
use crate::seed::Seed;
use crate::settings::{SettingsProblem, SimulationSettings};
use crate::timetable::{FaultChange, Subscribers, Timetable};
use crate::tls::{Tls, TlsError};
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
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificate authority cannot be written where it was asked for.
    #[error("cannot write the certificate authority to {}: {source}", .file.display())]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
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
    ledger: Arc<Ledger>,
    tls: Arc<Tls>,
    faults: Vec<Fault>,
    seed: Seed,
    subscribers: Arc<Subscribers>,
    timetable: Mutex<Option<JoinHandle<()>>>,
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
        let clay = serve(clay, settings.clay_port, "--clay-port", &ledger, &tls).await?;
        let customer_io = Arc::new(CustomerIo::new(settings.customer_io, seed));
        let customer_io = serve(customer_io, settings.customer_io_port, "--customer-io-port", &ledger, &tls).await?;
        Ok(Self { clay, customer_io, ledger, tls, faults, seed, subscribers: Arc::default(), timetable: Mutex::new(None) })
    }

    /// Clay's base URL, without a trailing slash.
    pub fn clay_url(&self) -> String {
        self.clay.url()
    }

    /// Customer.io's base URL, without a trailing slash.
    pub fn customer_io_url(&self) -> String {
        self.customer_io.url()
    }

    /// The certificate authority that clients have to trust where they connect over TLS, in PEM. Plain and TLS connections
    /// come to the same ports.
    pub fn ca_pem(&self) -> &str {
        self.tls.pem()
    }

    /// Every request and what came of it.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The load begins now: the timetable's clock starts. Only the first call does so.
    pub fn start_timetable(&self) {
        let mut timetable = self.timetable.lock().unwrap_or_else(PoisonError::into_inner);
        if timetable.is_none() {
            let run = Timetable {
                faults: self.faults.clone(),
                seed: self.seed,
                edges: vec![self.clay.clone(), self.customer_io.clone()],
                subscribers: self.subscribers.clone(),
            };
            *timetable = Some(tokio::spawn(run.run(Instant::now())));
        }
    }

    /// Faults as they begin and end, from now on. A begin is told when the fault is in force, an end when it no longer is.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<FaultChange> {
        self.subscribers.subscribe()
    }

    /// What has been answered so far.
    pub fn counts(&self) -> Vec<Count> {
        let mut counts = self.clay.counts();
        counts.extend(self.customer_io.counts());
        counts
    }

    /// Ends the timetable, closes both ports and every connection, and waits until that is done.
    pub async fn shutdown(self) {
        if let Some(timetable) = self.end_timetable() {
            // It was aborted, or it had ended: neither tells anything.
            let _ = timetable.await;
        }
        tokio::join!(self.clay.shutdown(), self.customer_io.shutdown());
    }

    fn end_timetable(&self) -> Option<JoinHandle<()>> {
        let timetable = self.timetable.lock().unwrap_or_else(PoisonError::into_inner).take();
        timetable.inspect(JoinHandle::abort)
    }
}

impl Drop for SimulatedVendors {
    fn drop(&mut self) {
        // The timetable holds the edges, and the edges end when the last one who holds them is gone.
        self.end_timetable();
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
