//! The task that begins and ends faults, and the handle that adds and removes them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::schedule::{Schedule, Step};
use super::state::{FaultChange, FaultState};
use super::target::FaultTarget;
use crate::duration::micros;
use crate::fault::{ActiveFault, ActiveFaults, Fault, FaultProblem};
use crate::seed::Seed;

/// Most faults that may be scheduled or active at once. Every request is put before all that are active.
const MOST_LIVING: usize = 1_000;

/// Why a fault could not be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// It makes no sense.
    #[error("the fault `{name}` makes no sense: {}", list(problems))]
    Invalid {
        /// Its name.
        name: String,
        /// Everything that is wrong with it.
        problems: Vec<FaultProblem>,
    },
    /// Another of its name is scheduled or active.
    #[error("there is a fault `{name}` already; remove it first, or give this one another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Too many are scheduled or active.
    #[error("{MOST_LIVING} faults are scheduled or active, which is the most there can be; remove some first")]
    TooMany,
    /// The simulation has been shut down.
    #[error("the simulated vendors have been shut down")]
    Ended,
}

fn list(problems: &[FaultProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The faults of a simulation: those of its timetable, and those that are added by hand. Dropped, it begins and ends no more.
pub(crate) struct Faults {
    shared: Arc<Shared>,
    settled: watch::Receiver<u64>,
    /// One task, which ends with this.
    driver: Mutex<JoinSet<()>>,
}

struct Shared {
    schedule: Mutex<Schedule>,
    changed: Notify,
    subscribers: Mutex<Vec<mpsc::UnboundedSender<FaultChange>>>,
}

impl Faults {
    /// Control over `timetable`, whose clock has not started, and over faults by hand. No fault is in force at the targets yet.
    /// Must be called inside a runtime.
    pub(crate) fn new(timetable: Vec<Fault>, seed: Seed, targets: Vec<Arc<dyn FaultTarget>>) -> Self {
        let schedule = Mutex::new(Schedule::new(timetable));
        let shared = Arc::new(Shared { schedule, changed: Notify::new(), subscribers: Mutex::default() });
        let (sender, settled) = watch::channel(0);
        let targets = targets.into_iter().map(|target| (target, ActiveFaults::default())).collect();
        let driver = Mutex::new(JoinSet::from_iter([Driver { shared: shared.clone(), seed, targets }.run(sender)]));
        Self { shared, settled, driver }
    }

    /// Starts the timetable's clock at `zero`, which may be in the past or to come: faults whose time has passed entirely
    /// never begin. Only the first call does so; others return `false`.
    pub(crate) fn start(&self, zero: Instant) -> bool {
        let started = self.shared.schedule.lock().start(zero);
        self.shared.changed.notify_one();
        started
    }

    /// The zero of the timetable's clock, where it has been started.
    pub(crate) fn zero(&self) -> Option<Instant> {
        self.shared.schedule.lock().zero
    }

    /// What the timetable's clock shows; 0 before its zero, and `None` where it has not been started.
    pub(crate) fn elapsed(&self) -> Option<Duration> {
        self.zero().map(|zero| Instant::now().saturating_duration_since(zero))
    }

    /// Adds a fault by hand. Its `at` counts from now, and `lasts` is its time to live. When this returns, a fault that begins
    /// at once is in force. It is added even if the caller stops waiting.
    ///
    /// # Errors
    ///
    /// It makes no sense, its name is taken by one that is scheduled or active, there are too many, or the simulation has been
    /// shut down.
    pub(crate) async fn add(&self, fault: Fault) -> Result<(), AddError> {
        fault.validate().map_err(|problems| AddError::Invalid { name: fault.name.clone(), problems })?;
        let revision = {
            let mut schedule = self.shared.schedule.lock();
            if schedule.lives(&fault.name) {
                return Err(AddError::NameTaken { name: fault.name });
            }
            if schedule.living() >= MOST_LIVING {
                return Err(AddError::TooMany);
            }
            schedule.add(fault, Instant::now());
            schedule.revision
        };
        if self.settle(revision).await { Ok(()) } else { Err(AddError::Ended) }
    }

    /// Ends a fault of this name, of the timetable or by hand, or lets it never begin. When this returns it is no longer in
    /// force. Returns whether there was one that was scheduled or active.
    pub(crate) async fn remove(&self, name: &str) -> bool {
        self.remove_those(|fault, _| fault.name == name).await
    }

    /// As [`Faults::remove`], for every fault.
    pub(crate) async fn clear(&self) {
        self.remove_those(|_, _| true).await;
    }

    /// As [`Faults::remove`], for every fault that was added by hand.
    pub(crate) async fn remove_by_hand(&self) {
        self.remove_those(|_, by_hand| by_hand).await;
    }

    async fn remove_those(&self, chosen: impl Fn(&Fault, bool) -> bool) -> bool {
        let (any, revision) = {
            let mut schedule = self.shared.schedule.lock();
            (schedule.remove(Instant::now(), chosen), schedule.revision)
        };
        self.settle(revision).await;
        any
    }

    /// Every fault and how it stands, the timetable's first; of those by hand that are over, the latest hundred.
    pub(crate) fn list(&self) -> Vec<FaultState> {
        self.shared.schedule.lock().list(Instant::now())
    }

    /// Faults as they begin and end, from now on: a begin when the fault is in force, an end when it no longer is.
    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<FaultChange> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.subscribers.lock().push(sender);
        receiver
    }

    /// Ends the task, and waits until it has ended. Faults that are in force stay so.
    pub(crate) async fn end(&self) {
        let mut driver = std::mem::take(&mut *self.driver.lock());
        driver.shutdown().await;
    }

    /// Waits until everything up to `revision` has been done; `false` where it never will be.
    async fn settle(&self, revision: u64) -> bool {
        self.shared.changed.notify_one();
        self.settled.clone().wait_for(|settled| *settled >= revision).await.is_ok()
    }
}

/// The task. It alone begins and ends faults, so nothing is done half where a caller stops waiting.
struct Driver {
    shared: Arc<Shared>,
    seed: Seed,
    /// Each with what is in force there.
    targets: Vec<(Arc<dyn FaultTarget>, ActiveFaults)>,
}

impl Driver {
    /// Begins and ends faults when they are due.
    async fn run(mut self, settled: watch::Sender<u64>) {
        loop {
            let revision = self.shared.schedule.lock().revision;
            while let Some(step) = self.shared.due() {
                self.take(step).await;
            }
            settled.send_replace(revision);
            let next = self.shared.schedule.lock().next().map(|step| step.due);
            tokio::select! {
                // Either way the schedule is looked at next, so their order does not matter.
                biased;
                () = at(next) => {}
                () = self.shared.changed.notified() => {}
            }
        }
    }

    async fn take(&mut self, step: Step) {
        let begun = Instant::now();
        if step.begins && !self.shared.schedule.lock().begin(&step, begun) {
            return;
        }
        for (target, active) in &mut self.targets {
            let vendor = target.name();
            if step.fault.concerns(vendor) {
                *active = if step.begins {
                    let fault = ActiveFault::begin(&step.fault, step.index, self.seed, vendor, step.due);
                    active.with(fault.counting(step.hits.clone()))
                } else {
                    active.without(step.index)
                };
                target.apply(active.clone()).await;
            }
        }
        self.shared.is_done(&step, if step.begins { begun } else { Instant::now() });
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

impl Shared {
    fn due(&self) -> Option<Step> {
        self.schedule.lock().next().filter(|step| step.due <= Instant::now())
    }

    /// Notes that a fault is in force everywhere, or no longer anywhere, and reports it: from `at` on it is in force somewhere, or
    /// no longer anywhere. What it does while it comes into force, like closing connections, must not come before it.
    fn is_done(&self, step: &Step, at: Instant) {
        let zero = {
            let mut schedule = self.schedule.lock();
            if !step.begins {
                schedule.ended(step);
            }
            schedule.zero
        };
        let elapsed = zero.map(|zero| at.saturating_duration_since(zero)).unwrap_or_default();
        let change = FaultChange { name: step.fault.name.clone(), active: step.begins, at_us: micros(elapsed) };
        // A subscriber that is gone is forgotten.
        self.subscribers.lock().retain(|sender| sender.send(change.clone()).is_ok());
    }
}
