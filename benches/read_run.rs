//! How long it takes to read a saved run of ten million requests: 600 seconds with ten series each. `report` has a second
//! for all it does, and this is the part that grows with the run.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use criterion::{Criterion, criterion_group, criterion_main};
use plimsoll::clock::LoadClock;
use plimsoll::measure::{AttemptSample, Observed, RecorderBuilder};
use plimsoll::outcome::{Peer, Steps};
use plimsoll::result::{FORMAT, Machine, RunDir, RunEnd, RunResult, RunWriter, ScenarioRecord, read_run};
use plimsoll::seed::Seed;
use rand_distr::{Distribution, LogNormal};
use tokio::time::Instant;

const SECONDS: u32 = 600;
const SERIES: usize = 10;
const REQUESTS: usize = 10_000_000;

fn facts() -> RunResult {
    RunResult {
        format: FORMAT,
        written_by: "bench".to_owned(),
        started_at: String::new(),
        scenario: ScenarioRecord {
            path: "scenarios/quickstart.toml".to_owned(),
            name: "bench".to_owned(),
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
        load_us: u64::from(SECONDS) * 1_000_000,
        machine: Machine::default(),
        generator: Default::default(),
        leads: Default::default(),
        operations: Default::default(),
        credits_per_lead: None,
        checks: BTreeMap::new(),
        dropped_iterations: 0,
        interrupted_iterations: 0,
        interrupted_requests: 0,
        panics: 0,
        sums: vec![],
        events: vec![],
        faults: vec![],
        faulted_requests: vec![],
        warnings: vec![],
    }
}

fn write_run(dir: RunDir) {
    let mut builder = RecorderBuilder::new(LoadClock::starting_at(Instant::now()), vec![], vec![]);
    let routes: Vec<_> = (0..SERIES).map(|route| builder.route(&format!("route {route}"), Peer::Service)).collect();
    let (recorder, mut collector) = builder.build(1);
    let mut writer = RunWriter::start(dir, DateTime::UNIX_EPOCH, &[]).expect("the directory can be written to");
    let mut rng = Seed(1).stream("latency");
    let latency = LogNormal::new(10.0, 1.0).expect("a spread of 1 is valid");
    let due = Duration::ZERO;
    for second in 1..=SECONDS {
        for index in 0..REQUESTS / SECONDS as usize {
            let (route, done) = (routes[index % SERIES], Duration::from_micros(latency.sample(&mut rng) as u64));
            recorder.attempt(AttemptSample {
                route,
                due,
                sent: due,
                done,
                steps: Steps::default(),
                bytes: 0,
                status: 200,
                failure: None,
                attempt: 1,
            });
        }
        let interval = collector.cut(Duration::from_secs(1) * second, Observed::default());
        writer.write(&interval).expect("the disk has room");
    }
    let facts = RunResult { sums: writer.sums(), ..facts() };
    writer.finish(&facts, &serde_json::Value::Null).expect("the disk has room");
}

fn ten_million(criterion: &mut Criterion) {
    let base = tempfile::tempdir().expect("there is a temporary directory");
    let dir = RunDir::at(&base.path().join("run")).expect("it can be written to");
    let path = dir.path().to_owned();
    write_run(dir);
    let mut group = criterion.benchmark_group("read_run");
    group.sample_size(10);
    group.bench_function("10 million requests", |bencher| bencher.iter(|| read_run(&path).expect("it was just written")));
    group.finish();
}

criterion_group!(benches, ten_million);
criterion_main!(benches);
