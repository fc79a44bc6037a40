//! A load under way, and its end.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::events::EventLog;
use super::journals::RunJournals;
use super::live::Live;
use super::options::RunOptions;
use super::prepare::Prepared;
use super::simulator::{RunningSimulator, SimulatorOutcome};
use crate::clock::LoadClock;
use crate::event::{Event, EventKind, EventSink};
use crate::executor::{ExecutorError, Stop};
use crate::journal::{PLACES, VENDORS};
use crate::journey::Workload;
use crate::measure::{GeneratorWatch, ProcessWatch, RecorderBuilder};
use crate::scenario::TestPlan;
use crate::service::supervision::{ServiceOutcome, WatchedService};
use crate::units::micros;

/// A load under way.
pub(super) struct Running {
    pub(super) clock: LoadClock,
    began: DateTime<Utc>,
    pub(super) workload: Arc<Workload>,
    live: JoinHandle<Live>,
    events: Arc<EventLog>,
    over: oneshot::Sender<()>,
    drain: JoinHandle<()>,
    simulator: Option<RunningSimulator>,
    service: Option<WatchedService>,
    /// Longest wait for the service to come to rest.
    rest: Duration,
    /// The load is over, and no user is planned any more.
    resting: Arc<AtomicBool>,
    journals: Option<RunJournals>,
}

/// A load that has ended, with everything that was measured.
pub(super) struct Ended {
    /// When the load began, by the wall clock.
    pub(super) began: DateTime<Utc>,
    pub(super) live: Live,
    pub(super) simulator: Option<SimulatorOutcome>,
    pub(super) service: Option<ServiceOutcome>,
    /// The end of the load in which nothing was submitted any more, and a service came to rest.
    pub(super) rest: Duration,
    /// Whether journals of leads were kept.
    pub(super) kept_journals: bool,
    /// What the journals lack.
    pub(super) journals: Vec<String>,
    /// The vendors' ledger, where there are simulated vendors.
    pub(super) vendors: Option<std::io::Result<PathBuf>>,
    /// The caller ended the run.
    pub(super) interrupted: bool,
    pub(super) executor: Result<(), ExecutorError>,
}

impl Prepared {
    /// The load begins: `clock` has just started, when the wall clock showed `began`. `stop` is the load's own.
    pub(super) async fn start(self, clock: LoadClock, began: DateTime<Utc>, stop: &Stop) -> Running {
        let Self { test_plan, plan, directory, sinks, simulator, service, roles, journals } = self;
        let events = Arc::new(EventLog::default());
        let sink: Arc<dyn EventSink> = Arc::clone(&events) as _;
        // First of all the vendors' timetable: it should run as little behind the load's clock as can be.
        let simulator = match simulator {
            Some(simulator) => Some(simulator.begin(clock, Arc::clone(&sink), stop.clone()).await),
            None => None,
        };
        let service = match service {
            Some(service) => Some(service.watch(clock, Arc::clone(&sink), stop.clone()).await),
            None => None,
        };
        let mut watch = ProcessWatch::new();
        for (role, pid) in roles {
            watch.watch(role, pid, clock.now());
        }
        let rest = rest(&test_plan);
        let resting = Arc::new(AtomicBool::new(false));
        let faults = simulator.as_ref().map(RunningSimulator::fault_windows).unwrap_or_default();
        let mut recorder = RecorderBuilder::new(clock, stage_ends(&test_plan), faults);
        for receiver in sinks.sample_receivers() {
            recorder.receiver(receiver);
        }
        let (workload, collector) = plan.begin(clock, recorder, threads(), &sink);
        let (over, is_over) = oneshot::channel();
        let live = Live {
            clock,
            collector,
            workload: Arc::clone(&workload),
            service: service.as_ref().map(WatchedService::gauges),
            credits: simulator.as_ref().map(RunningSimulator::credits),
            resting: Arc::clone(&resting),
            watch,
            generator: GeneratorWatch::start(),
            directory,
            sinks,
            events: Arc::clone(&events),
            stop: stop.clone(),
            load: test_plan.total_load(),
            thresholds: test_plan.thresholds,
            seconds: Vec::new(),
            aborted: None,
            write_error: None,
        };
        let live = tokio::spawn(live.follow(is_over));
        let draining = Arc::clone(&workload);
        let drain = tokio::spawn(async move { draining.drain().await });
        Running { clock, began, workload, live, events, over, drain, simulator, service, rest, resting, journals }
    }
}

impl Running {
    /// The load's users have stopped, as `executor` says, the last of them at `work_ended`: everything comes to rest, and the
    /// processes end. `stop` is the caller's.
    pub(super) async fn end(
        mut self,
        executor: Result<(), ExecutorError>,
        work_ended: Option<Duration>,
        options: &RunOptions,
        stop: &Stop,
    ) -> Ended {
        let over_at = work_ended.unwrap_or_else(|| self.clock.now());
        let (clock, events) = (self.clock, Arc::clone(&self.events));
        let tell = |what| events.emit(Event { at_us: micros(clock.now()), vendor: None, kind: EventKind::Waiting { what } });
        if let Some(service) = &mut self.service {
            self.resting.store(true, Ordering::Release);
            service.rest(self.rest, || !stop.running(), tell).await;
        }
        // Nothing is sent any more before the last cut: what it reads is at rest.
        self.workload.come_to_rest(tell).await;
        if let Some(simulator) = &self.simulator {
            simulator.read_credits().await;
        }
        self.drain.abort();
        let _ = self.drain.await;
        let _ = self.over.send(());
        let live = match self.live.await {
            Ok(live) => live,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let rest = live.length().saturating_sub(over_at);
        // The service first: what it has under way may still go to the vendors.
        let places = self.journals.is_some().then(|| options.dir.partial(PLACES));
        let service = match self.service {
            Some(service) => Some(service.end(places.as_deref()).await),
            None => None,
        };
        let has_places = service.as_ref().is_none_or(|service| service.places);
        let kept_journals = self.journals.is_some();
        let journals = self.journals.map(|journals| journals.finish(&options.dir, has_places)).unwrap_or_default();
        let simulator = match self.simulator {
            Some(simulator) => Some(simulator.end().await),
            None => None,
        };
        live.hand_on_events();
        Ended {
            began: self.began,
            live,
            vendors: simulator.as_ref().map(|_| options.dir.publish(VENDORS).map(|()| options.dir.file(VENDORS))),
            simulator,
            service,
            rest,
            kept_journals,
            journals,
            interrupted: !stop.running(),
            executor,
        }
    }
}

/// Longest wait for a service to come to rest: that for iterations under way, or what the scenario expects if that is longer.
fn rest(test_plan: &TestPlan) -> Duration {
    test_plan.total_load().graceful_stop().max(test_plan.expectations.drains_within.unwrap_or_default())
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn stage_ends(test_plan: &TestPlan) -> Vec<Duration> {
    test_plan.total_load().phases().iter().map(|phase| phase.end).collect()
}
