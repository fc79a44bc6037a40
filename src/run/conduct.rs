//! One load from its first process to its last sample.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use mock_server::fault::FaultKind;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::events::EventLog;
use super::journals::RunJournals;
use super::live::{Followed, Live};
use super::service::{Coming, Service, ServiceError, ServiceOutcome, Serving, Starting};
use super::simulator::{Simulator, SimulatorError, SimulatorOutcome, Watched};
use crate::cli::run::progress::Progress;
use crate::cli::run::signals::Signals;
use crate::clock::LoadClock;
use crate::event::EventSink;
use crate::executor::{ExecutorError, Level, Stop, closed};
use crate::journal::{PLACES, VENDORS};
use crate::journey::{Workload, WorkloadPlan};
use crate::measure::{FaultWindow, ProcessWatch, RecorderBuilder, SampleFile, SamplesWritten};
use crate::outcome::Vendor;
use crate::result::{RunDir, RunWriter, SAMPLES, WriteError};
use crate::scenario::{Journey, ServiceAt, Target, TestPlan};
use crate::seed::Seed;
use crate::transport::{HttpClient, PoolSettings, TransportError, Unreachable};
use crate::vendor_api::{EndpointError, Endpoints};

/// What the command line says about a run.
pub(crate) struct Options {
    pub(crate) seed: Seed,
    pub(crate) time_scale: f64,
    pub(crate) started: DateTime<Utc>,
    pub(crate) quiet: bool,
    pub(crate) samples: bool,
    pub(crate) journals: bool,
}

/// A load that has ended, with everything that was measured.
pub(crate) struct Measured {
    pub(crate) followed: Followed,
    pub(crate) events: Arc<EventLog>,
    pub(crate) workload: Arc<Workload>,
    pub(crate) simulator: Option<SimulatorOutcome>,
    pub(crate) service: Option<ServiceOutcome>,
    /// The end of the load in which nothing was submitted any more, and a service came to rest.
    pub(crate) rest: Duration,
    /// Whether books of leads were kept.
    pub(crate) kept_journals: bool,
    /// What the books lack.
    pub(crate) journals: Vec<String>,
    /// The vendors' ledger, where there are simulated vendors.
    pub(crate) vendors: Option<std::io::Result<PathBuf>>,
    pub(crate) samples: Option<std::io::Result<SamplesWritten>>,
    pub(crate) interrupted: bool,
    pub(crate) executor: Result<(), ExecutorError>,
    pub(crate) seed: Seed,
    pub(crate) time_scale: f64,
    pub(crate) started: DateTime<Utc>,
}

