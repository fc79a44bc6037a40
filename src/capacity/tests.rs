//! The whole assessment on runs whose answers can be worked out on paper.

use std::time::Duration;

use super::*;
use crate::measure::{Gauges, GeneratorHealth, Labels, ProcessSample, SampleKind, Second, Series, Totals};
use crate::outcome::{FailureKind, Vendor};
use crate::plan::Planned;
use crate::result::{Machine, Run, RunEnd, RunResult, ScenarioRecord};
use crate::scenario::ThinkTime;
use crate::seed::Seed;

/// 30 s with 20 users, 10 iterations and 40 requests a second; iterations take 0.5 s; CPU as given, on 4 cores.
fn run(cpu_percent: f64) -> Run {
    let seconds = (0..30).map(|index| Second {
        start_us: index * 1_000_000,
        length_us: 1_000_000,
        planned: Planned { users: 20, ..Planned::default() },
        requests: 40,
        iterations: 10,
        iteration_us: 5_000_000,
        gauges: Gauges {
            users: 20,
            queue_depth: if index == 4 { 116 } else { 0 },
            breakers: [(Vendor::Clay, crate::event::BreakerState::Closed)].into(),
            ..Gauges::default()
        },
        processes: vec![
            ProcessSample { role: "harness".to_owned(), cpu_percent, memory_bytes: 80_000_000 },
            ProcessSample { role: "simulator".to_owned(), cpu_percent: 99.0, memory_bytes: 990_000_000 },
        ],
        ..Second::default()
    });
    let mut totals = Totals::default();
    add(&mut totals, SampleKind::Iteration, None, 500_000, 300);
    add(&mut totals, SampleKind::Attempt, None, 40_000, 1_170);
    add(&mut totals, SampleKind::Attempt, Some(FailureKind::ServerError), 40_000, 30);
    let scenario = ScenarioRecord {
        path: "scenarios/quickstart.toml".to_owned(),
        name: String::new(),
        question: String::new(),
        text: String::new(),
        environment: String::new(),
        version: String::new(),
        ramp: Vec::new(),
    };
    let result = RunResult {
        format: 1,
        written_by: String::new(),
        started_at: String::new(),
        scenario,
        seed: Seed(1),
        time_scale: 1.0,
        service: None,
        rest_us: 0,
        end: RunEnd::Completed,
        load_us: 30_000_000,
        generator: GeneratorHealth::default(),
        machine: Machine { cores: 4, memory_bytes: 100_000_000, build: "release".to_owned(), ..Machine::default() },
        leads: crate::outcome::LeadCounts::default(),
        operations: crate::outcome::OperationCounts::default(),
        credits_per_lead: None,
        checks: std::collections::BTreeMap::new(),
        dropped_iterations: 0,
        interrupted_iterations: 0,
        interrupted_requests: 0,
        panics: 0,
        sums: Vec::new(),
        events: Vec::new(),
        faults: Vec::new(),
        faulted_requests: Vec::new(),
        warnings: Vec::new(),
    };
    Run { result, seconds: seconds.collect(), totals, fault_latencies: Vec::new() }
}

fn add(totals: &mut Totals, kind: SampleKind, failure: Option<FailureKind>, us: u64, count: u64) {
    let mut histogram = hdrhistogram::Histogram::new(3).unwrap();
    histogram.record_n(us, count).unwrap();
    let labels = Labels { failure, ..Labels::new(kind, Vendor::Clay, "lead") };
    totals.series.insert(labels, Series { histogram, sum_us: us * count, bytes: 0 });
}

fn think(seconds: f64) -> Basis {
    Basis { think_time: Some(Duration::from_secs_f64(seconds)), cores: None, ..Basis::default() }
}

#[test]
fn the_estimate_rests_on_the_window_s_rate_and_cpu() {
    let estimate = assess(&run(50.0), &think(1.5)).estimate.unwrap();
    assert_eq!((estimate.current_rps, estimate.cpu_percent), (40.0, 50.0));
    assert!((estimate.max_rps - 56.0).abs() < 1e-9 && (estimate.headroom_percent - 40.0).abs() < 1e-9);
    assert_eq!(estimate.recommendation.as_str(), "Monitor closely");
}

#[test]
fn cpu_counts_against_the_cores_that_may_be_used() {
    let assessment = assess(&run(20.0), &Basis { think_time: None, cores: Some(1.0), ..Basis::default() });
    assert_eq!(assessment.estimate.unwrap().cpu_percent, 80.0);
    assert_eq!(assessment.alerts[0].level, Level::Warning);
    assert!(assessment.notes[0].contains("in percent of 1 core."));
}

