//! The load's clock: every time in a run counts from the instant the load began.
//!
//! It follows tokio's monotonic time, so a jump of the wall clock cannot bend a measurement and tests can pause it.
//! The wall clock is read here only, to date a report.

use std::time::Duration;

use tokio::time::Instant;

/// A skew between two processes' clocks beyond this is worth a warning.
pub const NOTABLE_SKEW: Duration = Duration::from_millis(20);

/// Time since the load began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadClock {
    start: Instant,
}

impl LoadClock {
    /// Starts the clock now.
    pub fn start() -> Self {
        Self::starting_at(Instant::now())
    }

    /// A clock whose zero is `start`.
    pub fn starting_at(start: Instant) -> Self {
        Self { start }
    }

    /// Time since the load began.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The instant at which the clock shows `at`.
    pub fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }

    /// What the clock showed at `instant`; zero for an instant before the load began.
    pub fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.start)
    }
}

/// The date and time by the machine's wall clock, in UTC. For labels; never for measuring.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's wall clock")]
pub fn wall_clock() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
