//! The simulated vendors, running: the library's front.

mod error;

use std::any::Any;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use error::StartError;

use crate::admin::{AdminServer, Bound};
use crate::callback::{self, HttpPost, InProcess, Post};
use crate::clock::DayClock;
use crate::counts::Count;
use crate::edge::Edge;
use crate::exchange::FaultyVendor;
use crate::fault::{Fault, validate_timetable};
use crate::ledger::{Ledger, LedgerFile};
use crate::running::{ResetPart, Served, Simulation};
use crate::seed::Seed;
use crate::settings::{AdminSettings, SimulationSettings};
use crate::simulated::clay::Clay;
use crate::simulated::customer_io::CustomerIo;
use crate::simulated::{PerVendor, SimulatedVendor, per_vendor};
use crate::timetable::{AddError, FaultChange, FaultState, FaultTarget, Faults};
use crate::tls::Tls;

/// How long the end of a simulation waits for requests that a vendor is carrying out. They take milliseconds.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Simulated Clay and Customer.io on free ports of 127.0.0.1, for a test, or without sockets. Dropped, they are gone.
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
/// let lost_answer = FaultKind::LostAnswer { how: LostAnswer::Close };
/// let lost_answer = Fault { vendor: Some(SimulatedVendor::CustomerIo), ..Fault::new("lost answer", lost_answer) };
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
    /// Starts the vendors, and the admin API where the settings have one; they answer when this returns. No fault is active
    /// yet.
    ///
    /// # Errors
    ///
    /// A port is taken, a file cannot be written, or a setting or a fault makes no sense; then nothing is left running.
    pub async fn start(settings: SimulationSettings) -> Result<Self, StartError> {
        check(&settings)?;
        let clock = DayClock::machine();
        let admin = match &settings.admin {
            Some(admin) => Some(listen_for_admin(admin.clone()).await?),
            None => None,
        };
        let tls = Arc::new(Tls::new(clock.date(Instant::now()))?);
        if let Some(path) = &settings.ca_file {
            std::fs::write(path, &tls.pem).map_err(StartError::file(path, "--ca-file"))?;
        }
        let ledger = Arc::new(Ledger::new());
        let mut vendors = vendors(&settings, &ledger, clock);
        for (vendor, served) in &mut vendors {
            let (port, option) = (vendor.port(&settings.vendors()), vendor.port_option());
            let edge = Edge::start(served.vendor.clone(), port, tls.clone()).await;
            let edge = edge.map_err(StartError::port(Ipv4Addr::LOCALHOST.into(), port, option))?;
            served.edge = Some(Arc::new(edge));
        }
        // After the ports, so that a start that fails for a port replaces no ledger. What has come since is still kept.
        let create = |path: &PathBuf| LedgerFile::create(path, &ledger).map_err(StartError::file(path, "--ledger"));
        let ledger_file = settings.ledger_file.as_ref().map(create).transpose()?;
        let mut simulation = simulation(settings, vendors, ledger, clock, HttpPost::new());
        simulation.ca_pem = tls.pem.clone();
        simulation.ledger_file = ledger_file.as_ref().map(LedgerFile::status);
        let simulation = Arc::new(simulation);
        let admin = admin.map(|bound| bound.serve(simulation.clone()));
        Ok(Self { simulation, admin, ledger_file })
    }

    /// The vendors without sockets, in tokio's time, which a test can pause: requests go to [`vendor`](Self::vendor), Clay's
    /// callbacks to `receiver`. Ports, admin API and files of the settings are ignored. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// A setting or a fault makes no sense.
    pub fn in_process<R, A>(settings: SimulationSettings, clock: DayClock, receiver: R) -> Result<Self, StartError>
    where
        R: Fn(Request<Bytes>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<StatusCode, String>> + Send + 'static,
    {
        check(&settings)?;
        let ledger = Arc::new(Ledger::new());
        let vendors = vendors(&settings, &ledger, clock);
        let simulation = Arc::new(simulation(settings, vendors, ledger, clock, InProcess(receiver)));
        Ok(Self { simulation, admin: None, ledger_file: None })
    }

    /// A vendor with its faults, to send requests to without a socket.
    pub fn vendor(&self, vendor: SimulatedVendor) -> &Arc<FaultyVendor> {
        &self.simulation.vendors[&vendor].vendor
    }

    /// A vendor's base URL, without a trailing slash. Without sockets its host is a name that nothing resolves.
    pub fn url(&self, vendor: SimulatedVendor) -> String {
        self.simulation.vendors[&vendor].url()
    }

    /// Clay's base URL, without a trailing slash.
    pub fn clay_url(&self) -> String {
        self.url(SimulatedVendor::Clay)
    }

    /// Customer.io's base URL, without a trailing slash.
    pub fn customer_io_url(&self) -> String {
        self.url(SimulatedVendor::CustomerIo)
    }

    /// The admin API's base URL, without a trailing slash; `None` where the settings have no admin API.
    pub fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(AdminServer::url)
    }

    /// The simulated Clay itself, to look into its state.
    pub fn clay(&self) -> &Clay {
        self.simulation.clay()
    }

    /// The simulated Customer.io itself, to look into its state.
    pub fn customer_io(&self) -> &CustomerIo {
        self.simulation.customer_io()
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

    /// Faults as they begin and end, from now on: a begin when the fault is in force, an end when it no longer is.
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
        self.simulation.reset(&ResetPart::ALL).await;
    }

    /// What does not work although everything is served, in words: a ledger file on a full disk.
    pub fn problems(&self) -> Vec<String> {
        self.simulation.problems()
    }

    /// Ends the timetable, closes every port and connection, writes the rest of the ledger, and waits until that is done.
    /// Returns what did not work until then, as [`problems`](Self::problems) does.
    pub async fn shutdown(mut self) -> Vec<String> {
        self.simulation.faults.end().await;
        let edges = self.simulation.vendors.values().filter_map(|served| served.edge.as_deref());
        futures_util::future::join_all(edges.map(Edge::shutdown)).await;
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

fn check(settings: &SimulationSettings) -> Result<(), StartError> {
    settings.validate()?;
    match validate_timetable(&settings.faults).err().and_then(|problems| problems.into_iter().next()) {
        Some((index, problem)) => Err(StartError::Fault { name: settings.faults[index].name.clone(), problem }),
        None => Ok(()),
    }
}

/// The vendors, without sockets yet.
fn vendors(settings: &SimulationSettings, ledger: &Arc<Ledger>, clock: DayClock) -> PerVendor<Served> {
    per_vendor(|name| {
        let vendor = name.make(&settings.vendors(), Seed(settings.seed), clock);
        Served { vendor: Arc::new(FaultyVendor::new(name, vendor, ledger.clone(), clock)), edge: None }
    })
}

/// What drives the vendors: the timetable, and the task that makes callbacks.
fn simulation(
    settings: SimulationSettings,
    vendors: PerVendor<Served>,
    ledger: Arc<Ledger>,
    clock: DayClock,
    post: impl Post,
) -> Simulation {
    let target = |served: &Served| -> Arc<dyn FaultTarget> {
        match &served.edge {
            Some(edge) => edge.clone(),
            None => Arc::new(served.vendor.clone()),
        }
    };
    let faults = Faults::new(settings.faults, Seed(settings.seed), vendors.values().map(target).collect());
    let clay = vendors[&SimulatedVendor::Clay].vendor.clone();
    let calls_back: Arc<dyn Any + Send + Sync> = clay.shared_vendor();
    let calls_back = calls_back.downcast::<Clay>().unwrap_or_else(|_| unreachable!("the table makes Clay of its own type"));
    let judge = Box::new(move |identity: &[u8]| clay.active().judge_callback(identity, Instant::now()));
    let callbacks = callback::start(calls_back, judge, post);
    Simulation { vendors, ledger, clock, _callbacks: callbacks, faults, ca_pem: String::new(), ledger_file: None }
}

async fn listen_for_admin(settings: AdminSettings) -> Result<Bound, StartError> {
    let (address, port) = (settings.address, settings.port);
    AdminServer::bind(settings).await.map_err(StartError::port(address, port, "--admin-port"))
}
