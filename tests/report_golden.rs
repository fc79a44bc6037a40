//! The whole report of a run made by hand, against the text in `tests/data/report/`. `PLIMSOLL_BLESS=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use std::path::Path;
use std::time::Duration;

use plimsoll::capacity::{Basis, assess};
use plimsoll::gate::{ExpectationJudgement, judge};
use plimsoll::report::{Judged, SummaryOptions, summary, write_report};
use plimsoll::threshold::{Aggregation, Metric, Operator, Threshold};
// The fixture is shared with the unit tests and speaks of the crate's modules.
use plimsoll::{event, measure, outcome, plan, result, seed};

#[allow(dead_code)]
#[path = "../src/report/fixture.rs"]
mod fixture;

fn threshold(metric: Metric, aggregation: Aggregation, limit: f64, source: &str) -> Threshold {
    Threshold {
        metric,
        tags: Vec::new(),
        aggregation,
        operator: Operator::Less,
        limit,
        source: source.to_owned(),
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
    }
}

fn judged(run: &result::Run) -> Judged {
    let thresholds = [
        threshold(Metric::HttpReqDuration, Aggregation::Percentile(95.0), 500.0, "http_req_duration: p(95)<500"),
        threshold(Metric::HttpReqFailed, Aggregation::Rate, 0.01, "http_req_failed: rate<0.01"),
        threshold(Metric::LeadsLost, Aggregation::Count, 1.0, "leads_lost: count<1"),
    ];
    let basis = Basis { think_time: Some(Duration::from_millis(480)), ..Basis::default() };
    Judged { verdict: judge(run, &thresholds, Vec::new()), capacity: assess(run, &basis) }
}

fn report_of(run: &result::Run) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::read_to_string(write_report(directory.path(), run, &judged(run)).unwrap()).unwrap()
}

fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/report").join(name);
    if std::env::var_os("PLIMSOLL_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{} differs; PLIMSOLL_BLESS=1 writes it anew. Now:\n{text}", path.display());
}

#[test]
fn the_report_of_the_quickstart_is_as_written_down() {
    let run = fixture::quickstart();
    let directory = tempfile::tempdir().unwrap();
    let report = write_report(directory.path(), &run, &judged(&run)).unwrap();
    let text = std::fs::read_to_string(report).unwrap();
    compare("quickstart.md", &text);
    for line in text.lines().filter(|line| line.contains("](plots/")) {
        for link in line.split("(plots/").skip(1) {
            let file = link.split(')').next().unwrap();
            assert!(directory.path().join("plots").join(file).is_file(), "{file} is not there");
        }
    }
    let names = |path: &Path| std::fs::read_dir(path).unwrap().count();
    assert_eq!((names(directory.path()), names(&directory.path().join("plots"))), (2, 10), "nothing half-written is left");
}

#[test]
fn the_template_is_kept_heading_for_heading() {
    for run in [fixture::quickstart(), fixture::empty(), fixture::flat(3, 1, 1)] {
        let text = report_of(&run);
        let template = [
            " Performance Benchmark\n",
            "**Date:** 2026-03-14",
            "**Environment:** staging",
            "**SDK Version:** 1.4.2",
            "### Test Configuration",
            "- Duration: ",
            "- Ramp: ",
            "- Target endpoint: ",
            "### Results",
            "| Metric | Value |",
            "| Total Requests |",
            "| Success Rate |",
            "| P50 Latency |",
            "| P95 Latency |",
            "| P99 Latency |",
            "| Max RPS Achieved |",
            "### Observations\n\n- ",
            "### Recommendations\n\n- ",
        ];
        let mut rest = text.as_str();
        for part in template {
            let at = rest.find(part).unwrap_or_else(|| panic!("\"{part}\" is missing or out of order in:\n{text}"));
            rest = &rest[at + part.len()..];
        }
    }
}

#[test]
fn the_title_names_whom_the_requests_went_to() {
    assert!(report_of(&fixture::quickstart()).starts_with("## Clay and Customer.io Performance Benchmark\n"));
    assert!(report_of(&fixture::flat(3, 1, 0)).starts_with("## Clay Performance Benchmark\n"));
}

#[test]
fn a_scaled_run_says_so_before_any_figure() {
    let mut run = fixture::quickstart();
    assert!(!report_of(&run).contains("scaled"));
    run.result.time_scale = 0.1;
    let text = report_of(&run);
    assert!(text.find("Time was scaled by 0.1").unwrap() < text.find("### Test Configuration").unwrap());
    assert!(text.contains("--time-scale 0.1`"));
}

#[test]
fn the_summary_of_the_quickstart_is_as_written_down() {
    let run = fixture::quickstart();
    let options = SummaryOptions {
        report: Some(Path::new("reports/runs/20260314-092653-quickstart/report.md")),
        columns: None,
        color: false,
    };
    compare("quickstart.txt", &summary(&run, &judged(&run), &options));
}

#[test]
fn no_peak_is_below_the_average() {
    // The load was over after 0.4 s; the service came to rest in the other 0.6.
    let mut run = fixture::flat(1, 150, 0);
    run.result.rest_us = 600_000;
    let text = summary(&run, &judged(&run), &SummaryOptions { report: None, columns: None, color: false });
    assert!(text.contains("375/s on average, 375/s at the peak; 150 requests in 0.4 s"), "{text}");
}

#[test]
fn hostile_names_stay_inside_their_cells() {
    let mut run = fixture::quickstart();
    run.result.faults[0].name = "a|b`c\n| x |".to_owned();
    run.result.machine.cpu = "<script>|".to_owned();
    run.result.warnings.push("![x](http://example.com) | y".to_owned());
    let text = report_of(&run);
    assert!(!text.contains("<script>") && !text.contains("\n| x |") && !text.contains("![x](http"));
    let section = text.split("### Faults and Breakers").nth(1).unwrap().split("###").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).collect();
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(rows.len() > 5 && rows.iter().all(|line| bars(line) == 5), "{rows:#?}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("taken");
    std::fs::write(&file, "").unwrap();
    let run = fixture::empty();
    let error = write_report(&file, &run, &judged(&run)).unwrap_err().to_string();
    assert!(error.contains("taken") && error.contains("--out"), "{error}");
}

#[test]
fn expectations_stand_beside_the_ground_truth() {
    let run = fixture::quickstart();
    let expectation = |name: &str, expected: &str, seen: &str, passed| ExpectationJudgement {
        name: name.to_owned(),
        expected: expected.to_owned(),
        truth: "`clay-outage` from 20.001 s to 25.002 s".to_owned(),
        seen: seen.to_owned(),
        passed,
    };
    let expectations = vec![
        expectation(
            "clay.opens_within",
            "OPEN within 3s of the start of `clay-outage`",
            "OPEN at 20.801 s, 0.800 s after, by 5 failures in a row",
            true,
        ),
        expectation(
            "clay.closes_within",
            "CLOSED within 2s of the end of `clay-outage`",
            "CLOSED at 27.102 s, 2.100 s after",
            false,
        ),
    ];
    let judged = Judged { verdict: judge(&run, &[], expectations), ..judged(&run) };
    let directory = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(write_report(directory.path(), &run, &judged).unwrap()).unwrap();
    let section = text.split("### Expectations").nth(1).and_then(|rest| rest.split("### ").next()).unwrap();
    let shown = summary(&run, &judged, &SummaryOptions::default());
    let shown = shown.split("Latency").next().unwrap();
    compare("expectations.txt", &format!("### Expectations{section}{shown}"));
}
