//! SIGINT and SIGTERM: the first ends the load and lets iterations finish, the second cuts them off. Either way everything
//! measured so far is written.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::cli::output;
use crate::executor::{Level, Stop};

/// Takes the signals of this process over, before Goose could.
pub(super) fn install(stop: &Stop) -> Result<(), ctrlc::Error> {
    let (count, stop) = (AtomicU32::new(0), stop.clone());
    ctrlc::set_handler(move || match count.fetch_add(1, Ordering::AcqRel) {
        0 => {
            output::remark("interrupted: ending the load, then writing what was measured (once more: cut it off)");
            stop.raise(Level::Finish);
        }
        1 => {
            output::remark("interrupted again: cutting off, writing what was measured");
            stop.raise(Level::CutOff);
        }
        _ => {}
    })
}
