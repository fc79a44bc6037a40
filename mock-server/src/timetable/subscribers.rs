//! Reports of faults as they begin and end.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// A fault began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultChange {
    /// Its name.
    pub name: String,
    /// Began or ended.
    pub active: bool,
    /// Microseconds on the timetable's clock; 0 before it has started.
    pub at_us: u64,
}

/// Those who get reports.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Mutex<Vec<mpsc::UnboundedSender<FaultChange>>>);

impl Subscribers {
    pub(super) fn subscribe(&self) -> mpsc::UnboundedReceiver<FaultChange> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.lock().push(sender);
        receiver
    }

    pub(super) fn report(&self, change: &FaultChange) {
        // A subscriber that is gone is forgotten.
        self.0.lock().retain(|sender| sender.send(change.clone()).is_ok());
    }
}
