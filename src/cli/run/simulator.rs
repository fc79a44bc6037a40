//! The simulated vendors of a run: this program again, as a child process that ends with its parent whatever happens.

use std::sync::Arc;
use std::time::Duration;

use mock_server::counts::Count;
use mock_server::process::{Child, ChildError};
use mock_server::settings::SimulationSettings;
use mock_server::timetable::FaultChange;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::events::EventLog;
use crate::clock::LoadClock;
use crate::event::{Event, EventKind, EventSink};
use crate::executor::{Level, Stop};
use crate::journey::{EndpointError, Endpoints};
use crate::scenario::Scenario;
use crate::seed::Seed;

/// The simulator could not be started.
#[derive(Debug, Error)]
pub(super) enum SimulatorError {
    #[error("cannot find this program to start the simulated vendors with: {0}")]
    NoProgram(#[source] std::io::Error),
    #[error(transparent)]
    Start(#[from] ChildError),
}

/// The simulator of a run, before the load.
pub(super) struct Simulator {
    settings: SimulationSettings,
    child: Child,
}

/// What is known of the simulator when the run has ended.
#[derive(Debug, Default)]
pub(super) struct SimulatorOutcome {
    /// How it was lost, if it ended before the run did.
    pub(super) lost: Option<String>,
    /// What it answered; empty when it was lost.
    pub(super) counts: Vec<Count>,
    /// Largest possible distance of its clock from the load's.
    pub(super) skew: Duration,
}

impl Simulator {
    /// Starts it, and waits until it listens.
    pub(super) async fn start(scenario: &Scenario, seed: Seed) -> Result<Self, SimulatorError> {
        let program = std::env::current_exe().map_err(SimulatorError::NoProgram)?;
        let mut command = tokio::process::Command::new(program);
        command.args(["mock", "--stdio"]);
        let settings = SimulationSettings { seed: seed.0, faults: scenario.faults.clone(), ..scenario.simulation.clone() };
        let child = Child::spawn(command, &settings).await?;
        Ok(Self { settings, child })
    }

    /// Where it listens and what it lets in.
    pub(super) fn endpoints(&self) -> Result<Endpoints, EndpointError> {
        Endpoints::simulated(self.child.clay_url(), self.child.customer_io_url(), &self.settings)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The load begins: its timetable starts, and from now on its death ends the load.
    pub(super) async fn begin(self, clock: LoadClock, events: Arc<EventLog>, stop: Stop) -> Watched {
        let Self { mut child, .. } = self;
        // A child that does not answer here has ended, or will be found out by the watcher.
        let start = child.start().await;
        let (offset, skew) = start.map_or((Duration::ZERO, Duration::ZERO), |start| (clock.at(start.at), start.skew));
        let faults = child.take_faults();
        let watcher = Watcher { child, faults, clock, offset, skew, events, stop };
        let (end, ended) = oneshot::channel();
        Watched { end, watcher: tokio::spawn(watcher.watch(ended)) }
    }
}

/// The simulator while the load runs.
pub(super) struct Watched {
    end: oneshot::Sender<()>,
    watcher: JoinHandle<SimulatorOutcome>,
}

impl Watched {
    /// The run is over: what it answered, and its end.
    pub(super) async fn end(self) -> SimulatorOutcome {
        let _ = self.end.send(());
        self.watcher.await.unwrap_or_default()
    }
}

/// Listens to the simulator while the load runs.
struct Watcher {
    child: Child,
    faults: Option<mpsc::UnboundedReceiver<FaultChange>>,
    clock: LoadClock,
    /// What the load's clock showed when the timetable's was zero.
    offset: Duration,
    skew: Duration,
    events: Arc<EventLog>,
    stop: Stop,
}

impl Watcher {
    async fn watch(mut self, mut ended: oneshot::Receiver<()>) -> SimulatorOutcome {
        let mut death = std::pin::pin!(self.child.wait());
        let mut faults = self.faults.take();
        loop {
            tokio::select! {
                Some(change) = next(&mut faults) => self.fault(change),
                death = &mut death => return self.lost(death.how),
                _ = &mut ended => break,
            }
        }
        let counts = self.child.counts().await.unwrap_or_default();
        self.child.stop().await;
        SimulatorOutcome { lost: None, counts, skew: self.skew }
    }

    fn fault(&self, change: FaultChange) {
        let at_us = change.at_us + self.offset.as_micros() as u64;
        self.events.emit(Event { at_us, vendor: None, kind: EventKind::Fault { name: change.name, active: change.active } });
    }

    fn lost(&self, how: String) -> SimulatorOutcome {
        let kind = EventKind::ProcessLost { process: "simulator".to_owned(), how: how.clone() };
        self.events.emit(Event { at_us: self.clock.now().as_micros() as u64, vendor: None, kind });
        self.stop.raise(Level::CutOff);
        SimulatorOutcome { lost: Some(how), counts: Vec::new(), skew: self.skew }
    }
}

async fn next(faults: &mut Option<mpsc::UnboundedReceiver<FaultChange>>) -> Option<FaultChange> {
    match faults {
        Some(faults) => faults.recv().await,
        None => std::future::pending().await,
    }
}
