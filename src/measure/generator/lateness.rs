//! How late the load's runtime gets to a task that is due: so late it also gets to an answer that has come.

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::measure::{DIGITS, HIGHEST_US};
use crate::units::micros;

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(10);

/// An empty histogram of microseconds.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_US, DIGITS).expect("the bounds are right")
}

/// A task that is due every 10 ms and records how late it ran. Tokio's timers are whole milliseconds, so up to one is its own.
#[derive(Debug)]
pub(super) struct LatenessProbe {
    late: Arc<Mutex<Histogram<u64>>>,
    /// Ends with the probe.
    _task: JoinSet<()>,
}

impl LatenessProbe {
    pub(super) fn start() -> Self {
        let late = Arc::new(Mutex::new(histogram()));
        let record = Arc::clone(&late);
        let probe = async move {
            loop {
                let due = Instant::now() + PERIOD;
                sleep_until(due).await;
                record.lock().saturating_record(micros(due.elapsed()));
            }
        };
        Self { late, _task: JoinSet::from_iter([probe]) }
    }

    /// What was recorded since the last call.
    pub(super) fn take(&self) -> Histogram<u64> {
        std::mem::replace(&mut *self.late.lock(), histogram())
    }
}
