//! The interval log is an exchange format: an implementation that shares no code with this one must read the same figures.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, Utc};
use plimsoll::clock::LoadClock;
use plimsoll::measure::{AttemptSample, IntervalLogWriter, IterationSample, Labels, Observed, RecorderBuilder, Totals};
use plimsoll::outcome::{FailureKind, Steps, Vendor};
use plimsoll::seed::Seed;
use rand_distr::{Distribution, LogNormal};
use serde::Deserialize;
use tokio::time::Instant;

/// The interpreter, when it is not `python3`.
const PYTHON: &str = "PLIMSOLL_PYTHON";
/// Set where a skipped test is a failed one.
const REQUIRED: &str = "PLIMSOLL_REQUIRE_PYTHON_HDRHISTOGRAM";

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/read_interval_log.py");
/// The reader's percentiles as fractions: 99.9 / 100 is a hair above 0.999, and would ask for the next rank.
const QUANTILES: [f64; 11] = [0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];
const SECONDS: u32 = 10;
/// A second, of each series: ten of them make every percentile above an exact rank, where all implementations agree on what
/// a percentile is.
const SAMPLES: u32 = 1_000;

#[derive(Deserialize)]
struct Found {
    start_time: f64,
    /// Start and end of each line, in milliseconds since the epoch.
    lines: Vec<(f64, f64)>,
    series: BTreeMap<String, FoundSeries>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct FoundSeries {
    count: u64,
    max: u64,
    percentiles: Vec<u64>,
}

/// The interpreter with the package, or why there is none.
fn python() -> Result<String, String> {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    match Command::new(&python).args(["-c", "import hdrh.log"]).output() {
        Ok(output) if output.status.success() => Ok(python),
        Ok(_) => Err(format!("{python} has no package hdrhistogram (pip install hdrhistogram; {PYTHON} chooses another)")),
        Err(error) => Err(format!("{python} cannot be started: {error}")),
    }
}

/// 2026-11-20, in the evening.
fn started() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::from_secs(1_795_199_405)
}

/// Records three series of requests and one of iterations over ten seconds, microseconds to an hour, and writes them as a run does.
fn write_log(log: impl Write) -> io::Result<Totals> {
    let mut builder = RecorderBuilder::new(LoadClock::starting_at(Instant::now()), vec![Duration::from_secs(5)], vec![]);
    let (clay, identify) = (builder.route("clay.webhook", Vendor::Clay), builder.route("größe, 1 = 2;", Vendor::CustomerIo));
    let journey = builder.journey("lead", Vendor::Clay, []);
    let (recorder, mut collector) = builder.build(1);
    let mut writer = IntervalLogWriter::new(log, started())?;
    let mut rng = Seed(20_261_120).stream("latency");
    let latency = LogNormal::new(10.0, 1.5).expect("a spread of 1.5 is valid");
    let mut sample = move || Duration::from_micros(latency.sample(&mut rng) as u64);
    let due = Duration::ZERO;
    for second in 1..=SECONDS {
        for index in 0..SAMPLES {
            let quick = Duration::from_micros(u64::from(index));
            let attempt = AttemptSample {
                route: clay,
                due,
                sent: due,
                done: sample(),
                steps: Steps::default(),
                bytes: 0,
                status: 200,
                failure: None,
                attempt: 1,
            };
            recorder.attempt(attempt);
            let failure = Some(FailureKind::RateLimited);
            recorder.attempt(AttemptSample { done: quick, status: 429, failure, attempt: 2, ..attempt });
            recorder.attempt(AttemptSample { route: identify, done: sample() * 20, ..attempt });
            let done = if index == 0 { Duration::from_secs(3_600) } else { sample() };
            recorder.iteration(IterationSample { journey, due, sent: due, done, failure: None });
        }
        writer.write(&collector.cut(Duration::from_millis(1_001) * second, Observed::default()))?;
    }
    Ok(collector.totals().clone())
}

/// The part of a tag that differs between this test's series.
fn tag_has(tag: &str, labels: &Labels) -> bool {
    tag.contains(&format!("kind:{};", labels.kind.as_str()))
        && tag.contains(&format!("vendor:{};", labels.vendor))
        && tag.contains(&format!(";retry:{}", labels.retry))
}

#[test]
fn python_reads_the_same_percentiles() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, and {why}");
            // Past the capture of test output: a skip that goes unseen looks like a pass.
            let _ = writeln!(io::stderr(), "SKIPPED: python_reads_the_same_percentiles: {why}");
            return;
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("latency.hlog");
    let totals = write_log(std::fs::File::create(&path).unwrap()).unwrap();
    let output = Command::new(python).arg(READER).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Found = serde_json::from_slice(&output.stdout).unwrap();

    let epoch = started().timestamp_millis() as f64;
    assert_eq!(found.start_time * 1e3, epoch);
    assert_eq!(found.lines.len(), totals.series.len() * SECONDS as usize);
    for (index, (start, end)) in found.lines.iter().enumerate() {
        let second = (index / totals.series.len()) as f64;
        assert!((start - (epoch + second * 1_001.0)).abs() < 0.01, "line {index} starts at {start}");
        assert!((end - start - 1_001.0).abs() < 0.01, "line {index} lasts from {start} to {end}");
    }
    // Each of the three series of requests is there three times: since they were due, over their connections, and to their heads.
    assert_eq!((totals.series.len(), found.series.len()), (10, 10));
    for (labels, series) in &totals.series {
        let histogram = &series.histogram;
        let ours = FoundSeries {
            count: histogram.len(),
            max: histogram.max(),
            percentiles: QUANTILES.iter().map(|quantile| histogram.value_at_quantile(*quantile)).collect(),
        };
        let theirs: Vec<&FoundSeries> =
            found.series.iter().filter(|(tag, _)| tag_has(tag, labels)).map(|(_, series)| series).collect();
        assert_eq!(theirs, [&ours], "{labels:?}");
        assert_eq!(ours.count, u64::from(SECONDS * SAMPLES));
    }
}
