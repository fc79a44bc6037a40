//! Thresholds, checks, timeline, latency by route, errors by kind, and the pictures that belong to them.

use crate::gate::ExpectationJudgement;
use crate::measure::CheckCount;
use crate::report::plots::Plot;
use crate::report::series::{failures, routes};
use crate::report::timeline::entries;
use crate::report::view::View;
use crate::report::words::{clock, code, escape, share};
use crate::units::{format_count, format_latency};

use super::{picture, table};

/// Most lines of the timeline; the rest is in `summary.json`.
const MOST_ENTRIES: usize = 60;

pub(super) fn render(view: &View<'_>) -> String {
    [thresholds(view), expectations(view), checks(view), timeline(view), latency(view), errors(view), load()].concat()
}

fn thresholds(view: &View<'_>) -> String {
    let rows: Vec<Vec<String>> = view
        .judged
        .verdict
        .thresholds
        .iter()
        .map(|judgement| {
            let verdict = if judgement.passed { "held" } else { "**failed**" };
            vec![code(&judgement.source), escape(&judgement.limit_text()), escape(&judgement.observed_text()), verdict.to_owned()]
        })
        .collect();
    let body = match rows.len() {
        0 if !view.judged.verdict.expectations.is_empty() => return String::new(),
        0 => "No thresholds: nothing was judged.\n".to_owned(),
        _ => table(&["Threshold", "Limit", "Observed", "Verdict"], &rows),
    };
    format!("### Thresholds\n\n{body}\n")
}

/// The ground truth stands beside what was seen: without it, a verdict would have to be believed.
fn expectations(view: &View<'_>) -> String {
    let row = |judgement: &ExpectationJudgement| {
        let verdict = if judgement.passed { "held" } else { "**failed**" };
        let texts = [&judgement.expected, &judgement.truth, &judgement.seen].map(|text| escape(text));
        std::iter::once(code(&judgement.name)).chain(texts).chain([verdict.to_owned()]).collect()
    };
    let rows: Vec<Vec<String>> = view.judged.verdict.expectations.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let source = "Ground truth is the vendors' own account: the fault timetable as the simulator executed it, and its ledger of \
                  every request and effect, `vendors.ndjson`.";
    let table = table(&["Expectation", "Expected", "Ground Truth", "Seen", "Verdict"], &rows);
    format!("### Expectations\n\n{source}\n\n{table}\n")
}

/// Checks count; only a threshold on `checks` judges them.
fn checks(view: &View<'_>) -> String {
    let row = |(name, count): (&String, &CheckCount)| {
        let of = count.passes + count.fails;
        let rate = if of == 0 { "never ran".to_owned() } else { share(count.passes, of) };
        vec![escape(name), format_count(count.passes), format_count(count.fails), rate]
    };
    let rows: Vec<Vec<String>> = view.run.totals.checks.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("### Checks\n\n{}\n", table(&["Check", "Passed", "Failed", "Rate"], &rows))
}

fn timeline(view: &View<'_>) -> String {
    let entries = entries(view);
    let picture = if view.breakers().is_empty() { String::new() } else { format!("{}\n", picture(Plot::Breakers)) };
    if entries.is_empty() {
        return format!("### Faults and Breakers\n\nNo fault was planned, and no breaker changed its state.\n\n{picture}");
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .take(MOST_ENTRIES)
        .map(|entry| {
            let what = escape(&entry.what);
            let what = if entry.is_main { format!("**{what}**") } else { what };
            vec![clock(entry.at_us), entry.subject.to_owned(), what, escape(&entry.why)]
        })
        .collect();
    let more = match entries.len().saturating_sub(MOST_ENTRIES) {
        0 => String::new(),
        count => format!("\n{} later events are in `summary.json`.\n", format_count(count as u64)),
    };
    let table = table(&["At", "Who", "What", "Why"], &rows);
    format!("### Faults and Breakers\n\nTimes count from the start of the load.\n\n{picture}{table}{more}\n")
}

fn latency(view: &View<'_>) -> String {
    let rows: Vec<Vec<String>> = routes(view.run)
        .iter()
        .map(|route| {
            let at = |percentile| format_latency(route.histogram.value_at_percentile(percentile));
            vec![
                code(&route.name),
                route.vendor.display_name().to_owned(),
                format_count(route.count),
                share(route.failed, route.count),
                format_latency(route.mean_us.round() as u64),
                at(50.0),
                at(95.0),
                at(99.0),
                format_latency(route.histogram.max()),
            ]
        })
        .collect();
    let table = table(&["Route", "Vendor", "Requests", "Failed", "Mean", "P50", "P95", "P99", "Max"], &rows);
    let body = if rows.is_empty() { "No request was answered.\n".to_owned() } else { table };
    format!("### Latency by Route\n\n{body}\n{}\n{}\n", picture(Plot::Latency), picture(Plot::Percentiles))
}

fn errors(view: &View<'_>) -> String {
    let rows: Vec<Vec<String>> = failures(view.run)
        .iter()
        .map(|row| {
            let counts = [row.count, row.under_fault, row.outside()].map(format_count);
            let mut cells = vec![code(&row.name()), row.vendor.display_name().to_owned()];
            cells.extend(counts);
            cells.push(share(row.count, view.total));
            cells
        })
        .collect();
    let body = match rows.len() {
        0 => "No request failed.\n".to_owned(),
        _ => table(&["Kind", "Vendor", "Count", "Under a Fault", "Outside Faults", "Of All Requests"], &rows),
    };
    format!("### Errors by Kind\n\n{body}\n")
}

fn load() -> String {
    format!("### Load\n\n{}\n{}\n", picture(Plot::Throughput), picture(Plot::Users))
}
