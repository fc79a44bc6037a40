//! The wall clock, for headers and answers that give a date. Everything else runs on tokio's clock, which tests can pause.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::time::Instant;

/// The wall clock that dates are taken from: the machine's, or one that goes with tokio's clock.
#[derive(Debug, Clone, Copy)]
pub struct DayClock(
    /// What it showed at an instant, where it is not the machine's.
    Option<(SystemTime, Instant)>,
);

impl DayClock {
    /// The machine's wall clock.
    pub fn machine() -> Self {
        Self(None)
    }

    /// A clock that shows `date` now and advances with tokio's clock: with a paused clock, every run sees the same dates.
    pub fn starting_at(date: SystemTime) -> Self {
        Self(Some((date, Instant::now())))
    }

    /// The date and time at `now`, which must be the current instant.
    pub fn date(&self, now: Instant) -> SystemTime {
        match self.0 {
            Some((date, at)) => date + now.saturating_duration_since(at),
            None => wall_clock(),
        }
    }

    /// Time since 1970 at `now`; zero for a clock that stands before.
    pub(crate) fn unix(&self, now: Instant) -> Duration {
        self.date(now).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

#[allow(clippy::disallowed_methods, reason = "an HTTP date is a wall date; nothing is measured with it")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// A date and time as ISO 8601 gives it, in UTC and to the millisecond: `2026-06-16T17:50:00.000Z`.
pub(crate) fn iso_8601(date: SystemTime) -> String {
    DateTime::<Utc>::from(date).to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_starts_at_a_date_advances_with_tokios() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let clock = DayClock::starting_at(start);
        tokio::time::advance(Duration::from_secs(86_400)).await;
        assert_eq!(clock.date(Instant::now()), start + Duration::from_secs(86_400));
        assert_eq!(iso_8601(start), "1970-01-01T00:16:40.000Z");
    }
}
