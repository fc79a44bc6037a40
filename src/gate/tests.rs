//! The gate on evidence made by hand: each metric, each aggregation, and what has no data.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::event::{BreakerState, Event, EventKind, Guard};
use crate::measure::{CheckCount, Gauges, GeneratorHealth, Labels, SampleKind, Second, Series, Totals};
use crate::outcome::{FailureKind, OperationCounts, Vendor};
use crate::plan::Planned;
use crate::result::{Machine, Run, RunEnd, RunResult, ScenarioRecord};
use crate::seed::Seed;
use crate::threshold::{Aggregation, Metric, MetricKind, Operator, Threshold};

use Aggregation::{Avg, Count, Max, Med, Min, Percentile, Rate, Value};
use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};

fn threshold(metric: Metric, tags: &[(&str, &str)], aggregation: Aggregation, operator: Operator, limit: f64) -> Threshold {
    Threshold {
        metric,
        tags: tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        aggregation,
        operator,
        limit,
        source: "as written".to_owned(),
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
    }
}

fn add(totals: &mut Totals, kind: SampleKind, vendor: Vendor, failure: Option<FailureKind>, samples: &[(u64, u64)]) {
    let status = if failure.is_some() { 503 } else { 200 };
    if kind == SampleKind::Attempt {
        add(totals, SampleKind::Duration, vendor, failure, samples);
    }
    let labels = Labels { status, failure, ..Labels::new(kind, vendor, "r") };
    let new = || Series { histogram: hdrhistogram::Histogram::new(3).unwrap(), sum_us: 0, bytes: 0 };
    let series = totals.series.entry(labels).or_insert_with(new);
    for (us, count) in samples {
        series.histogram.record_n(*us, *count).unwrap();
        series.sum_us += us * count;
    }
}

/// 10 s: 90 requests to Clay of 100 ms, 10 of 300 ms that failed, 100 to Customer.io of 20.003 ms; 50 iterations of 500 ms.
pub(super) fn run() -> Run {
    let mut totals = Totals::default();
    add(&mut totals, SampleKind::Attempt, Vendor::Clay, None, &[(100_000, 90)]);
    add(&mut totals, SampleKind::Attempt, Vendor::Clay, Some(FailureKind::ServerError), &[(300_000, 10)]);
    add(&mut totals, SampleKind::Attempt, Vendor::CustomerIo, None, &[(20_003, 100)]);
    add(&mut totals, SampleKind::Iteration, Vendor::Clay, None, &[(500_000, 50)]);
    totals.checks.insert("status is 200".to_owned(), CheckCount { passes: 190, fails: 10 });
    totals.checks.insert("fast".to_owned(), CheckCount { passes: 100, fails: 100 });
    let seconds = (0..10).map(|index| Second {
        start_us: index * 1_000_000,
        length_us: 1_000_000,
        planned: Planned { users: 5, ..Planned::default() },
        gauges: Gauges {
            users: 5,
            queue_depth: if index == 9 { 3 } else { index * 10 },
            credits_used: Some(index * 7),
            credits_reserved: index * 6,
            breakers: BTreeMap::from([(Vendor::Clay, BreakerState::Closed), (Vendor::CustomerIo, BreakerState::Closed)]),
            ..Gauges::default()
        },
        ..Second::default()
    });
    let result = RunResult {
        format: crate::result::FORMAT,
        written_by: String::new(),
        started_at: String::new(),
        scenario: ScenarioRecord {
            path: "scenarios/quickstart.toml".to_owned(),
            name: String::new(),
            question: String::new(),
            text: String::new(),
            environment: String::new(),
            version: String::new(),
            ramp: Vec::new(),
        },
        seed: Seed(1),
        time_scale: 1.0,
        service: None,
        rest_us: 0,
        end: RunEnd::Completed,
        load_us: 10_000_000,
        generator: GeneratorHealth::default(),
        machine: Machine::default(),
        leads: crate::outcome::LeadCounts::default(),
        operations: OperationCounts { submitted: 100, delivered: 98, lost: 2, ..OperationCounts::default() },
        credits_per_lead: None,
        checks: BTreeMap::new(),
        dropped_iterations: 0,
        interrupted_iterations: 0,
        interrupted_requests: 0,
        panics: 0,
        sums: Vec::new(),
        events: vec![
            opening(4_000_000, Vendor::Clay, BreakerState::Closed, BreakerState::Open),
            opening(6_500_000, Vendor::Clay, BreakerState::Open, BreakerState::Closed),
            opening(9_000_000, Vendor::CustomerIo, BreakerState::Closed, BreakerState::Open),
        ],
        faults: Vec::new(),
        faulted_requests: Vec::new(),
        warnings: Vec::new(),
    };
    Run { result, seconds: seconds.collect(), totals, fault_latencies: Vec::new() }
}

