//! A run for the tests: one with something in every field.

use std::collections::BTreeMap;

use crate::event::{BreakerState, Event, EventKind, Guard};
use crate::measure::{CheckCount, GeneratorHealth, Interval, Labels, SampleKind, Series};
use crate::outcome::{LeadCounts, OperationCounts, Vendor};
use crate::seed::Seed;

use super::{FORMAT, FaultRecord, FaultedRequests, Machine, RunEnd, RunResult, ScenarioRecord};

/// Facts without sums: the writer fills them in.
pub(crate) fn result() -> RunResult {
    let breaker_opened = EventKind::Transition {
        guard: Guard::CircuitBreaker,
        from: BreakerState::Closed,
        to: BreakerState::Open,
        cause: "failure rate 60 % of 10 calls reached 50 %".to_owned(),
        calls: 10,
        failures: 6,
    };
    let health = EventKind::Health { from: "healthy".to_owned(), to: "degraded".to_owned(), score: 87.5 };
    RunResult {
        format: FORMAT,
        written_by: "plimsoll 0.0.0-test".to_owned(),
        started_at: "2026-11-20T18:30:05Z".to_owned(),
        scenario: ScenarioRecord {
            path: "scenarios/quickstart.toml".to_owned(),
            name: "ramp".to_owned(),
            question: "Does it hold?".to_owned(),
            text: "name = \"ramp\"\n# größer\n".to_owned(),
            environment: "staging".to_owned(),
            version: "1.2.3".to_owned(),
            ramp: Vec::new(),
        },
        seed: Seed(42),
        time_scale: 1.0,
        service: None,
        rest_us: 0,
        end: RunEnd::Aborted { threshold: "http_req_failed: rate<0.01".to_owned() },
        load_us: 3_000_000,
        generator: GeneratorHealth::default(),
        machine: Machine { os: "Linux".to_owned(), cores: 2, ..Machine::default() },
        leads: LeadCounts { submitted: 2, accepted: 1, refused: 1 },
        operations: OperationCounts { submitted: 3, delivered: 2, queued: 1, ..OperationCounts::default() },
        credits_per_lead: None,
        checks: BTreeMap::from([("status is 200".to_owned(), CheckCount { passes: 299, fails: 1 })]),
        dropped_iterations: 4,
        interrupted_iterations: 5,
        interrupted_requests: 2,
        panics: 6,
        sums: Vec::new(),
        events: vec![
            Event { at_us: 1_500_000, vendor: Some(Vendor::Clay), kind: breaker_opened },
            Event { at_us: 1_600_000, vendor: None, kind: health },
        ],
        faults: vec![FaultRecord {
            name: "outage".to_owned(),
            vendors: vec![Vendor::Clay],
            routes: Vec::new(),
            what: "503".to_owned(),
            planned_start_us: 1_000_000,
            planned_end_us: 2_000_000,
            started_us: Some(1_000_100),
            ended_us: None,
        }],
        faulted_requests: vec![FaultedRequests { fault: "outage".to_owned(), vendor: Vendor::Clay, requests: 7, failed: 6 }],
        warnings: vec!["clock skew 3 ms".to_owned()],
    }
}

/// Three seconds with a hundred requests each.
pub(crate) fn some_intervals() -> [Interval; 3] {
    let labels = Labels { status: 200, ..Labels::new(SampleKind::Attempt, Vendor::Clay, "clay.webhook") };
    [0, 1, 2].map(|second| {
        let mut series = Series::new();
        (1..=100).for_each(|us| series.record(us * 1_000 + second, 7));
        Interval::new(second * 1_000_000, 1_000_000, BTreeMap::from([(labels.clone(), series)]))
    })
}
