//! The fault timetable on the load's clock.
//!
//! A task of its own begins and ends faults, so that an outage ends on time even when nothing arrives. Before
//! the load begins no fault is active.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::edge::Edge;
use crate::fault::effect::Effect;
use crate::fault::share::Share;
use crate::fault::{Fault, FaultKind, Outage, SimulatedVendor};
use crate::seed::Seed;
use crate::vendor::Request;

/// A fault began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultChange {
    /// Its name.
    pub name: String,
    /// Began or ended.
    pub active: bool,
    /// Microseconds on the timetable's clock.
    pub at_us: u64,
}

/// A fault of one vendor, from its start to its end.
pub(crate) struct ActiveFault {
    pub(crate) name: Arc<str>,
    pub(crate) effect: Box<dyn Effect>,
    routes: Vec<String>,
    share: Share,
    rank: (u8, usize),
    refuses: bool,
    /// It never ends a request.
    pub(crate) delays: bool,
}

impl ActiveFault {
    pub(crate) fn begin(fault: &Fault, index: usize, seed: Seed, vendor: SimulatedVendor, now: Instant) -> Self {
        Self {
            name: Arc::from(fault.name.as_str()),
            effect: fault.effect(seed, vendor, now),
            routes: fault.routes.clone(),
            share: Share::new(fault.share, seed, &fault.name),
            rank: (fault.kind.rank(), index),
            refuses: fault.kind == FaultKind::Outage { how: Outage::Refuse },
            delays: matches!(fault.kind, FaultKind::Latency { .. }),
        }
    }

    /// A fault of every request that does what a test wants.
    #[cfg(test)]
    pub(crate) fn of_effect(name: &str, effect: Box<dyn Effect>) -> Self {
        let share = Share::new(1.0, Seed(1), name);
        Self { name: Arc::from(name), effect, routes: Vec::new(), share, rank: (9, 0), refuses: false, delays: true }
    }

    /// Whether the request is in the fault's scope.
    pub(crate) fn hits(&self, route: &str, request: &Request<'_>) -> bool {
        (self.routes.is_empty() || self.routes.iter().any(|named| named == route)) && self.share.hits(request)
    }
}

/// The active faults of one vendor in the order in which they compose.
#[derive(Clone, Default)]
pub(crate) struct ActiveFaults(pub(crate) Arc<[Arc<ActiveFault>]>);

impl ActiveFaults {
    pub(crate) fn refuse_connections(&self) -> bool {
        self.0.iter().any(|fault| fault.refuses)
    }

    pub(crate) fn with(&self, fault: ActiveFault) -> Self {
        let mut faults = self.0.to_vec();
        faults.push(Arc::new(fault));
        faults.sort_by_key(|fault| fault.rank);
        Self(faults.into())
    }

    fn without(&self, index: usize) -> Self {
        Self(self.0.iter().filter(|fault| fault.rank.1 != index).cloned().collect())
    }
}

/// Tells whoever subscribed.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Mutex<Vec<mpsc::UnboundedSender<FaultChange>>>);

impl Subscribers {
    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<FaultChange> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    fn tell(&self, change: &FaultChange) {
        // A subscriber that is gone is forgotten.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|sender| sender.send(change.clone()).is_ok());
    }
}

/// What is to happen, and to whom.
pub(crate) struct Timetable {
    pub(crate) faults: Vec<Fault>,
    pub(crate) seed: Seed,
    pub(crate) edges: Vec<Arc<Edge>>,
    pub(crate) subscribers: Arc<Subscribers>,
}

impl Timetable {
    /// Begins and ends faults until the last has ended. The clock's zero is `start`.
    pub(crate) async fn run(self, start: Instant) {
        for step in steps(&self.faults) {
            if let Some(due) = start.checked_add(step.at) {
                tokio::time::sleep_until(due).await;
            } else {
                return;
            }
            self.take(&step).await;
            let change = FaultChange {
                name: self.faults[step.index].name.clone(),
                active: step.begins,
                at_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
            };
            self.subscribers.tell(&change);
        }
    }

    async fn take(&self, step: &Step) {
        let fault = &self.faults[step.index];
        for edge in self.edges.iter().filter(|edge| fault.concerns(edge.vendor())) {
            let active = edge.active();
            let active = if step.begins {
                active.with(ActiveFault::begin(fault, step.index, self.seed, edge.vendor(), Instant::now()))
            } else {
                active.without(step.index)
            };
            edge.set_active(active).await;
        }
    }
}

/// A fault begins or ends.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    at: Duration,
    begins: bool,
    index: usize,
}

/// Every begin and end in order of time; at one time, ends come before begins, so that an outage that follows another
/// at once is not cut short by the first one's end.
fn steps(faults: &[Fault]) -> Vec<Step> {
    let mut steps: Vec<Step> = faults
        .iter()
        .enumerate()
        .flat_map(|(index, fault)| [Step { at: fault.at, begins: true, index }, Step { at: fault.ends(), begins: false, index }])
        .collect();
    steps.sort_by_key(|step| (step.at, step.begins, step.index));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(at: u64, lasts: u64) -> Fault {
        Fault {
            name: format!("{at}+{lasts}"),
            vendor: None,
            routes: Vec::new(),
            at: Duration::from_secs(at),
            lasts: Duration::from_secs(lasts),
            share: 1.0,
            kind: FaultKind::Outage { how: Outage::Unavailable },
        }
    }

    #[test]
    fn steps_are_in_order_and_ends_come_first() {
        let order: Vec<_> =
            steps(&[fault(10, 5), fault(5, 5)]).into_iter().map(|step| (step.at.as_secs(), step.begins, step.index)).collect();
        assert_eq!(order, [(5, true, 1), (10, false, 1), (10, true, 0), (15, false, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn faults_begin_and_end_on_time_without_any_request() {
        let subscribers = Arc::new(Subscribers::default());
        let mut changes = subscribers.subscribe();
        let start = Instant::now();
        Timetable { faults: vec![fault(10, 5), fault(12, 1)], seed: Seed(1), edges: Vec::new(), subscribers }.run(start).await;
        let mut seen = Vec::new();
        while let Ok(change) = changes.try_recv() {
            seen.push((change.name, change.active, change.at_us));
        }
        let expected = [("10+5", true, 10), ("12+1", true, 12), ("12+1", false, 13), ("10+5", false, 15)];
        assert_eq!(seen, expected.map(|(name, active, at)| (name.to_owned(), active, at * 1_000_000)));
    }
}