#[test]
fn what_cannot_be_said_is_declined_with_its_reason() {
    let idle = assess(&run(24.0), &think(1.5));
    assert!(idle.estimate.is_none() && idle.declined.unwrap().contains("under 25 %"));
    let mut unread = run(50.0);
    unread.seconds.iter_mut().for_each(|second| second.processes.clear());
    assert!(assess(&unread, &think(1.5)).declined.unwrap().contains("could not be read"));
    let mut ramp = run(50.0);
    ramp.seconds.iter_mut().zip(1..).for_each(|(second, users)| second.planned.users = users);
    let ramp = assess(&ramp, &think(1.5));
    assert!(ramp.declined.unwrap().contains("no window") && ramp.window.is_none() && ramp.little.is_none());
}

#[test]
fn the_generators_cpu_is_never_taken_for_the_services() {
    let declined = |run: &Run| {
        let assessment = assess(run, &think(1.5));
        let notes = assessment.notes.join(" ");
        assert!(assessment.estimate.is_none() && !notes.contains("integration"), "{notes}");
        assert!(notes.contains("CPU is that of the load generator"), "{notes}");
        assert!(assessment.declined.unwrap().contains("load generator's"));
    };
    // Requests to a service by its URL.
    let mut by_url = run(50.0);
    let labels = Labels::new(SampleKind::Attempt, crate::outcome::Peer::Service, "service.leads");
    by_url.totals.add_histogram(labels, &run(50.0).totals.merged(SampleKind::Attempt, |_| true));
    declined(&by_url);
    // Requests that go through no pipeline.
    let mut direct = run(50.0);
    direct.seconds.iter_mut().for_each(|second| second.gauges.breakers.clear());
    declined(&direct);
    // A process of the service's own is measured apart.
    by_url.seconds.iter_mut().for_each(|second| second.processes[0].role = "integration".to_owned());
    assert!(assess(&by_url, &think(1.5)).estimate.is_some());
}

#[test]
fn a_queue_that_grows_means_over_capacity_whatever_cpu_says() {
    let over = |depth: fn(u64) -> u64| {
        let mut run = run(30.0);
        run.seconds.iter_mut().zip(0..).for_each(|(second, index)| second.gauges.queue_depth = depth(index));
        assess(&run, &think(1.5))
    };
    let growing = over(|index| index * 40);
    assert!(growing.estimate.is_none());
    assert!(growing.over_capacity[0].contains("the queue grew from "), "{:?}", growing.over_capacity);
    for comes_to_rest in
        [|_| 600, |index: u64| (index * 40).min(80), |index: u64| 1_200 - index * 40, |index: u64| index % 3 * 40]
    {
        assert_eq!(over(comes_to_rest).over_capacity, [""; 0]);
    }
}

#[test]
fn more_users_who_get_no_more_done_mean_over_capacity() {
    let after = |from: usize, rate: u64, iteration_us: u64| {
        let mut run = run(30.0);
        for second in &mut run.seconds[from..] {
            (second.planned.users, second.phase, second.requests, second.iteration_us) = (40, 1, rate, iteration_us);
        }
        assess(&run, &think(1.5)).over_capacity
    };
    let stages = |rate, iteration_us| after(15, rate, iteration_us);
    let flat = stages(41, 15_000_000);
    assert!(
        flat[0].starts_with("20 users got 40.0/s done and 40 users 41.0/s, while an iteration took 500 ms and then 1.50 s"),
        "{flat:?}"
    );
    assert!(!stages(22, 15_000_000).is_empty(), "throughput that falls");
    assert!(!after(25, 22, 15_000_000).is_empty(), "the higher plateau is shorter than the window");
    assert_eq!(stages(80, 5_000_000), [""; 0]);
}

#[test]
fn a_threshold_that_load_alone_fails_means_over_capacity() {
    let basis = Basis { missed: vec!["http_req_latency: p(95)<500".to_owned()], ..think(1.5) };
    let assessment = assess(&run(30.0), &basis);
    assert!(assessment.estimate.is_none() && assessment.over_capacity[0].contains("http_req_latency: p(95)<500 failed"));
}

