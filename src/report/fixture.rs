//! A run made by hand for tests: 40 s of leads to Clay and Customer.io, with a 429 burst and an outage, on which every
//! figure of a report can be worked out on paper.

use std::collections::BTreeMap;

use crate::event::{BreakerState, Event, EventKind, Guard};
use crate::measure::{CheckCount, Gauges, GeneratorHealth, Labels, ProcessSample, SampleKind, Second, Series, Totals};
use crate::outcome::{FailureKind, LeadCounts, OperationCounts, Peer, Vendor};
use crate::plan::Planned;
use crate::result::{FORMAT, FaultLatency, FaultRecord, FaultedRequests, Machine, Run, RunEnd, RunResult, ScenarioRecord};
use crate::seed::Seed;

/// A run without anything in it.
pub(crate) fn empty() -> Run {
    let result = RunResult {
        format: FORMAT,
        written_by: "plimsoll 0.1.0".to_owned(),
        started_at: "2026-03-14T09:26:53Z".to_owned(),
        scenario: ScenarioRecord {
            path: "scenarios/quickstart.toml".to_owned(),
            name: "quickstart".to_owned(),
            question: "Does a lead survive a 429 burst and a short outage of Clay?".to_owned(),
            text: "name = \"quickstart\"\n".to_owned(),
            environment: "staging".to_owned(),
            version: "1.4.2".to_owned(),
            ramp: vec![0, 20, 20, 0],
        },
        seed: Seed(42),
        time_scale: 1.0,
        service: None,
        rest_us: 0,
        end: RunEnd::Completed,
        load_us: 0,
        generator: GeneratorHealth { late_p50_us: 380, late_p95_us: 1_100, late_max_us: 4_200, max_lateness_us: 10_000 },
        machine: Machine {
            os: "Linux 6.1".to_owned(),
            arch: "x86_64".to_owned(),
            cpu: "Example CPU".to_owned(),
            cores: 2,
            memory_bytes: 8_000_000_000,
            build: "release".to_owned(),
        },
        leads: LeadCounts::default(),
        operations: OperationCounts::default(),
        credits_per_lead: None,
        checks: BTreeMap::new(),
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
    Run { result, seconds: Vec::new(), totals: Totals::default(), fault_latencies: Vec::new() }
}

/// A run of `count` equal seconds with `requests` requests each, of which `failures` failed.
pub(crate) fn flat(count: u64, requests: u64, failures: u64) -> Run {
    let mut run = empty();
    run.result.load_us = count * 1_000_000;
    for index in 0..count {
        run.seconds.push(Second {
            start_us: index * 1_000_000,
            length_us: 1_000_000,
            planned: Planned { users: 10, ..Planned::default() },
            requests,
            failures,
            p50_us: if requests > 0 { 40_000 } else { 0 },
            p95_us: if requests > 0 { 95_000 } else { 0 },
            p99_us: if requests > 0 { 180_000 } else { 0 },
            max_us: if requests > 0 { 250_000 } else { 0 },
            gauges: Gauges { users: 10, ..Gauges::default() },
            ..Second::default()
        });
    }
    let good = Labels { failure: None, ..labels("clay.webhook", Vendor::Clay, 200, None, false) };
    record(&mut run.totals, good, &[(40_000, count * (requests - failures))]);
    if failures > 0 {
        let bad = labels("clay.webhook", Vendor::Clay, 503, Some(FailureKind::ServerError), false);
        record(&mut run.totals, bad, &[(20_000, count * failures)]);
    }
    run
}

/// Labels of a request.
pub(crate) fn labels(name: &str, vendor: Vendor, status: u16, failure: Option<FailureKind>, under_fault: bool) -> Labels {
    Labels { status, failure, phase: 1, under_fault, ..Labels::new(SampleKind::Attempt, vendor, name) }
}

/// Adds samples, given as (duration in microseconds, how many).
pub(crate) fn record(totals: &mut Totals, labels: Labels, samples: &[(u64, u64)]) {
    if labels.kind == SampleKind::Attempt {
        record(totals, Labels { kind: SampleKind::Duration, ..labels.clone() }, samples);
    }
    let series = totals.series.entry(labels).or_insert_with(|| Series {
        histogram: hdrhistogram::Histogram::new(crate::measure::DIGITS).unwrap(),
        sum_us: 0,
        bytes: 0,
    });
    for (us, count) in samples {
        series.histogram.record_n(*us, *count).unwrap();
        series.sum_us += us * count;
        series.bytes += 120 * count;
    }
}

fn transition(at_us: u64, from: BreakerState, to: BreakerState, cause: &str) -> Event {
    let kind = EventKind::Transition { guard: Guard::CircuitBreaker, from, to, cause: cause.to_owned(), calls: 5, failures: 5 };
    Event { at_us, vendor: Some(Vendor::Clay), kind }
}

fn fault_event(at_us: u64, name: &str, active: bool) -> Event {
    Event { at_us, vendor: None, kind: EventKind::Fault { name: name.to_owned(), active } }
}

fn fault(name: &str, what: &str, start: u64, end: u64) -> FaultRecord {
    FaultRecord {
        name: name.to_owned(),
        vendors: vec![Vendor::Clay],
        routes: Vec::new(),
        what: what.to_owned(),
        planned_start_us: start * 1_000_000,
        planned_end_us: end * 1_000_000,
        started_us: Some(start * 1_000_000 + 1_000),
        ended_us: Some(end * 1_000_000 + 2_000),
    }
}

/// The whole 40 s run.
pub(crate) fn quickstart() -> Run {
    let mut run = empty();
    run.result.load_us = 40_000_000;
    run.result.faults =
        vec![fault("clay-429", "429 beyond 5 requests/s", 10, 14), fault("clay-outage", "503 for every request", 20, 25)];
    use BreakerState::{Closed, HalfOpen, Open};
    run.result.events = vec![
        fault_event(10_001_000, "clay-429", true),
        Event { at_us: 10_400_000, vendor: Some(Vendor::Clay), kind: EventKind::Paused { for_ms: 1_000 } },
        Event { at_us: 12_100_000, vendor: Some(Vendor::Clay), kind: EventKind::Paused { for_ms: 1_000 } },
        fault_event(14_002_000, "clay-429", false),
        fault_event(20_001_000, "clay-outage", true),
        transition(20_801_000, Closed, Open, "5 failures in a row reached 5"),
        transition(23_801_000, Open, HalfOpen, "the cool-down of 3s is over"),
        transition(23_850_000, HalfOpen, Open, "a probe failed"),
        fault_event(25_002_000, "clay-outage", false),
        transition(26_850_000, Open, HalfOpen, "the cool-down of 3s is over"),
        transition(27_102_000, HalfOpen, Closed, "3 successes in a row reached 3"),
    ];
    for index in 0..40 {
        run.seconds.push(second(index));
    }
    fill_totals(&mut run.totals);
    run.fault_latencies = vec![
        latency(0, Vendor::Clay, &[(42_000, 330), (96_500, 40)], &[(3_000, 100), (60_000, 180), (480_000, 40)]),
        latency(1, Vendor::Clay, &[(42_000, 330), (99_500, 40)], &[(2_000, 40), (60_000, 15), (102_000, 15)]),
    ];
    run.result.faulted_requests = vec![faulted("clay-429", Vendor::Clay, 100, 100), faulted("clay-outage", Vendor::Clay, 40, 40)];
    run.result.leads = LeadCounts { submitted: 410, accepted: 410, refused: 0 };
    run.result.operations = OperationCounts { submitted: 1_180, delivered: 1_178, duplicate: 2, ..OperationCounts::default() };
    run.result.credits_per_lead = Some(6);
    run.result.checks = BTreeMap::from([
        ("latency < 500 ms".to_owned(), CheckCount { passes: 3_460, fails: 40 }),
        ("status is 200".to_owned(), CheckCount { passes: 3_360, fails: 140 }),
    ]);
    run.totals.checks = run.result.checks.clone();
    run
}

/// How long requests took before a fault and under it, given as (duration in microseconds, how many).
pub(crate) fn latency(fault: usize, peer: impl Into<Peer>, before: &[(u64, u64)], under: &[(u64, u64)]) -> FaultLatency {
    let histogram = |samples: &[(u64, u64)]| {
        let mut histogram = hdrhistogram::Histogram::new(crate::measure::DIGITS).unwrap();
        samples.iter().for_each(|(us, count)| histogram.record_n(*us, *count).unwrap());
        histogram
    };
    FaultLatency { fault, peer: peer.into(), before: histogram(before), under: histogram(under), failed: 0 }
}

fn faulted(fault: &str, vendor: Vendor, requests: u64, failed: u64) -> FaultedRequests {
    FaultedRequests { fault: fault.to_owned(), vendor, requests, failed }
}

fn second(index: u64) -> Second {
    let users = match index {
        0..8 => (index + 1) as u32 * 20 / 8,
        8..34 => 20,
        _ => (39 - index) as u32 * 20 / 6,
    };
    let (burst, outage) = ((10..14).contains(&index), (20..25).contains(&index));
    let queue_depth = match index {
        20..26 => (index - 19) * 24 - 2,
        26..31 => 142 - (index - 25) * 28,
        _ => 0,
    };
    let requests = if outage { 40 } else { u64::from(users) * 5 + index * 7 % 5 };
    let failures = if burst {
        requests / 4
    } else if outage {
        8
    } else {
        0
    };
    let (p50, p95, p99) = if burst { (60_000, 480_000, 900_000) } else { (42_000, 95_000 + index * 300, 180_000 + index * 900) };
    let state = match index {
        20..26 => BreakerState::Open,
        26 => BreakerState::HalfOpen,
        _ => BreakerState::Closed,
    };
    Second {
        start_us: index * 1_000_000,
        length_us: 1_000_000,
        planned: Planned { users, ..Planned::default() },
        phase: match index {
            0..8 => 0,
            8..34 => 1,
            _ => 2,
        },
        requests,
        failures,
        rate_limited: if burst { failures } else { 0 },
        iterations: requests / 3,
        iteration_us: requests / 3 * 112_000,
        p50_us: p50,
        p95_us: p95,
        p99_us: p99,
        max_us: p99 + 100_000,
        bytes: requests * 120,
        gauges: Gauges {
            users,
            queue_depth,
            credits_used: Some(index * 13),
            credits_reserved: index * 12,
            breakers: BTreeMap::from([(Vendor::Clay, state), (Vendor::CustomerIo, BreakerState::Closed)]),
            operations: OperationCounts {
                submitted: index * 30,
                delivered: index * 30 - queue_depth.min(index * 30),
                queued: queue_depth,
                ..OperationCounts::default()
            },
            ..Gauges::default()
        },
        processes: vec![
            ProcessSample {
                role: "harness".to_owned(),
                cpu_percent: if users == 20 { 38.0 } else { 20.0 },
                memory_bytes: 48_000_000,
            },
            ProcessSample { role: "simulator".to_owned(), cpu_percent: 12.0, memory_bytes: 30_000_000 },
        ],
        ..Second::default()
    }
}

fn fill_totals(totals: &mut Totals) {
    let clay = |status, failure, under| labels("clay.webhook", Vendor::Clay, status, failure, under);
    let cio = |name: &str| labels(name, Vendor::CustomerIo, 200, None, false);
    record(totals, clay(200, None, false), &[(42_000, 900), (80_000, 90), (190_000, 10)]);
    record(totals, clay(200, None, true), &[(60_000, 200), (480_000, 40), (900_000, 10)]);
    record(totals, clay(429, Some(FailureKind::RateLimited), true), &[(3_000, 100)]);
    record(totals, clay(503, Some(FailureKind::ServerError), true), &[(2_000, 40)]);
    record(totals, cio("customer_io.identify"), &[(26_000, 1_000), (70_000, 60)]);
    record(totals, cio("customer_io.track"), &[(24_000, 1_000), (65_000, 50)]);
    let iteration =
        |failure| Labels { kind: SampleKind::Iteration, status: 0, failure, ..labels("lead", Vendor::Clay, 0, failure, false) };
    record(totals, iteration(None), &[(100_000, 1_000), (150_000, 160)]);
    record(totals, iteration(Some(FailureKind::ServerError)), &[(400_000, 20)]);
}
