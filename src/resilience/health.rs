//! Health: whether a vendor's link works, over the last minutes and not since the start.
//!
//! A count since the start hides an outage behind a week of success, and a window that is cleared on each reading shows
//! whatever happened since the last look. This one slides.

use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::event::{BreakerState, EventKind};

use super::emitter::Emitter;
use super::settings::HealthSettings;
use super::sliding::{SlidingTally, Tally};

/// Steps in which the window slides.
const BUCKETS: u32 = 60;
/// Fewest attempts in the window before a change of grade is an event.
pub const FEWEST_CALLS: u32 = 10;

/// How well a vendor's link works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// More than 95 % succeed, by default.
    Healthy,
    /// More than 80 %.
    Degraded,
    /// No more.
    Unhealthy,
}

impl Grade {
    /// The name in events and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What a health check shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthStatus {
    /// Healthy by its grade, and the circuit is not held or found open.
    pub healthy: bool,
    /// The grade.
    pub grade: Grade,
    /// Successes in percent over the window; 100 with no data.
    pub score: f64,
    /// How long the last answered attempt took; `None` before the first.
    pub latency: Option<Duration>,
    /// The circuit breaker's state, where there is one.
    pub circuit: Option<BreakerState>,
    /// Operations in the fallback queue.
    pub queue_depth: u64,
    /// When an attempt succeeded last.
    pub last_success: Option<Instant>,
    /// When an attempt failed last.
    pub last_failure: Option<Instant>,
}

/// Watches the attempts that were sent.
#[derive(Debug)]
pub struct HealthMonitor {
    settings: HealthSettings,
    emitter: Emitter,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    window: SlidingTally,
    reported: Grade,
    latency: Option<Duration>,
    last_success: Option<Instant>,
    last_failure: Option<Instant>,
}

impl HealthMonitor {
    /// A monitor that has seen nothing: healthy.
    pub fn new(settings: HealthSettings, emitter: Emitter, now: Instant) -> Self {
        let window = SlidingTally::new(settings.window, BUCKETS, now);
        let seen = Seen { window, reported: Grade::Healthy, latency: None, last_success: None, last_failure: None };
        Self { settings, emitter, seen: Mutex::new(seen) }
    }

    /// Takes the result of one attempt.
    pub fn record(&self, now: Instant, success: bool, elapsed: Duration) {
        let changed = {
            let mut seen = self.seen.lock();
            seen.window.record(now, !success, false);
            seen.latency = Some(elapsed);
            *(if success { &mut seen.last_success } else { &mut seen.last_failure }) = Some(now);
            let (calls, score, grade) = self.graded(&mut seen, now);
            (calls >= FEWEST_CALLS && grade != seen.reported)
                .then(|| (std::mem::replace(&mut seen.reported, grade), grade, score))
        };
        if let Some((from, to, score)) = changed {
            let kind = EventKind::Health { from: from.as_str().to_owned(), to: to.as_str().to_owned(), score };
            self.emitter.emit(now, kind);
        }
    }

    /// What a health check shows at `now`.
    pub fn status(&self, now: Instant, circuit: Option<BreakerState>, queue_depth: u64) -> HealthStatus {
        let mut seen = self.seen.lock();
        let (_, score, grade) = self.graded(&mut seen, now);
        let circuit_open = matches!(circuit, Some(BreakerState::Open | BreakerState::ForcedOpen));
        HealthStatus {
            healthy: grade == Grade::Healthy && !circuit_open,
            grade,
            score,
            latency: seen.latency,
            circuit,
            queue_depth,
            last_success: seen.last_success,
            last_failure: seen.last_failure,
        }
    }

    /// The attempts of the window, successes among them in percent, and what grade that is.
    fn graded(&self, seen: &mut Seen, now: Instant) -> (u32, f64, Grade) {
        let Tally { calls, failures, .. } = seen.window.tally(now);
        let score = if calls == 0 { 100.0 } else { f64::from(calls - failures) / f64::from(calls) * 100.0 };
        let grade = if score > self.settings.healthy_above {
            Grade::Healthy
        } else if score > self.settings.degraded_above {
            Grade::Degraded
        } else {
            Grade::Unhealthy
        };
        (calls, score, grade)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::clock::LoadClock;
    use crate::event::{Event, EventSink};
    use crate::outcome::Vendor;

    use super::*;

    #[derive(Default)]
    struct Log(Mutex<Vec<Event>>);

    impl EventSink for Log {
        fn emit(&self, event: Event) {
            self.0.lock().push(event);
        }
    }

    fn monitor(start: Instant) -> (HealthMonitor, Arc<Log>) {
        let log = Arc::new(Log::default());
        let emitter = Emitter::new(Vendor::Clay, LoadClock::starting_at(start), log.clone());
        (HealthMonitor::new(HealthSettings::default(), emitter, start), log)
    }

    fn record(monitor: &HealthMonitor, now: Instant, successes: u32, failures: u32) {
        for index in 0..successes + failures {
            monitor.record(now, index < successes, Duration::from_millis(5));
        }
    }

    #[test]
    fn grades_are_the_document_s() {
        let start = Instant::now();
        for (successes, failures, grade) in [
            (0, 0, Grade::Healthy),
            (96, 4, Grade::Healthy),
            (95, 5, Grade::Degraded),
            (81, 19, Grade::Degraded),
            (80, 20, Grade::Unhealthy),
            (0, 1, Grade::Unhealthy),
        ] {
            let (monitor, _) = monitor(start);
            record(&monitor, start, successes, failures);
            assert_eq!(monitor.status(start, None, 0).grade, grade, "{successes} of {}", successes + failures);
        }
    }

    #[test]
    fn with_no_data_it_is_100() {
        let start = Instant::now();
        let status = monitor(start).0.status(start, Some(BreakerState::Closed), 3);
        assert_eq!((status.score, status.healthy, status.queue_depth), (100.0, true, 3));
        assert_eq!((status.latency, status.last_success, status.last_failure), (None, None, None));
    }

    #[test]
    fn the_window_slides_and_is_not_reset_by_reading() {
        let start = Instant::now();
        let (monitor, _) = monitor(start);
        record(&monitor, start, 0, 10);
        record(&monitor, start + Duration::from_secs(200), 30, 0);
        let score = |at| monitor.status(start + Duration::from_secs(at), None, 0).score;
        assert_eq!(score(200), 75.0);
        assert_eq!(score(294), 75.0, "reading changes nothing");
        assert_eq!(score(301), 100.0, "the failures have left the window");
        assert_eq!(score(500), 100.0);
    }

    #[test]
    fn a_change_of_grade_is_one_event_and_needs_some_calls() {
        let start = Instant::now();
        let (monitor, log) = monitor(start);
        record(&monitor, start, 0, 9);
        assert!(log.0.lock().is_empty(), "nine calls are too few");
        record(&monitor, start, 0, 50);
        let events = log.0.lock().clone();
        let [Event { kind: EventKind::Health { from, to, score }, vendor: Some(Vendor::Clay), .. }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((from.as_str(), to.as_str(), *score), ("healthy", "unhealthy", 0.0));
        record(&monitor, start + Duration::from_secs(400), 20, 0);
        assert_eq!(log.0.lock().len(), 2, "and back");
    }

    #[test]
    fn an_open_circuit_is_not_healthy_whatever_the_score() {
        let start = Instant::now();
        let (monitor, _) = monitor(start);
        assert!(!monitor.status(start, Some(BreakerState::Open), 0).healthy);
        assert!(monitor.status(start, Some(BreakerState::HalfOpen), 0).healthy);
    }
}