fn opening(at_us: u64, vendor: Vendor, from: BreakerState, to: BreakerState) -> Event {
    let kind = EventKind::Transition { guard: Guard::CircuitBreaker, from, to, cause: String::new(), calls: 5, failures: 5 };
    Event { at_us, vendor: Some(vendor), kind }
}

fn observed(run: &Run, metric: Metric, tags: &[(&str, &str)], aggregation: Aggregation) -> Observed {
    evaluate(&threshold(metric, tags, aggregation, Less, 1.0), &Evidence::of_run(run)).observed
}

/// Asserts a value within the histograms' three digits.
fn assert_value(metric: Metric, tags: &[(&str, &str)], aggregation: Aggregation, expected: f64) {
    let Observed::Value(value) = observed(&run(), metric, tags, aggregation) else { panic!("{metric:?} has no data") };
    assert!((value - expected).abs() <= expected.abs() * 1e-3, "{metric:?} {tags:?} {aggregation:?}: {value}, not {expected}");
}

#[test]
fn request_durations() {
    let clay: &[(&str, &str)] = &[("vendor", "clay")];
    assert_value(Metric::HttpReqDuration, &[], Percentile(95.0), 100.0);
    assert_value(Metric::HttpReqDuration, &[], Percentile(99.0), 300.0);
    assert_value(Metric::HttpReqDuration, clay, Percentile(95.0), 300.0);
    assert_value(Metric::HttpReqDuration, &[], Med, 20.003);
    assert_value(Metric::HttpReqDuration, clay, Med, 100.0);
    assert_value(Metric::HttpReqDuration, &[], Min, 20.0);
    assert_value(Metric::HttpReqDuration, &[], Max, 300.0);
    assert_value(Metric::HttpReqDuration, &[("status", "503")], Min, 300.0);
    assert_value(Metric::HttpReqDuration, &[("expected_response", "true"), ("vendor", "clay")], Max, 100.0);
    assert_value(Metric::IterationDuration, &[], Avg, 500.0);
}

#[test]
fn latency_is_judged_from_when_requests_were_due() {
    let mut run = run();
    let labels = Labels::new(SampleKind::Attempt, Vendor::Clay, "waited");
    run.totals.series.entry(labels).or_default().record(900_000, 0);
    let longest = |metric| observed(&run, metric, &[], Max);
    let [latency, duration] = [Metric::HttpReqLatency, Metric::HttpReqDuration].map(longest);
    assert!(matches!(latency, Observed::Value(ms) if (ms - 900.0).abs() < 1.0), "{latency:?}");
    assert!(matches!(duration, Observed::Value(ms) if (ms - 300.0).abs() < 1.0), "{duration:?}");
}

#[test]
fn the_steps_of_requests_are_metrics_and_without_a_connection_there_is_nothing_to_judge() {
    let mut run = run();
    let none = Observed::NoData("no connection was made".to_owned());
    assert_eq!(observed(&run, Metric::HttpReqConnecting, &[], Max), none);
    for (kind, us) in [(SampleKind::Waiting, 50), (SampleKind::Connecting, 20), (SampleKind::TlsHandshaking, 30)] {
        add(&mut run.totals, kind, Vendor::Clay, None, &[(us, 1)]);
    }
    let steps = [Metric::HttpReqWaiting, Metric::HttpReqConnecting, Metric::HttpReqTlsHandshaking];
    assert_eq!(steps.map(|metric| observed(&run, metric, &[], Avg)), [0.05, 0.02, 0.03].map(Observed::Value));
}

#[test]
fn what_is_timed_is_in_milliseconds() {
    for metric in Metric::all().filter(|metric| metric.kind() == MetricKind::Trend) {
        assert_eq!(Unit::of(metric, Max), Unit::Milliseconds, "{metric:?}");
    }
}

#[test]
fn averages_are_exact() {
    let Observed::Value(mean) = observed(&run(), Metric::HttpReqDuration, &[("vendor", "customer_io")], Avg) else { panic!() };
    assert_eq!(mean, 20.003);
}

