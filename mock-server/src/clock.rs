//! The wall clock, for headers and answers that give a date. Everything else runs on tokio's clock, which tests can pause.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// The date and time by the machine's wall clock.
#[allow(clippy::disallowed_methods, reason = "an HTTP date is a wall date; nothing is measured with it")]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Microseconds since 1970 by the machine's wall clock; 0 before.
pub(crate) fn unix_micros() -> u64 {
    let since = wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A date and time as ISO 8601 gives it, in UTC and to the millisecond: `2026-06-16T17:50:00.000Z`.
pub(crate) fn iso_8601(date: SystemTime) -> String {
    DateTime::<Utc>::from(date).to_rfc3339_opts(SecondsFormat::Millis, true)
}
