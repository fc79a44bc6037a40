//! The table of transitions that a correct breaker passes, one test a row, with the row's number. Those that need the
//! whole pipeline (21, 22, 25) are in `breaker_in_pipeline.rs`, those about retries alone (27, 29) in `retry.rs`.

use std::collections::BTreeSet;
use std::sync::Barrier;

use crate::resilience::breaker::{Breaker, Permit, Rejected};
use crate::resilience::settings::{BreakerSettings, Window};

use super::*;

const CLOSED: BreakerState = BreakerState::Closed;
const OPEN: BreakerState = BreakerState::Open;
const HALF_OPEN: BreakerState = BreakerState::HalfOpen;
const FORCED_OPEN: BreakerState = BreakerState::ForcedOpen;

struct Bench {
    breaker: Breaker,
    log: Arc<Log>,
    start: Instant,
}

fn bench(settings: BreakerSettings) -> Bench {
    let start = Instant::now();
    let log = Arc::new(Log::default());
    let breaker = Breaker::new(settings, Seed(1).stream("breaker"), emitter(start, &log), start);
    Bench { breaker, log, start }
}

impl Bench {
    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn permit(&self, seconds: u64) -> Permit<'_> {
        self.breaker.try_acquire(self.at(seconds)).expect("a permit")
    }

    /// Calls at a second, one letter each: S success, F failure, I ignored.
    fn run(&self, seconds: u64, calls: &str) {
        let now = self.at(seconds);
        for call in calls.chars() {
            let permit = self.permit(seconds);
            match call {
                'S' => permit.success(now, Duration::from_millis(1)),
                'F' => permit.failure(now, Duration::from_millis(1)),
                'I' => permit.ignore(now),
                other => panic!("no such call: {other}"),
            }
        }
    }

    fn state(&self) -> BreakerState {
        self.breaker.state()
    }

    fn entered(&self) -> Vec<BreakerState> {
        self.log.entered(Guard::CircuitBreaker)
    }

    /// Open since second 0, half-open at second 5, with one probe out.
    fn half_open(&self) -> Permit<'_> {
        self.run(0, "FFFFF");
        let probe = self.permit(5);
        assert_eq!(self.state(), HALF_OPEN);
        probe
    }
}

#[test]
fn row_01_below_the_minimum_it_stays_closed_and_the_rate_is_undefined() {
    let bench = bench(table());
    bench.run(0, "FFFF");
    assert_eq!(bench.state(), CLOSED);
    let metrics = bench.breaker.metrics(bench.at(0));
    assert_eq!((metrics.calls, metrics.failures, metrics.failure_rate), (4, 4, None));
}

#[test]
fn row_02_three_of_five_open_it_on_the_fifth_with_one_event() {
    let bench = bench(table());
    bench.run(0, "FFFS");
    assert_eq!(bench.state(), CLOSED);
    bench.run(0, "S");
    assert_eq!(bench.entered(), [OPEN]);
    let [Event { kind: EventKind::Transition { from, cause, calls, failures, .. }, .. }] = &bench.log.all()[..] else {
        panic!("{:?}", bench.log.all())
    };
    assert_eq!((*from, cause.as_str(), *calls, *failures), (CLOSED, "failure rate 60 % of 5 calls reached 50 %", 5, 3));
}

#[test]
fn row_03_exactly_the_limit_at_the_minimum_opens_it() {
    let bench = bench(BreakerSettings { minimum_calls: 6, ..table() });
    bench.run(0, "SSSFF");
    assert_eq!(bench.state(), CLOSED);
    bench.run(0, "F");
    assert_eq!(bench.state(), OPEN);
    assert_eq!(bench.log.last_cause(), "failure rate 50 % of 6 calls reached 50 %");
}

#[test]
fn row_04_old_successes_do_not_outweigh_new_failures() {
    let bench = bench(table());
    bench.run(0, &"S".repeat(1_000));
    bench.run(1, "FFFF");
    assert_eq!(bench.state(), CLOSED);
    bench.run(1, "F");
    assert_eq!(bench.state(), OPEN);
}

#[test]
fn row_05_a_time_window_counts_the_calls_of_its_span() {
    let (window, span) = (Window::Time, Duration::from_secs(20));
    let bench = bench(BreakerSettings { window, span, minimum_calls: 6, ..table() });
    for (second, call) in [(0, "S"), (1, "S"), (2, "S"), (3, "F"), (4, "F")] {
        bench.run(second, call);
        assert_eq!(bench.state(), CLOSED, "at {second} s");
    }
    bench.run(5, "F");
    assert_eq!(bench.state(), OPEN);
}

