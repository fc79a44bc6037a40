//! Both simulated vendors, running: the library's front.

mod error;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

pub use error::StartError;

use crate::admin::{AdminServer, Bound};
use crate::callback::{Callbacks, Judge};
use crate::counts::Count;
use crate::edge::Edge;
use crate::fault::{Fault, validate_timetable};
use crate::ledger::{Ledger, LedgerFile};
pub use crate::running::Reset;
use crate::running::Simulation;
use crate::seed::Seed;
use crate::settings::{AdminSettings, SimulationSettings};
use crate::timetable::{AddError, FaultChange, FaultState, Faults};
use crate::tls::Tls;
use crate::vendor::Vendor;
use crate::vendor::clay::Clay;
use crate::vendor::customer_io::CustomerIo;

/// How long the end of a simulation waits for requests that a vendor is carrying out. They take milliseconds.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Simulated Clay and Customer.io on free ports of 127.0.0.1, for a test. Dropped, they are gone.
///
/// Point the code that is tested at [`clay_url`](Self::clay_url) and [`customer_io_url`](Self::customer_io_url), break something
/// with [`add_fault`](Self::add_fault), and assert on what the vendors know ([`clay`](Self::clay),
/// [`customer_io`](Self::customer_io)) and on what happened to every request ([`ledger`](Self::ledger)):
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, StatusCode};
/// # use http_body_util::Full;
/// # use hyper_util::client::legacy::Client;
/// # use hyper_util::rt::TokioExecutor;
/// # /// Stands for the code that is tested.
/// # async fn track(url: &str, body: &'static str) -> Result<StatusCode, hyper_util::client::legacy::Error> {
/// #     let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
/// #     let request = Request::post(format!("{url}/api/v1/customers/ada/events"))
/// #         .header("authorization", "Basic c2ltdWxhdGVkLXNpdGU6c2ltdWxhdGVkLWN1c3RvbWVyLWlvLWtleQ==")
/// #         .body(Full::new(Bytes::from(body)));
/// #     client.request(request.expect("a request")).await.map(|answer| answer.status())
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_server::fault::{Fault, FaultKind, LostAnswer, SimulatedVendor};
/// use mock_server::settings::SimulationSettings;
/// use mock_server::simulation::SimulatedVendors;
///
/// let vendors = SimulatedVendors::start(SimulationSettings::default()).await?;
/// let lost_answer = Fault::new("lost answer", FaultKind::LostAnswer { how: LostAnswer::Close })
///     .on_vendor(SimulatedVendor::CustomerIo);
/// vendors.add_fault(lost_answer).await?;
///
/// // The code that is tested sends an event, gets no answer, and sends it again when the fault is over.
/// let url = vendors.customer_io_url();
/// assert!(track(&url, r#"{"name":"signed_up"}"#).await.is_err());
/// assert!(vendors.remove_fault("lost answer").await);
/// assert_eq!(track(&url, r#"{"name":"signed_up"}"#).await?, 200);
///
/// // The vendor had carried out the first one as well, and without an id it could not know the second for a duplicate.
/// let entries = vendors.ledger().wait_for(2, |entry| entry.route == "customer_io.track").await;
/// assert!(entries[0].answer_was_lost() && entries[0].was_hit_by("lost answer"));
/// assert_eq!(vendors.customer_io().events("ada").len(), 2);
///
/// vendors.reset().await;
/// assert!(vendors.customer_io().events("ada").is_empty() && vendors.ledger().entries().is_empty());
/// assert!(vendors.shutdown().await.is_empty());
/// # Ok(())
/// # }
/// ```
///
/// Faults of the settings are a timetable, which begins with [`start_timetable`](Self::start_timetable).
pub struct SimulatedVendors {
    simulation: Arc<Simulation>,
    /// `None` where there is no admin API, or it has been shut down.
    admin: Option<AdminServer>,
    /// `None` where there is no file, or it has been finished.
    ledger_file: Option<LedgerFile>,
}

impl SimulatedVendors {
    /// Starts both vendors, and the admin API where the settings have one; they answer when this returns. No fault is active
    /// yet.
    ///
    /// # Errors
    ///
    /// A port is taken, a file cannot be written, or a setting or a fault makes no sense; then nothing is left running.
    pub async fn start(settings: SimulationSettings) -> Result<Self, StartError> {
        settings.validate()?;
        let faults = settings.faults;
        if let Some((index, problem)) = validate_timetable(&faults).err().and_then(|problems| problems.into_iter().next()) {
            return Err(StartError::Fault { name: faults[index].name.clone(), problem });
        }
        let admin = match settings.admin {
            Some(admin) => Some(listen_for_admin(admin).await?),
            None => None,
        };
        let seed = Seed(settings.seed);
        let tls = Arc::new(Tls::new()?);
        if let Some(path) = settings.ca_file {
            tls.write(&path).map_err(|source| StartError::File { path, option: "--ca-file", source })?;
        }
        let ledger = Arc::new(Ledger::new());
        let clay = Arc::new(Clay::new(settings.clay, seed));
        let customer_io = Arc::new(CustomerIo::new(settings.customer_io, seed));
        let clay_edge = serve(clay.clone(), settings.clay_port, "--clay-port", &ledger, &tls).await?;
        let customer_io_edge = serve(customer_io.clone(), settings.customer_io_port, "--customer-io-port", &ledger, &tls).await?;
        // After the ports, so that a start that fails for a port replaces no ledger. What has come since is still kept.
        let ledger_file = match settings.ledger_file {
            Some(path) => Some(write_ledger(path, &ledger)?),
            None => None,
        };
        let faults = Faults::new(faults, seed, vec![clay_edge.clone(), customer_io_edge.clone()]);
        let simulation = Arc::new(Simulation {
            _callbacks: Callbacks::start(clay.clone(), callback_faults(&clay_edge)),
            clay,
            customer_io,
            ledger,
            clay_edge,
            customer_io_edge,
            faults,
            ca_pem: tls.pem().to_owned(),
            ledger_file: ledger_file.as_ref().map(LedgerFile::status),
        });
        let admin = admin.map(|bound| bound.serve(simulation.clone()));
        Ok(Self { simulation, admin, ledger_file })
    }