#[test]
fn rates_and_counts() {
    assert_value(Metric::HttpReqFailed, &[], Rate, 0.05);
    assert_value(Metric::HttpReqFailed, &[("vendor", "clay")], Rate, 0.1);
    assert_value(Metric::HttpReqs, &[], Count, 200.0);
    assert_value(Metric::HttpReqs, &[], Rate, 20.0);
    assert_value(Metric::HttpReqs, &[("failure", "server_error")], Count, 10.0);
    assert_value(Metric::Iterations, &[], Count, 50.0);
    assert_value(Metric::Checks, &[], Rate, 290.0 / 400.0);
    assert_value(Metric::Checks, &[("check", "status is 200")], Rate, 0.95);
    assert_value(Metric::DroppedIterations, &[], Count, 0.0);
}

#[test]
fn our_own_metrics() {
    assert_value(Metric::LeadsLost, &[], Count, 2.0);
    assert_value(Metric::BreakerOpenSeconds, &[], Count, 3.5);
    assert_value(Metric::BreakerOpenSeconds, &[("vendor", "clay")], Count, 2.5);
    assert_value(Metric::QueueDepth, &[], Value, 3.0);
    assert_value(Metric::QueueDepth, &[], Max, 80.0);
    assert_value(Metric::CreditsUsed, &[], Count, 63.0);
    assert_value(Metric::CreditsReserved, &[], Count, 54.0);
}

#[test]
fn the_verdict_sets_the_estimate_of_credits_beside_the_account() {
    let reason = |per_lead, used| {
        let mut run = run();
        run.result.credits_per_lead = per_lead;
        run.seconds.iter_mut().for_each(|second| second.gauges.credits_used = used);
        judge(&run, &[], Vec::new()).reasons.last().cloned().unwrap()
    };
    for (used, difference) in [(63, "9 too few"), (54, "which was right"), (50, "4 too many")] {
        let expected = format!(
            "Clay charged {used} credits, rows under way included; the budget reserved 54 at an estimate of 6 a lead, {difference}."
        );
        assert_eq!(reason(Some(6), Some(used)), expected);
    }
    assert!(!reason(None, Some(63)).contains("Clay") && !reason(Some(6), None).contains("Clay"));
}

#[test]
fn a_count_of_zero_is_data_where_there_are_samples() {
    assert_eq!(observed(&run(), Metric::HttpReqs, &[("status", "429")], Count), Observed::Value(0.0));
}

#[test]
fn what_has_no_data_fails_and_says_so() {
    let mut empty = run();
    empty.totals = Totals::default();
    empty.seconds.clear();
    empty.result.operations = OperationCounts::default();
    let metrics = [
        (Metric::HttpReqDuration, Percentile(95.0)),
        (Metric::HttpReqFailed, Rate),
        (Metric::HttpReqs, Count),
        (Metric::Iterations, Count),
        (Metric::IterationDuration, Avg),
        (Metric::Checks, Rate),
        (Metric::LeadsLost, Count),
        (Metric::BreakerOpenSeconds, Count),
        (Metric::QueueDepth, Value),
        (Metric::CreditsUsed, Count),
        (Metric::CreditsReserved, Count),
    ];
    for (metric, aggregation) in metrics {
        let judgement = evaluate(&threshold(metric, &[], aggregation, Less, 1e9), &Evidence::of_run(&empty));
        assert!(!judgement.passed, "{metric:?} passed without data");
        assert!(judgement.observed_text().starts_with("no data: "), "{}", judgement.observed_text());
    }
    for (metric, tags, aggregation) in [
        (Metric::HttpReqDuration, [("vendor", "service")], Max),
        (Metric::HttpReqFailed, [("name", "misspelt")], Rate),
        (Metric::Checks, [("check", "misspelt")], Rate),
        (Metric::BreakerOpenSeconds, [("vendor", "service")], Count),
    ] {
        let judgement = evaluate(&threshold(metric, &tags, aggregation, Less, 1e9), &Evidence::of_run(&run()));
        assert!(!judgement.passed && matches!(judgement.observed, Observed::NoData(_)), "{metric:?}");
    }
}

#[test]
fn operators_compare_as_they_are_written() {
    let holds =
        |operator, limit| evaluate(&threshold(Metric::HttpReqs, &[], Count, operator, limit), &Evidence::of_run(&run())).passed;
    for (operator, below, at, above) in [
        (Less, false, false, true),
        (LessOrEqual, false, true, true),
        (Greater, true, false, false),
        (GreaterOrEqual, true, true, false),
        (Equal, false, true, false),
        (NotEqual, true, false, true),
    ] {
        let expected = (below, at, above);
        assert_eq!((holds(operator, 199.0), holds(operator, 200.0), holds(operator, 201.0)), expected, "{operator:?}");
    }
}

