//! SIGINT and SIGTERM: the first ends the load and lets iterations finish, the second cuts them off. Either way everything
//! measured so far is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cli::output;
use crate::executor::{Level, Stop};

/// How many signals came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    count: Arc<AtomicU32>,
}

impl Signals {
    /// Takes the signals of this process over, before Goose could.
    pub(crate) fn install(stop: &Stop) -> Result<Self, ctrlc::Error> {
        let signals = Self::default();
        let (count, stop) = (Arc::clone(&signals.count), stop.clone());
        ctrlc::set_handler(move || match count.fetch_add(1, Ordering::AcqRel) {
            0 => {
                output::remark("\ninterrupted: ending the load, then writing what was measured (once more: cut it off)");
                stop.raise(Level::Finish);
            }
            1 => {
                output::remark("interrupted again: cutting off, writing what was measured");
                stop.raise(Level::CutOff);
            }
            _ => {}
        })?;
        Ok(signals)
    }

    /// Whether a signal came.
    pub(crate) fn interrupted(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }
}
