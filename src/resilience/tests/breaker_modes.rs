//! A breaker that is switched off, only measures, or is held open: by the settings, and while it runs.

use crate::resilience::breaker::Breaker;
use crate::resilience::operation::{Disposition, Source};

use super::*;

fn in_mode(mode: BreakerMode) -> PipelineSettings {
    PipelineSettings { breaker: Some(BreakerSettings { mode, ..table() }), ..no_retries() }
}

fn would_open(log: &Log) -> Vec<String> {
    let cause = |event: Event| match event.kind {
        EventKind::WouldOpen { cause, .. } => Some(cause),
        _ => None,
    };
    log.all().into_iter().filter_map(cause).collect()
}

#[tokio::test(start_paused = true)]
async fn one_that_is_switched_off_lets_everything_through_and_counts_nothing() {
    let rig = rig(in_mode(BreakerMode::Disabled));
    rig.vendor.then(status(503));
    for number in 0..100 {
        rig.pipeline.call(lead(number)).await;
    }
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().breaker), (100, Some(BreakerState::Disabled)));
    assert_eq!(rig.pipeline.breaker().expect("a breaker").metrics(Instant::now()).calls, 0);
    assert_eq!(rig.log.entered(Guard::CircuitBreaker), [BreakerState::Disabled], "it reports at the start that it is off");
    assert!(would_open(&rig.log).is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_only_measures_reports_once_what_it_would_do_and_rejects_nothing() {
    let rig = rig(in_mode(BreakerMode::MetricsOnly));
    rig.vendor.next((0..20).map(|_| status(503)));
    rig.vendor.next((0..20).map(|_| status(200)));
    rig.vendor.then(status(503));
    for number in 0..60 {
        rig.pipeline.call(lead(number)).await;
    }
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().breaker), (60, Some(BreakerState::MetricsOnly)));
    let expected = ["failure rate 100 % of 5 calls reached 50 %", "failure rate 50 % of 10 calls reached 50 %"];
    assert_eq!(would_open(&rig.log), expected, "once an outage");
    let metrics = rig.pipeline.breaker().expect("a breaker").metrics(Instant::now());
    assert_eq!((metrics.calls, metrics.failures, metrics.failure_rate), (10, 10, Some(100.0)));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_held_open_by_its_settings_sends_nothing_until_it_is_put_in_force() {
    let rig = rig(in_mode(BreakerMode::ForcedOpen));
    let expected = Disposition::Fallback { source: Source::Queued, cause: FailureKind::BreakerOpen };
    assert_eq!(rig.pipeline.call(lead(1)).await, expected);
    let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(4));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(rig.vendor.count(), 0);
    rig.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::InForce, Instant::now());
    tokio::time::sleep(Duration::from_secs(1)).await;
    drain.abort();
    assert_eq!((rig.vendor.count(), rig.pipeline.gauges().breaker), (1, Some(BreakerState::Closed)));
}

#[tokio::test(start_paused = true)]
async fn workers_that_wait_for_a_cool_down_go_on_when_somebody_closes_the_circuit() {
    let breaker = BreakerSettings { cooldown: Duration::from_secs(3_600), ..table() };
    let rig = rig(PipelineSettings { breaker: Some(breaker), ..no_retries() });
    rig.vendor.next((0..5).map(|_| status(503)));
    for number in 0..6 {
        rig.pipeline.call(lead(number)).await;
    }
    assert_eq!(rig.pipeline.gauges().breaker, Some(BreakerState::Open));
    let drain = tokio::spawn(Arc::clone(&rig.pipeline).work(2));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.vendor.count(), 5);
    rig.pipeline.breaker().expect("a breaker").set_mode(BreakerMode::InForce, Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    drain.abort();
    assert_eq!(rig.pipeline.gauges().counts.delivered, 6);
}

#[test]
fn results_of_calls_from_before_a_switch_count_for_nothing() {
    let start = Instant::now();
    let log = Arc::new(Log::default());
    let breaker: Breaker = Breaker::new(table(), Seed(1).stream("breaker"), emitter(start, &log), start);
    let before: Vec<_> = (0..10).map(|_| breaker.try_acquire(start).expect("it is closed")).collect();
    breaker.set_mode(BreakerMode::Disabled, start);
    breaker.set_mode(BreakerMode::InForce, start);
    for permit in before {
        permit.failure(start, Duration::ZERO);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(breaker.metrics(start).stale, 10);
    use BreakerState::{Closed, Disabled};
    assert_eq!(log.entered(Guard::CircuitBreaker), [Disabled, Closed]);
}

#[test]
fn each_of_the_29_rows_of_the_table_is_a_test_that_carries_its_number() {
    let tests = concat!(
        include_str!("breaker_transitions.rs"),
        include_str!("breaker_in_pipeline.rs"),
        include_str!("whole_pipeline.rs"),
        include_str!("../retry.rs"),
    );
    let mut lines = tests.lines().map(str::trim);
    let mut rows = std::collections::BTreeSet::new();
    while let Some(line) = lines.next() {
        if !(line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
            continue;
        }
        let name = lines.next().unwrap_or_default();
        let number =
            name.trim_start_matches("async ").strip_prefix("fn row_").and_then(|rest| rest.get(..2)?.parse::<u32>().ok());
        rows.extend(number);
    }
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), (1..=29).collect::<Vec<_>>());
}
