//! Races of a breaker, in orders that a checker of interleavings draws: where real threads meet a race by luck, it tries
//! thousands of orders of the same few steps. A failure prints the order, and how to replay it.
//!
//! It is a test program of its own because the checker takes over how panics are reported.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll::clock::LoadClock;
use plimsoll::event::{BreakerState, Event, EventKind, EventSink};
use plimsoll::outcome::Vendor;
use plimsoll::resilience::breaker::{Breaker, Lock, Locks, Permit};
use plimsoll::resilience::{BreakerSettings, Emitter, Window};
use plimsoll::seed::Seed;
use shuttle::sync::Mutex as CheckedMutex;
use tokio::time::Instant;

const SEED: u64 = 20_260_301;
const ORDERS: usize = 2_000;

/// Keeps what was emitted.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<EventKind>>);

impl EventSink for Log {
    fn emit(&self, event: Event) {
        self.0.lock().expect("no panic").push(event.kind);
    }
}

impl Log {
    /// The states that the breaker entered.
    fn entered(&self) -> Vec<BreakerState> {
        let events = self.0.lock().expect("no panic");
        let state = |kind: &EventKind| match kind {
            EventKind::Transition { to, .. } => Some(*to),
            _ => None,
        };
        events.iter().filter_map(state).collect()
    }

    /// For each stale result whether it was a success.
    fn stale(&self) -> Vec<bool> {
        let events = self.0.lock().expect("no panic");
        let stale = |kind: &EventKind| match kind {
            EventKind::StaleResult { success } => Some(*success),
            _ => None,
        };
        events.iter().filter_map(stale).collect()
    }
}

/// What holds in the table of transitions.
fn table() -> BreakerSettings {
    BreakerSettings { window: Window::Count, calls: 10, cooldown: Duration::from_secs(5), ..BreakerSettings::default() }
}

/// Locks whose order the checker decides.
#[derive(Debug)]
struct Checked;

#[derive(Debug)]
struct CheckedLock<T>(CheckedMutex<T>);

impl Locks for Checked {
    type Lock<T: Debug> = CheckedLock<T>;
}

impl<T: Debug> Lock<T> for CheckedLock<T> {
    fn new(value: T) -> Self {
        Self(CheckedMutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().expect("no panic under the lock"))
    }
}

struct Race {
    breaker: Breaker<Checked>,
    log: Arc<Log>,
    start: Instant,
}

impl Race {
    fn new(settings: BreakerSettings) -> Self {
        let start = Instant::now();
        let log = Arc::new(Log::default());
        let emitter = Emitter::new(Vendor::Clay, LoadClock::starting_at(start), log.clone());
        Self { breaker: Breaker::new(settings, Seed(1).stream("breaker"), emitter, start), log, start }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn permit(&self, seconds: u64) -> Permit<'_, Checked> {
        self.breaker.try_acquire(self.at(seconds)).expect("a permit")
    }

    fn fail(&self, seconds: u64, times: u32) {
        for _ in 0..times {
            self.permit(seconds).failure(self.at(seconds), Duration::ZERO);
        }
    }
}

/// Runs threads of the checker to their end.
fn together(threads: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = threads.into_iter().map(shuttle::thread::spawn).collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
}

#[test]
fn row_24_two_results_that_cross_the_threshold_open_it_once_in_whatever_order() {
    let race = || {
        let race = Arc::new(Race::new(table()));
        race.fail(0, 4);
        let crossing = || {
            let race = Arc::clone(&race);
            Box::new(move || {
                if let Ok(permit) = race.breaker.try_acquire(race.at(0)) {
                    permit.failure(race.at(0), Duration::ZERO);
                }
            }) as Box<dyn FnOnce() + Send>
        };
        together(vec![crossing(), crossing(), crossing()]);
        assert_eq!(race.log.entered(), [BreakerState::Open]);
    };
    shuttle::check_random_with_seed(race, SEED, ORDERS);
}

#[test]
fn row_11_in_a_thousand_races_never_more_probes_than_permits() {
    let race = || {
        let race = Arc::new(Race::new(BreakerSettings { half_open_permits: 2, success_threshold: 3, ..table() }));
        race.fail(0, 5);
        let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let probing = |index: u32| {
            let (race, under_way, most) = (Arc::clone(&race), Arc::clone(&under_way), Arc::clone(&most));
            Box::new(move || {
                let Ok(permit) = race.breaker.try_acquire(race.at(5)) else { return };
                // A probe that got its permit after the circuit closed is none, and may be one of many.
                if race.breaker.state() == BreakerState::HalfOpen {
                    most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    shuttle::thread::yield_now();
                    under_way.fetch_sub(1, Ordering::SeqCst);
                }
                match index % 3 {
                    0 => permit.ignore(race.at(5)),
                    _ => permit.success(race.at(5), Duration::ZERO),
                }
            }) as Box<dyn FnOnce() + Send>
        };
        together((0..5).map(probing).collect());
        assert!(most.load(Ordering::SeqCst) <= 2, "{most:?} probes under way");
    };
    shuttle::check_random_with_seed(race, SEED, 1_000);
}

#[test]
fn row_20_a_late_result_that_races_the_probes_decides_nothing_and_frees_no_slot() {
    let race = || {
        let race = Arc::new(Race::new(BreakerSettings { half_open_permits: 1, success_threshold: 2, ..table() }));
        // Leaked, so that the permit can go to a thread: a few thousand small breakers.
        let race: &'static Arc<Race> = Box::leak(Box::new(race));
        let old = race.permit(0);
        race.fail(0, 5);
        let probe = race.permit(5);
        let late = Box::new(move || old.success(race.at(6), Duration::from_secs(6)));
        let probing = Box::new(move || probe.success(race.at(6), Duration::from_secs(1)));
        let asking = Box::new(move || {
            if let Ok(second) = race.breaker.try_acquire(race.at(6)) {
                second.ignore(race.at(6));
            }
        });
        together(vec![late, probing, asking]);
        assert_eq!(race.breaker.state(), BreakerState::HalfOpen, "one success of two, whatever the late one says");
        assert_eq!(race.breaker.metrics(race.at(6)).stale, 1);
        assert_eq!(race.log.stale(), [true]);
    };
    shuttle::check_random_with_seed(race, SEED, ORDERS);
}
