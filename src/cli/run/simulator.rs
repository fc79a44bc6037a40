//! The simulated vendors of a run: this program again, as a child process that ends with its parent whatever happens.

use std::sync::Arc;
use std::time::Duration;

use mock_server::process::{Child, ChildError, Count, Message};
use mock_server::settings::SimulationSettings;
use thiserror::Error;
use tokio::sync::oneshot;
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
    #[error("the simulated vendors could not be started: {0}")]
    Start(#[from] ChildError),
}

/// The simulator of a run.
pub(super) struct Simulator {
    settings: SimulationSettings,
    clay: String,
    customer_io: String,
    pid: u32,
    state: State,
    skew: Duration,
}

enum State {
    Waiting(Box<Child>),
    Watched { end: oneshot::Sender<()>, watcher: JoinHandle<SimulatorOutcome> },
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
        let (clay, customer_io, pid) = (child.clay_url().to_owned(), child.customer_io_url().to_owned(), child.pid());
        Ok(Self { settings, clay, customer_io, pid, state: State::Waiting(Box::new(child)), skew: Duration::ZERO })
    }

    /// Where it listens and what it lets in.
    pub(super) fn endpoints(&self) -> Result<Endpoints, EndpointError> {
        Endpoints::simulated(&self.clay, &self.customer_io, &self.settings)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The load begins: its timetable starts, and from now on its death ends the load.
    pub(super) async fn begin(&mut self, clock: LoadClock, events: Arc<EventLog>, stop: Stop) {
        let (end, ended) = oneshot::channel();
        let placeholder = State::Watched { end, watcher: tokio::spawn(async { SimulatorOutcome::default() }) };
        let State::Waiting(mut child) = std::mem::replace(&mut self.state, placeholder) else { return };
        let skew = child.start().await;
        self.skew = skew.as_ref().copied().unwrap_or_default();
        let watcher = Watcher { child, clock, events, stop, skew: self.skew };
        if let State::Watched { watcher: slot, .. } = &mut self.state {
            *slot = tokio::spawn(watcher.watch(ended));
        }
    }

    /// The run is over: what it answered, and its end.
    pub(super) async fn end(self) -> SimulatorOutcome {
        match self.state {
            State::Waiting(child) => {
                child.stop().await;
                SimulatorOutcome::default()
            }
            State::Watched { end, watcher } => {
                let _ = end.send(());
                watcher.await.unwrap_or_default()
            }
        }
    }
}

/// Listens to the simulator while the load runs.
struct Watcher {
    child: Box<Child>,
    clock: LoadClock,
    events: Arc<EventLog>,
    stop: Stop,
    skew: Duration,
}

impl Watcher {
    async fn watch(mut self, mut ended: oneshot::Receiver<()>) -> SimulatorOutcome {
        loop {
            tokio::select! {
                message = self.child.next_message() => match message {
                    Some(Message::Fault { name, active, at_us }) => self.emit(at_us, EventKind::Fault { name, active }),
                    Some(_) => {}
                    None => return self.lost().await,
                },
                _ = &mut ended => break,
            }
        }
        let counts = self.child.counts().await.unwrap_or_default();
        self.child.stop().await;
        SimulatorOutcome { lost: None, counts, skew: self.skew }
    }

    async fn lost(mut self) -> SimulatorOutcome {
        let how = self.child.wait().await;
        self.emit(self.clock.now().as_micros() as u64, EventKind::ProcessLost { process: "simulator".to_owned(), how: how.clone() });
        self.stop.raise(Level::CutOff);
        SimulatorOutcome { lost: Some(how), counts: Vec::new(), skew: self.skew }
    }

    fn emit(&self, at_us: u64, kind: EventKind) {
        self.events.emit(Event { at_us, vendor: None, kind });
    }
}