    /// Clay's base URL, without a trailing slash.
    pub fn clay_url(&self) -> String {
        self.simulation.clay_edge.url()
    }

    /// Customer.io's base URL, without a trailing slash.
    pub fn customer_io_url(&self) -> String {
        self.simulation.customer_io_edge.url()
    }

    /// The admin API's base URL, without a trailing slash; `None` where the settings have no admin API.
    pub fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(AdminServer::url)
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
    /// have one port.
    pub fn ca_pem(&self) -> &str {
        &self.simulation.ca_pem
    }

    /// The load begins now: the timetable's clock starts. Only the first call does so.
    pub fn start_timetable(&self) {
        self.simulation.faults.start(Instant::now());
    }

    /// What the timetable's clock shows; `None` where it has not been started.
    pub fn timetable_elapsed(&self) -> Option<Duration> {
        self.simulation.faults.elapsed()
    }

    /// Breaks something by hand, at once or after the fault's `at`, for as long as it `lasts` or until it is removed. When this
    /// returns, a fault that begins at once is in force. It needs no timetable.
    ///
    /// # Errors
    ///
    /// The fault makes no sense, or its name is taken by one that is scheduled or active.
    pub async fn add_fault(&self, fault: Fault) -> Result<(), AddError> {
        self.simulation.faults.add(fault).await
    }

    /// Ends a fault, of the timetable or by hand, or lets it never begin. When this returns it is no longer in force. Returns
    /// whether there was one of this name that was scheduled or active.
    pub async fn remove_fault(&self, name: &str) -> bool {
        self.simulation.faults.remove(name).await
    }

    /// Every fault and how it stands, the timetable's first.
    pub fn faults(&self) -> Vec<FaultState> {
        self.simulation.faults.list()
    }

    /// Faults as they begin and end, from now on. A begin is told when the fault is in force, an end when it no longer is.
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<FaultChange> {
        self.simulation.faults.subscribe()
    }

    /// What has been answered so far.
    pub fn counts(&self) -> Vec<Count> {
        self.simulation.counts()
    }

    /// Forgets what requests have changed, what the ledger holds and what was counted, and ends the faults that were added by
    /// hand, so that one test does not see another's. The timetable's own faults stay as they are.
    pub async fn reset(&self) {
        self.simulation.reset(Reset::default()).await;
    }

    /// What does not work although everything is served, in words: a ledger file on a full disk.
    pub fn problems(&self) -> Vec<String> {
        self.simulation.problems()
    }

    /// Ends the timetable, closes every port and connection, writes the rest of the ledger, and waits until that is done.
    /// Returns what did not work until then, as [`problems`](Self::problems) does.
    pub async fn shutdown(mut self) -> Vec<String> {
        if let Some(timetable) = self.simulation.faults.end() {
            // It was aborted, or it had ended: neither tells anything.
            let _ = timetable.await;
        }
        tokio::join!(self.simulation.clay_edge.shutdown(), self.simulation.customer_io_edge.shutdown());
        // Requests end with their connections, but for what a vendor is carrying out: its effect belongs in the ledger.
        let _ = tokio::time::timeout(END_WITHIN, self.simulation.ledger.settled()).await;
        if let Some(admin) = self.admin.take() {
            admin.shutdown().await;
        }
        if let Some(file) = self.ledger_file.take() {
            file.finish().await;
        }
        self.simulation.problems()
    }
}

/// The faults in force at `edge`, as callbacks ask for them. They keep no edge alive.
fn callback_faults(edge: &Arc<Edge>) -> Judge {
    let edge = Arc::downgrade(edge);
    Box::new(move |identity| edge.upgrade().map(|edge| edge.active().judge_callback(identity)).unwrap_or_default())
}

async fn serve(
    vendor: Arc<dyn Vendor>,
    port: u16,
    option: &'static str,
    ledger: &Arc<Ledger>,
    tls: &Arc<Tls>,
) -> Result<Arc<Edge>, StartError> {
    let started = Edge::start(vendor, port, ledger.clone(), tls.clone()).await.map(Arc::new);
    started.map_err(StartError::port(Ipv4Addr::LOCALHOST.into(), port, option))
}

async fn listen_for_admin(settings: AdminSettings) -> Result<Bound, StartError> {
    let (address, port) = (settings.address, settings.port);
    AdminServer::bind(settings).await.map_err(StartError::port(address, port, "--admin-port"))
}

fn write_ledger(path: PathBuf, ledger: &Arc<Ledger>) -> Result<LedgerFile, StartError> {
    LedgerFile::create(&path, ledger).map_err(|source| StartError::File { path, option: "--ledger", source })
}