#[test]
fn row_06_a_time_window_forgets_what_is_older() {
    let (window, span) = (Window::Time, Duration::from_secs(20));
    let late = bench(BreakerSettings { window, span, ..table() });
    late.run(0, "FFFF");
    late.run(20, "F");
    assert_eq!(late.state(), CLOSED);
    assert_eq!(late.breaker.metrics(late.at(20)).calls, 1);

    let in_time = bench(BreakerSettings { window, span, ..table() });
    in_time.run(0, "FFFF");
    in_time.run(19, "F");
    assert_eq!(in_time.state(), OPEN, "within the span they count");
}

#[test]
fn row_07_slow_successes_open_it() {
    let settings = BreakerSettings { slow_call: Some(Duration::from_secs(4)), ..table() };
    let bench = bench(settings);
    for (index, elapsed_ms) in [4_001, 10, 4_001, 4_000, 5_000].into_iter().enumerate() {
        assert_eq!(bench.state(), CLOSED, "before call {index}");
        bench.permit(0).success(bench.at(0), Duration::from_millis(elapsed_ms));
    }
    assert_eq!(bench.state(), OPEN);
    assert_eq!(bench.log.last_cause(), "60 % of 5 calls slower than 4s reached 50 %");
}

#[test]
fn row_08_while_open_calls_are_rejected_and_count_as_nothing() {
    let bench = bench(table());
    bench.run(0, "SSFFF");
    let before = bench.breaker.metrics(bench.at(3));
    assert_eq!((before.calls, before.failures), (5, 3));
    let rejected = bench.breaker.try_acquire(bench.at(3)).expect_err("it is open");
    assert_eq!(rejected, Rejected { state: OPEN, retry_at: Some(bench.at(5)) });
    assert_eq!(bench.breaker.metrics(bench.at(3)), before);
}

#[test]
fn row_09_a_call_at_the_very_end_of_the_cool_down_is_a_probe() {
    let bench = bench(table());
    bench.run(0, "FFFFF");
    let early = bench.at(5) - Duration::from_nanos(1);
    assert!(bench.breaker.try_acquire(early).is_err());
    let _probe = bench.permit(5);
    assert_eq!(bench.entered(), [OPEN, HALF_OPEN]);
    assert_eq!(bench.log.last_cause(), "cool-down of 5s over");
}

#[test]
fn row_10_reading_the_state_changes_nothing() {
    let bench = bench(table());
    bench.run(0, "FFFFF");
    assert_eq!(bench.state(), OPEN);
    assert_eq!(bench.breaker.metrics(bench.at(100)).state, OPEN);
    assert_eq!(bench.breaker.would_reject(bench.at(100)), None, "a call would pass");
    assert_eq!(bench.state(), OPEN);
    assert_eq!(bench.entered(), [OPEN]);
}

#[tokio::test(start_paused = true)]
async fn row_11_of_fifty_concurrent_tasks_one_is_sent() {
    let bench = Arc::new(bench(BreakerSettings { half_open_permits: 1, ..table() }));
    bench.run(0, "FFFFF");
    tokio::time::advance(Duration::from_secs(5)).await;
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let Ok(permit) = bench.breaker.try_acquire(Instant::now()) else { return 0 };
                tokio::time::sleep(Duration::from_millis(100)).await;
                permit.success(Instant::now(), Duration::from_millis(100));
                1
            })
        })
        .collect();
    let mut sent = 0;
    for call in calls {
        sent += call.await.expect("the call ends");
    }
    assert_eq!(sent, 1);
}

