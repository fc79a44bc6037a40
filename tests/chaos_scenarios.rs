//! The chaos scenarios through the binary: their expectations hold with the pipeline as it should be, and fail with one that is mis-set.
//!
//! Their timetables are played in a fifth of their time. Latencies and think time are not, so what passes here passes in full.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;

use common::{Ended, run, scenario, summary, text};

/// Runs a shipped scenario, changed, in a fifth of its time.
fn play(name: &str, changes: &[(&str, &str)]) -> (Ended, serde_json::Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name).with_extension("toml");
    let mut toml = std::fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(toml.contains(from), "{name} has no {from}");
        toml = toml.replace(from, to);
    }
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), &toml);
    let out = dir.path().join("out");
    let ended = run(&["run", text(&file), "--out", text(&out), "--quiet", "--time-scale", "0.2"]);
    assert!(out.join("vendors.ndjson").is_file(), "the vendors' ledger is kept: {ended:#?}");
    let summary = summary(&out);
    // What was judged is kept, and can be shown again.
    run(&["report", text(&out)]).says(0, &["Expectations"]);
    (ended, summary)
}

/// The names of the expectations that failed.
fn failed_names(summary: &serde_json::Value) -> Vec<String> {
    let judged = summary["verdict"]["verdict"]["expectations"].as_array().expect("expectations were judged");
    let failed = judged.iter().filter(|judgement| judgement["passed"] == false);
    failed.map(|judgement| judgement["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_total_outage_meets_every_expectation() {
    let (ended, summary) = play("chaos-outage", &[]);
    ended.says(0, &["PASSED", "All 11 expectations held.", "clay.opens_within"]);
    assert!(failed_names(&summary).is_empty());
}

#[test]
fn a_breaker_that_does_not_open_is_found_out() {
    let (ended, summary) = play("chaos-outage", &[("failures = 5", "failures = 100_000")]);
    ended.says(99, &["FAILED", "FAILED  clay.opens_within", "it never opened after that"]);
    let failed_names = failed_names(&summary);
    for name in ["clay.opens_within", "clay.opens_within_calls", "clay.closes_within", "clay.max_calls_while_open"] {
        assert!(failed_names.contains(&name.to_owned()), "{name} in {failed_names:?}");
    }
}

#[test]
fn lost_answers_make_no_duplicates() {
    let (ended, summary) = play("chaos-lost-answers", &[]);
    ended.says(0, &["PASSED"]);
    assert!(failed_names(&summary).is_empty());
}

#[test]
fn without_auto_dedupe_lost_answers_are_found_as_duplicates_that_are_paid_for() {
    let (ended, summary) = play("chaos-lost-answers", &[("auto_dedupe = \"idempotency_key\"", "")]);
    ended.says(99, &["FAILED", "a second time"]);
    assert_eq!(failed_names(&summary), ["duplicates", "credits_match_effects"]);
}

#[test]
fn retries_without_measure_are_found_as_amplification() {
    let storm = [
        ("max_retries = 3, base_delay = \"100ms\"", "max_retries = 100, base_delay = \"10ms\", max_delay = \"10ms\""),
        ("share = 0.3", "share = 0.8"),
        // Forty failures of forty, which a share of four fifths hardly ever makes: the breaker is no help.
        ("minimum_calls = 20, failure_rate = 70", "minimum_calls = 40, failure_rate = 100"),
    ];
    let (ended, summary) = play("chaos-brown-out", &storm);
    ended.says(99, &["FAILED"]);
    assert!(failed_names(&summary).contains(&"max_retry_amplification".to_owned()), "{summary:#}");
}
