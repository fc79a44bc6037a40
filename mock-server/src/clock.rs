//! The wall clock, for headers that give a date. Everything else runs on tokio's clock, which tests can pause.

use std::time::SystemTime;

/// The date and time by the machine's wall clock.
#[allow(clippy::disallowed_methods, reason = "an HTTP date is a wall date; nothing is measured with it")]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}