#[test]
fn row_11_racing_threads_never_get_more_probes_than_permits() {
    for permits in [1, 3] {
        for round in 0..50 {
            let bench = bench(BreakerSettings { half_open_permits: permits, ..table() });
            bench.run(0, "FFFFF");
            let barrier = Barrier::new(20);
            let results: Vec<_> = std::thread::scope(|scope| {
                let race = || {
                    barrier.wait();
                    bench.breaker.try_acquire(bench.at(5))
                };
                let threads: Vec<_> = (0..20).map(|_| scope.spawn(race)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            let sent = results.iter().filter(|result| result.is_ok()).count();
            assert_eq!(sent, permits as usize, "round {round}");
        }
    }
}

#[test]
fn row_12_three_successful_probes_close_it_with_an_empty_window() {
    let bench = bench(table());
    bench.run(0, "FFFFF");
    bench.run(5, "SS");
    assert_eq!(bench.state(), HALF_OPEN);
    bench.run(5, "S");
    assert_eq!(bench.state(), CLOSED);
    assert_eq!(bench.log.last_cause(), "3 successes while half-open");
    assert_eq!(bench.breaker.metrics(bench.at(5)).calls, 0);
    bench.run(6, "FFFF");
    assert_eq!(bench.state(), CLOSED, "the failures from before the trip are forgotten");
}

#[test]
fn row_13_any_failed_probe_opens_it_again_for_a_whole_cool_down() {
    let bench = bench(table());
    bench.run(0, "FFFFF");
    bench.run(5, "SS");
    bench.run(7, "F");
    assert_eq!(bench.entered(), [OPEN, HALF_OPEN, OPEN]);
    assert!(bench.breaker.try_acquire(bench.at(11)).is_err());
    bench.run(12, "SS");
    assert_eq!(bench.state(), HALF_OPEN, "successes of the earlier period don't count");
}

#[tokio::test(start_paused = true)]
async fn row_14_a_dropped_probe_gives_its_permit_back_and_is_no_success() {
    let bench = bench(BreakerSettings { half_open_permits: 1, success_threshold: 1, ..table() });
    bench.run(0, "FFFFF");
    tokio::time::advance(Duration::from_secs(5)).await;
    let call = async {
        let _permit = bench.permit(5);
        std::future::pending::<()>().await;
    };
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err(), "the probe's future is dropped");
    assert_eq!(bench.state(), HALF_OPEN);
    bench.run(6, "S");
    assert_eq!(bench.state(), CLOSED);
}

#[test]
fn row_15_a_probe_that_never_settles_opens_it_after_the_longest_wait() {
    let bench = bench(BreakerSettings { half_open_permits: 1, half_open_max: Duration::from_secs(60), ..table() });
    let stuck = bench.half_open();
    let before = bench.at(65) - Duration::from_nanos(1);
    assert_eq!(bench.breaker.try_acquire(before).expect_err("no permit").state, HALF_OPEN);
    let rejected = bench.breaker.try_acquire(bench.at(65)).expect_err("no permit");
    assert_eq!(rejected, Rejected { state: OPEN, retry_at: Some(bench.at(70)) });
    assert_eq!(bench.log.last_cause(), "half-open for 1m without a decision");
    bench.run(70, "S");
    assert_eq!(bench.entered(), [OPEN, HALF_OPEN, OPEN, HALF_OPEN]);
    stuck.success(bench.at(71), Duration::from_secs(66));
    assert_eq!(bench.breaker.metrics(bench.at(71)).stale, 1);
}

#[test]
fn row_15_a_probe_that_settles_too_late_decides_nothing() {
    let bench = bench(BreakerSettings { success_threshold: 1, ..table() });
    let late = bench.half_open();
    late.success(bench.at(65), Duration::from_secs(60));
    assert_eq!(bench.state(), OPEN);
}

#[tokio::test(start_paused = true)]
async fn row_16_a_probe_that_panics_opens_it_and_frees_its_permit() {
    let bench = Arc::new(bench(BreakerSettings { half_open_permits: 1, ..table() }));
    bench.run(0, "FFFFF");
    tokio::time::advance(Duration::from_secs(5)).await;
    let call = tokio::spawn({
        let bench = Arc::clone(&bench);
        async move {
            let _permit = bench.permit(5);
            panic!("the probe panics, as the row says");
        }
    });
    assert!(call.await.expect_err("it panics").is_panic());
    assert_eq!(bench.entered(), [OPEN, HALF_OPEN, OPEN]);
    let _free = bench.permit(10);
    assert_eq!(bench.state(), HALF_OPEN);
}

#[test]
fn row_17_a_success_from_before_the_trip_is_ignored_and_counted() {
    let bench = bench(BreakerSettings { success_threshold: 1, ..table() });
    let old = bench.permit(0);
    let _probe = bench.half_open();
    old.success(bench.at(6), Duration::from_secs(6));
    assert_eq!(bench.state(), HALF_OPEN);
    assert_eq!(bench.breaker.metrics(bench.at(6)).stale, 1);
    assert_eq!(bench.log.stale(), [true]);
}

#[test]
fn row_18_a_failure_from_before_the_trip_is_ignored_and_counted() {
    let bench = bench(table());
    let old = bench.permit(0);
    let _probe = bench.half_open();
    old.failure(bench.at(6), Duration::from_secs(6));
    assert_eq!(bench.state(), HALF_OPEN);
    assert_eq!(bench.breaker.metrics(bench.at(6)).stale, 1);
    assert_eq!(bench.log.stale(), [false]);
}

#[test]
fn row_19_a_late_failure_while_open_moves_no_deadline_and_is_no_event() {
    let bench = bench(table());
    let late = bench.permit(0);
    bench.run(0, "FFFFF");
    late.failure(bench.at(4), Duration::from_secs(4));
    assert_eq!(bench.log.all().len(), 1);
    assert_eq!(bench.breaker.metrics(bench.at(4)).stale, 1);
    assert!(bench.breaker.try_acquire(bench.at(5)).is_ok());
}

#[test]
fn row_20_a_result_of_an_earlier_half_open_period_frees_no_slot() {
    let bench = bench(BreakerSettings { half_open_permits: 2, ..table() });
    let earlier = bench.half_open();
    bench.run(6, "F");
    let (_one, _two) = (bench.permit(11), bench.permit(11));
    earlier.success(bench.at(12), Duration::from_secs(7));
    assert_eq!(bench.state(), HALF_OPEN);
    assert!(bench.breaker.try_acquire(bench.at(12)).is_err(), "both slots are taken");
    assert_eq!(bench.log.stale(), [true]);
}

#[test]
fn row_21_excluded_outcomes_count_as_nothing_and_give_a_probe_s_permit_back() {
    let bench = bench(BreakerSettings { half_open_permits: 1, ..table() });
    bench.run(0, "IIIIIIIIII");
    assert_eq!((bench.state(), bench.breaker.metrics(bench.at(0)).calls), (CLOSED, 0));
    bench.run(0, "FFFFF");
    bench.run(5, "IIII");
    assert_eq!(bench.state(), HALF_OPEN);
    bench.run(5, "SSS");
    assert_eq!(bench.state(), CLOSED);
}

#[test]
fn row_23_forced_open_stays_open_until_it_is_reset_and_is_then_empty() {
    let bench = bench(table());
    bench.run(0, "FFFF");
    bench.breaker.set_mode(BreakerMode::ForcedOpen, bench.at(0));
    let rejected = bench.breaker.try_acquire(bench.at(3_600)).expect_err("it is held open");
    assert_eq!(rejected, Rejected { state: FORCED_OPEN, retry_at: None });
    bench.breaker.set_mode(BreakerMode::InForce, bench.at(3_600));
    assert_eq!(bench.entered(), [FORCED_OPEN, CLOSED]);
    assert_eq!(bench.breaker.metrics(bench.at(3_600)).calls, 0);
    bench.run(3_600, "FFFF");
    assert_eq!(bench.state(), CLOSED);
}

#[test]
fn row_24_two_threads_that_cross_the_threshold_together_open_it_once() {
    for _ in 0..200 {
        let bench = bench(table());
        bench.run(0, "FFFF");
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let permit = bench.permit(0);
                    barrier.wait();
                    permit.failure(bench.at(0), Duration::ZERO);
                });
            }
        });
        assert_eq!(bench.entered(), [OPEN]);
        assert_eq!(bench.breaker.metrics(bench.at(0)).stale, 1, "the other came late");
    }
}