#[test]
fn a_run_is_ended_once_the_delay_is_over_and_there_is_data() {
    let run = run();
    let mut strict = threshold(Metric::HttpReqFailed, &[], Rate, Less, 0.01);
    let live = |seconds| Evidence::live(&run.totals, &run.seconds, &run.result.events, Duration::from_secs(seconds));
    assert_eq!(abort_due(std::slice::from_ref(&strict), &live(5)), None, "without abortOnFail");
    strict.abort_on_fail = true;
    strict.delay_abort_eval = Duration::from_secs(5);
    assert_eq!(abort_due(std::slice::from_ref(&strict), &live(4)), None, "before the delay");
    assert!(abort_due(std::slice::from_ref(&strict), &live(5)).is_some());
    strict.tags = vec![("name".to_owned(), "not yet seen".to_owned())];
    assert_eq!(abort_due(std::slice::from_ref(&strict), &live(5)), None, "no data is no reason to end a run");
}

#[test]
fn the_verdict_on_each_way_to_end() {
    let held = [threshold(Metric::HttpReqs, &[], Count, Greater, 10.0)];
    let missed = [held[0].clone(), threshold(Metric::HttpReqFailed, &[], Rate, Less, 0.01)];
    let outcome = |run: &Run, thresholds: &[Threshold]| judge(run, thresholds, Vec::new()).outcome;
    let mut run = run();
    assert_eq!(outcome(&run, &held), Outcome::Passed);
    assert_eq!(outcome(&run, &missed), Outcome::Failed);
    assert_eq!(outcome(&run, &[]), Outcome::NotJudged);
    assert_eq!(
        judge(&run, &[], Vec::new()).reasons,
        ["The scenario has no thresholds: nothing was judged.", "Left undone: 2 lost."]
    );
    run.result.end = RunEnd::Aborted { threshold: "http_req_failed: rate<0.01".to_owned() };
    assert_eq!(outcome(&run, &held), Outcome::Failed);
    run.result.end = RunEnd::Failed { reason: "the simulator was lost".to_owned() };
    assert_eq!(outcome(&run, &held), Outcome::Failed);
    run.result.end = RunEnd::Interrupted;
    assert_eq!(outcome(&run, &held), Outcome::Interrupted);
    assert_eq!(outcome(&run, &missed), Outcome::Interrupted);
    run.result.end = RunEnd::Completed;
    run.seconds.iter_mut().for_each(|second| (second.planned.users, second.gauges.users) = (20, 3));
    assert_eq!(outcome(&run, &held), Outcome::Invalid);
}

#[test]
fn a_verdict_is_read_back_as_it_was_written() {
    let missed = [threshold(Metric::HttpReqFailed, &[("name", "misspelt")], Rate, Less, 0.01)];
    let verdict = judge(&run(), &missed, Vec::new());
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
}

#[test]
fn what_is_left_undone_is_said_whatever_was_asked_for() {
    let mut run = run();
    let verdict = |run: &Run| judge(run, &[], Vec::new()).reasons.join(" ");
    assert_eq!(left_undone(&run.result).as_deref(), Some("2 of 100 operations left undone"));
    assert!(verdict(&run).contains("Left undone: 2 lost."), "{}", verdict(&run));
    run.result.operations =
        OperationCounts { submitted: 2_000, delivered: 400, queued: 1_595, rejected: 5, ..Default::default() };
    run.result.leads = crate::outcome::LeadCounts { submitted: 334, accepted: 224, refused: 110 };
    let line = "1,600 of 2,000 operations left undone, 110 of 334 leads refused";
    assert_eq!(left_undone(&run.result).as_deref(), Some(line));
    let kind = EventKind::CreditsExhausted { used: 498, limit: 500 };
    run.result.events.push(Event { at_us: 1, vendor: Some(Vendor::Clay), kind });
    let reason = "Left undone: 1,595 queued, 5 rejected. The budget of credits was used up, 498 of 500: `daily_limit` of `credits` raises it.";
    assert!(verdict(&run).contains(reason), "{}", verdict(&run));
    // Under way when the run ended, or a duplicate: no work is left.
    run.result.operations =
        OperationCounts { submitted: 100, delivered: 90, duplicate: 5, unacknowledged: 5, ..Default::default() };
    run.result.leads = crate::outcome::LeadCounts::default();
    assert_eq!(left_undone(&run.result), None);
    assert!(!verdict(&run).contains("Left undone"));
}