/// The load never began.
#[derive(Debug, Error)]
pub(crate) enum ConductError {
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("{target} cannot be reached: {cause}. Start it, or correct its URL in the scenario")]
    Unreachable { target: String, cause: Unreachable },
    #[error("cannot write the books of leads: {0}; --no-books runs without them")]
    Journals(#[source] std::io::Error),
    #[error("cannot write every sample: {0}")]
    Samples(#[source] std::io::Error),
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    #[error("interrupted before the load began: nothing was sent and nothing measured")]
    Interrupted,
}

/// Runs the load, which `signals` end through `stop`. An error means that it never began.
pub(crate) async fn run(
    test_plan: &TestPlan,
    dir: RunDir,
    options: &Options,
    signals: &Signals,
    stop: Stop,
) -> Result<Measured, ConductError> {
    let beginning = tokio::select! {
        biased;
        // A load that is not wanted any more is not begun only to be ended.
        () = stop.reached(Level::Finish) => return Err(ConductError::Interrupted),
        beginning = prepare(test_plan, &dir, options) => beginning?,
    };
    let under_way = Arc::new(Mutex::new(None));
    let begin = {
        let (stop, quiet, under_way) = (stop.clone(), options.quiet, Arc::clone(&under_way));
        Box::new(move |clock| {
            async move {
                let begun = beginning.begin(clock, &stop, quiet).await;
                let workload = Arc::clone(&begun.workload);
                *under_way.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
                workload
            }
            .boxed()
        })
    };
    let executor = closed::run(&test_plan.load, options.seed, &stop, begin).await;
    let begun = under_way.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(begun) = begun else {
        // Without an error, only a signal keeps a load from beginning.
        return Err(executor.err().map_or(ConductError::Interrupted, ConductError::Executor));
    };
    Ok(begun.end(executor, signals, &dir, options).await)
}

/// Everything that can be done, and can go wrong, before the load's clock starts.
async fn prepare(test_plan: &TestPlan, dir: &RunDir, options: &Options) -> Result<Beginning, ConductError> {
    let client = client(test_plan)?;
    reach_targets(test_plan, &client).await?;
    let (test_plan, coming) = with_callbacks(test_plan)?;
    let simulator = if test_plan.simulates_vendors() {
        Some(Simulator::start(&test_plan, options.seed, dir.partial(VENDORS)).await?)
    } else {
        None
    };
    let service = service(&test_plan, coming, simulator.as_ref(), &client, dir, options).await?;
    let endpoints = match &simulator {
        Some(simulator) if service.is_none() => simulator.endpoints()?,
        _ => Endpoints::named(&test_plan.target)?,
    };
    let mut plan = WorkloadPlan::new(test_plan.workload(), endpoints, client, options.seed)?;
    if let Some(service) = &service {
        let run = format!("{} {}", options.started.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true), options.seed.0);
        plan = plan.to_service(service.leads(run)?);
    }
    let journals = (options.journals && plan.submits_leads()).then(|| RunJournals::begin(dir, service.is_some())).transpose();
    let journals = journals.map_err(ConductError::Journals)?;
    if let Some(journals) = &journals {
        plan = plan.with_journals(journals.journals());
    }
    let samples = options.samples.then(|| sample_file(dir)).transpose()?;
    let roles = [
        Some(("harness", std::process::id())),
        service.as_ref().and_then(Service::pid).map(|pid| ("integration", pid)),
        simulator.as_ref().map(|simulator| ("simulator", simulator.pid())),
    ];
    let roles: Vec<(&'static str, u32)> = roles.into_iter().flatten().collect();
    let names: Vec<&str> = roles.iter().map(|(role, _)| *role).collect();
    let writer = RunWriter::start(dir.clone(), options.started, &names)?;
    Ok(Beginning { test_plan, plan, writer, simulator, service, roles, samples, journals, events: Arc::default() })
}

/// A service that is going to be started has its port before the vendors start, for Clay calls it back.
fn with_callbacks(test_plan: &TestPlan) -> Result<(TestPlan, Option<Coming>), ServiceError> {
    let mut test_plan = test_plan.clone();
    if test_plan.service().is_none_or(|service| service.at != ServiceAt::Started) {
        return Ok((test_plan, None));
    }
    let coming = Coming::new()?;
    test_plan.simulation = coming.called_back(&test_plan.simulation);
    Ok((test_plan, Some(coming)))
}

/// The service that takes the leads, listening.
async fn service(
    test_plan: &TestPlan,
    coming: Option<Coming>,
    simulator: Option<&Simulator>,
    client: &HttpClient,
    dir: &RunDir,
    options: &Options,
) -> Result<Option<Service>, ConductError> {
    let Some(target) = test_plan.service() else { return Ok(None) };
    match (&target.at, coming, simulator) {
        (ServiceAt::Started, Some(coming), Some(simulator)) => {
            let starting = Starting {
                test_plan,
                timeout: target.timeout,
                seed: options.seed,
                time_scale: options.time_scale,
                run_dir: dir.path(),
                clay: simulator.clay_url(),
                customer_io: simulator.customer_io_url(),
                vendors: &test_plan.simulation,
                client,
            };
            Ok(Some(coming.start(&starting).await?))
        }
        (ServiceAt::Url(url), ..) => Ok(Some(Service::named(target, url, client).await?)),
        // A service is started together with its port and its vendors.
        (ServiceAt::Started, ..) => Ok(None),
    }
}

/// Every URL that the scenario itself names.
fn named_targets(test_plan: &TestPlan) -> Vec<&http::Uri> {
    let journeys = test_plan.journeys.iter().filter_map(|weighted| match &weighted.journey {
        Journey::Http(http) => Some(&http.url),
        _ => None,
    });
    let vendors = match &test_plan.target {
        Target::Simulated => [None, None],
        Target::Service(service) => match &service.at {
            ServiceAt::Started => [None, None],
            ServiceAt::Url(url) => [Some(url), None],
        },
        Target::BaseUrls { clay, customer_io, .. } => [clay.as_ref(), customer_io.as_ref()],
    };
    journeys.chain(vendors.into_iter().flatten()).collect()
}

/// A load on nobody measures nothing: better to hear it before than after.
async fn reach_targets(test_plan: &TestPlan, client: &HttpClient) -> Result<(), ConductError> {
    for uri in named_targets(test_plan) {
        client.reach(uri).await.map_err(|cause| {
            let target = uri.authority().map_or_else(|| uri.to_string(), |authority| authority.host().to_owned());
            let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
            ConductError::Unreachable { target: format!("{target}{port}"), cause }
        })?;
    }
    Ok(())
}

fn client(test_plan: &TestPlan) -> Result<HttpClient, TransportError> {
    let pool = PoolSettings::default();
    let secure = named_targets(test_plan).iter().any(|uri| uri.scheme_str() == Some("https"));
    if secure { HttpClient::secure(&pool) } else { Ok(HttpClient::plain(&pool)) }
}

fn sample_file(dir: &RunDir) -> Result<(SampleFile, crate::measure::SampleSender), ConductError> {
    std::fs::File::create(dir.partial(SAMPLES))
        .and_then(|file| SampleFile::start(std::io::BufWriter::new(file)))
        .map_err(ConductError::Samples)
}

/// Everything that waits for the load's clock.
struct Beginning {
    test_plan: TestPlan,
    plan: WorkloadPlan,
    writer: RunWriter,
    simulator: Option<Simulator>,
    service: Option<Service>,
    /// The processes of the run.
    roles: Vec<(&'static str, u32)>,
    samples: Option<(SampleFile, crate::measure::SampleSender)>,
    journals: Option<RunJournals>,
    events: Arc<EventLog>,
}

/// A load under way.
struct Begun {
    workload: Arc<Workload>,
    live: JoinHandle<Followed>,
    over: oneshot::Sender<()>,
    drain: JoinHandle<()>,
    simulator: Option<Watched>,
    service: Option<Serving>,
    /// Longest wait for the service to come to rest.
    rest: Duration,
    clock: LoadClock,
    /// The load is over, and no user is planned any more.
    resting: Arc<AtomicBool>,
    samples: Option<SampleFile>,
    journals: Option<RunJournals>,
    events: Arc<EventLog>,
}

impl Beginning {
    /// The load begins at this moment.
    async fn begin(self, clock: LoadClock, stop: &Stop, quiet: bool) -> Begun {
        let Self { test_plan, plan, writer, simulator, service, roles, samples, journals, events } = self;
        // First of all the vendors' timetable: it should run as little behind the load's clock as can be.
        let simulator = match simulator {
            Some(simulator) => Some(simulator.begin(clock, Arc::clone(&events), stop.clone()).await),
            None => None,
        };
        let service = match service {
            Some(service) => Some(service.begin(clock, Arc::clone(&events), stop.clone()).await),
            None => None,
        };
        let mut watch = ProcessWatch::new();
        for (role, pid) in roles {
            watch.watch(role, pid, clock.now());
        }
        let rest = rest(&test_plan);
        let resting = Arc::new(AtomicBool::new(false));
        let behind = simulator.as_ref().map_or(Duration::ZERO, Watched::behind);
        let mut recorder = RecorderBuilder::new(clock, stage_ends(&test_plan), fault_windows(&test_plan, behind));
        let samples = samples.map(|(file, sender)| {
            recorder.samples(sender);
            file
        });
        let sink: Arc<dyn EventSink> = Arc::clone(&events) as _;
        let (workload, collector) = plan.begin(clock, recorder, threads(), &sink);
        let (over, is_over) = oneshot::channel();
        let live = Live {
            clock,
            collector,
            workload: Arc::clone(&workload),
            service: service.as_ref().map(Serving::gauges),
            resting: Arc::clone(&resting),
            watch,
            writer,
            events: Arc::clone(&events),
            progress: Progress::start(quiet, test_plan.load.plan.duration()),
            stop: stop.clone(),
            plan: test_plan.load.plan,
            thresholds: test_plan.thresholds,
        };
        let live = tokio::spawn(live.follow(is_over));
        let draining = Arc::clone(&workload);
        let drain = tokio::spawn(async move { draining.drain().await });
        Begun { workload, live, over, drain, simulator, service, rest, clock, resting, samples, journals, events }
    }
}

impl Begun {
    async fn end(mut self, executor: Result<(), ExecutorError>, signals: &Signals, dir: &RunDir, options: &Options) -> Measured {
        let over_at = self.clock.now();
        if let Some(service) = &mut self.service {
            self.resting.store(true, Ordering::Release);
            service.rest(self.rest, || signals.interrupted()).await;
        }
        // Nothing is sent any more before the last cut: what it reads is at rest.
        let at_rest = self.workload.come_to_rest().await;
        self.drain.abort();
        let _ = self.drain.await;
        let _ = self.over.send(());
        let followed = match self.live.await {
            Ok(followed) => followed,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let (has_service, length) = (self.service.is_some(), followed.length);
        // The service first: what it has under way may still go to the vendors.
        let places = self.journals.is_some().then(|| dir.partial(PLACES));
        let service = match self.service {
            Some(service) => Some(service.end(places.as_deref()).await),
            None => None,
        };
        let has_places = at_rest.is_ok() && service.as_ref().is_none_or(|service| service.places);
        let kept_journals = self.journals.is_some();
        let journals = self.journals.map(|journals| journals.finish(dir, has_places)).unwrap_or_default();
        let simulator = match self.simulator {
            Some(simulator) => Some(simulator.end().await),
            None => None,
        };
        let vendors = simulator.as_ref().map(|_| dir.publish(VENDORS).map(|()| dir.file(VENDORS)));
        Measured {
            followed,
            events: self.events,
            workload: self.workload,
            simulator,
            service,
            rest: if has_service { length.saturating_sub(over_at) } else { Duration::ZERO },
            kept_journals,
            journals,
            vendors,
            samples: self.samples.map(|file| file.finish().and_then(|written| dir.publish(SAMPLES).map(|()| written))),
            interrupted: signals.interrupted(),
            executor,
            seed: options.seed,
            time_scale: options.time_scale,
            started: options.started,
        }
    }
}

/// Longest wait for a service to come to rest: that for iterations under way, or what the scenario expects if that is longer.
fn rest(test_plan: &TestPlan) -> Duration {
    test_plan.load.graceful_stop.max(test_plan.expectations.drains_within.unwrap_or_default())
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn stage_ends(test_plan: &TestPlan) -> Vec<Duration> {
    let stages = test_plan.load.plan.stages().iter();
    stages
        .scan(Duration::ZERO, |end, stage| {
            *end += stage.duration;
            Some(*end)
        })
        .collect()
}

/// When the faults are active, where the timetable's clock is `behind` the load's.
fn fault_windows(test_plan: &TestPlan, behind: Duration) -> Vec<FaultWindow> {
    let window = |fault: &mock_server::fault::Fault| FaultWindow {
        vendor: fault.vendor.or(fault.kind.only_of()).map(Vendor::from),
        from: fault.at + behind,
        to: fault.ends().unwrap_or(Duration::MAX).saturating_add(behind),
    };
    // What happens to callbacks is not done to requests.
    let hits_requests = |fault: &&mock_server::fault::Fault| !matches!(fault.kind, FaultKind::Webhook { .. });
    test_plan.faults.iter().filter(hits_requests).map(window).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_request_is_under_a_fault_by_the_vendors_clock_in_the_time_that_the_run_takes() {
        let text = "name = \"x\"\nquestion = \"?\"\nexecutor = \"constant-vus\"\nvus = 1\nduration = \"100s\"\n\
                    journeys = [{ journey = \"clay.enrich\" }]\n\
                    faults = [{ name = \"o\", kind = \"outage\", vendor = \"clay\", at = \"20s\", lasts = \"10s\" }]\n";
        let test_plan = TestPlan::parse(text, Path::new("x.toml")).expect("a valid scenario").scaled(0.1);
        let ms = Duration::from_millis;
        let window = FaultWindow { vendor: Some(Vendor::Clay), from: ms(2_003), to: ms(3_003) };
        assert_eq!(fault_windows(&test_plan, ms(3)), [window]);
        assert_eq!(stage_ends(&test_plan), [ms(10_000)]);
    }
}