#[test]
fn row_26_a_hundred_instances_that_trip_together_probe_apart() {
    let settings = BreakerSettings { cooldown_jitter: 0.5, ..table() };
    let start = Instant::now();
    let probe_after = |instance| {
        let log = Arc::new(Log::default());
        let rng = Seed(9).numbered_stream("instance", instance);
        let bench = Bench { breaker: Breaker::new(settings, rng, emitter(start, &log), start), log, start };
        bench.run(0, "FFFFF");
        let rejected = bench.breaker.try_acquire(start).expect_err("it is open");
        rejected.retry_at.expect("a time").duration_since(start)
    };
    let waits: BTreeSet<Duration> = (0..100).map(probe_after).collect();
    assert_eq!(waits.len(), 100, "no two together");
    let (first, last) = (waits.first().expect("100").as_secs_f64(), waits.last().expect("100").as_secs_f64());
    assert!((5.0..5.3).contains(&first) && (7.2..=7.5).contains(&last), "{first} to {last}");
    let repeated: BTreeSet<Duration> = (0..100).map(probe_after).collect();
    assert_eq!(waits, repeated, "the seed draws them");
}

#[test]
fn failures_in_a_row_open_it_and_a_success_starts_the_row_anew() {
    let bench = bench(BreakerSettings::default());
    bench.run(0, "FFFFSFFFF");
    assert_eq!(bench.state(), CLOSED);
    bench.run(0, "IF");
    assert_eq!(bench.state(), OPEN, "what is excluded does not break the row");
    assert_eq!(bench.log.last_cause(), "5 failures in a row");
}

#[test]
fn a_slow_probe_is_no_recovery() {
    let bench = bench(BreakerSettings { slow_call: Some(Duration::from_secs(4)), ..table() });
    bench.half_open().success(bench.at(10), Duration::from_secs(5));
    assert_eq!(bench.state(), OPEN);
    assert_eq!(bench.log.last_cause(), "a probe took 5s");
}

#[test]
fn a_panic_while_closed_is_a_failure() {
    let bench = bench(BreakerSettings { window: Window::Consecutive, failures: 1, ..table() });
    let panicked = std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let _permit = bench.permit(0);
            panic!("the call panics, as the test says");
        });
        call.join().is_err()
    });
    assert!(panicked);
    assert_eq!(bench.state(), OPEN);
}