#[test]
fn the_estimate_is_no_less_than_the_run_sustained() {
    // A ramp reached more than the steady window at 87.5 % CPU.
    let mut run = run(87.5);
    for (second, users) in run.seconds[15..].iter_mut().zip(21..) {
        (second.planned.users, second.requests) = (users, 60);
    }
    let estimate = assess(&run, &think(1.5)).estimate.unwrap();
    assert_eq!((estimate.current_rps, estimate.max_rps, estimate.recommendation.as_str()), (40.0, 60.0, "Adequate capacity"));
}

#[test]
fn the_notes_say_whose_cpu_it_is() {
    let notes = assess(&run(50.0), &think(1.5)).notes.join(" ");
    assert!(notes.contains("harness process") && notes.contains("load generator as well as the integration"), "{notes}");
    let mut debug = run(50.0);
    debug.result.machine.build = "debug".to_owned();
    assert!(assess(&debug, &think(1.5)).notes.join(" ").contains("debug build"));
}

#[test]
fn littles_law_agrees_within_ten_percent() {
    // 20 users = 10/s × (0.5 s + 1.5 s)
    let little = |think_time| assess(&run(50.0), &Basis { think_time, cores: None, ..Basis::default() }).little.unwrap();
    let exact = little(Some(Duration::from_millis(1_500)));
    assert!((exact.think_seconds - 1.5).abs() < 1e-9 && (exact.expected_users.unwrap() - 20.0).abs() < 1e-9);
    assert_eq!(exact.agrees, Some(true));
    assert_eq!(little(Some(Duration::from_millis(1_690))).agrees, Some(true));
    assert_eq!(little(Some(Duration::from_millis(1_710))).agrees, Some(false));
    assert_eq!(little(Some(Duration::from_millis(1_290))).agrees, Some(false));
    assert_eq!(little(None).agrees, None);
}

#[test]
fn littles_law_takes_everything_from_its_window() {
    // Five seconds that are five times as slow, and not in the window.
    let mut run = run(50.0);
    for second in &mut run.seconds[..5] {
        (second.requests, second.iteration_us) = (8, 25_000_000);
    }
    let little = assess(&run, &think(1.5)).little.unwrap();
    assert_eq!((little.iteration_seconds, little.agrees), (0.5, Some(true)));
}

#[test]
fn alerts_are_raised_above_their_levels_not_at_them() {
    let level = |cpu: f64| assess(&run(cpu), &think(1.5)).alerts[0].level;
    assert_eq!([70.0, 70.1, 85.0, 85.1].map(level), [Level::Ok, Level::Warning, Level::Warning, Level::Critical]);
}

#[test]
fn the_alert_table_has_the_document_s_rows() {
    let alerts = assess(&run(50.0), &think(1.5)).alerts;
    let rows: Vec<_> = alerts.iter().map(|a| (a.metric.as_str(), a.value.unwrap(), a.warning, a.critical, a.level)).collect();
    let expected = [
        ("CPU Utilization", 50.0, 70.0, 85.0, Level::Ok),
        ("Memory Usage", 80.0, 75.0, 90.0, Level::Warning),
        ("Request Queue Depth", 116.0, 100.0, 500.0, Level::Warning),
        ("Error Rate", 2.5, 1.0, 5.0, Level::Warning),
        ("P95 Latency", 40.031, 1_000.0, 3_000.0, Level::Ok),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn nothing_measured_is_unknown_rather_than_ok() {
    let mut empty = run(50.0);
    empty.seconds.clear();
    empty.totals = Totals::default();
    let alerts = assess(&empty, &think(1.5)).alerts;
    assert!(alerts.iter().all(|alert| alert.level == Level::Unknown && alert.value_text() == "not measured"));
}

#[test]
fn mean_think_times() {
    let mean = |think_time: ThinkTime| think_time.mean().as_secs_f64();
    let seconds = Duration::from_secs;
    assert_eq!(mean(ThinkTime::None), 0.0);
    assert_eq!(mean(ThinkTime::Fixed(seconds(1))), 1.0);
    assert_eq!(mean(ThinkTime::Uniform { min: seconds(1), max: seconds(4) }), 2.5);
    assert_eq!(mean(ThinkTime::Exponential { mean: seconds(2) }), 2.0);
    // σ = ln(10) / 2.32635 = 0.98979; mean = exp(σ² / 2) = 1.6320
    assert!((mean(ThinkTime::Lognormal { p50: seconds(1), p99: seconds(10) }) - 1.6320).abs() < 1e-4);
    assert_eq!(mean(ThinkTime::Lognormal { p50: Duration::ZERO, p99: Duration::ZERO }), 0.0);
}
