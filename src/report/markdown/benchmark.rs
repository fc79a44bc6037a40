//! The benchmark template. Its headings and rows are fixed: people compare reports by them.

use std::time::Duration;

use crate::outcome::Peer;
use crate::report::observations::observations;
use crate::report::recommendations::recommendations;
use crate::report::series::routes;
use crate::report::view::View;
use crate::report::words::{code, escape, share};
use crate::units::{format_count, format_duration, format_latency, three_figures};

use super::{list, table};

pub(super) fn render(view: &View<'_>) -> String {
    let result = &view.run.result;
    let mut text = format!("## {} Performance Benchmark\n\n", subject(view));
    // Two blanks at the end of a line break it.
    text.push_str(&format!("**Date:** {}  \n", escape(result.started_at.get(..10).unwrap_or(&result.started_at))));
    text.push_str(&format!("**Environment:** {}  \n", or_dash(&result.scenario.environment)));
    text.push_str(&format!("**SDK Version:** {}\n\n", or_dash(&result.scenario.version)));
    text.push_str(&verdict(view));
    text.push_str(&scaled(view));
    text.push_str("### Test Configuration\n\n");
    text.push_str(&list(&[
        duration(view),
        format!("Ramp: {} VUs", ramp(&view.run.result.scenario.ramp)),
        format!("Target endpoint: {}", endpoints(view)),
    ]));
    text.push_str(&format!("\n### Results\n\n{}\n", table(&["Metric", "Value"], &results(view))));
    text.push_str(&format!("### Observations\n\n{}\n", list(&observations(view))));
    text.push_str(&format!("### Recommendations\n\n{}\n", list(&recommendations(view))));
    text
}

/// What was measured: the vendors that requests went to.
fn subject(view: &View<'_>) -> String {
    let vendors = view.vendors();
    let names: Vec<&str> = vendors
        .iter()
        .map(|vendor| match vendor {
            Peer::Service => "Service",
            vendor => vendor.display_name(),
        })
        .collect();
    match names.as_slice() {
        [] => "Clay".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn or_dash(text: &str) -> String {
    if text.trim().is_empty() { "—".to_owned() } else { escape(text) }
}

fn verdict(view: &View<'_>) -> String {
    let verdict = &view.judged.verdict;
    let (name, question) = (escape(&view.run.result.scenario.name), escape(&view.run.result.scenario.question));
    let reasons: Vec<String> = verdict.reasons.iter().map(|reason| escape(reason)).collect();
    format!("> **{}**: {}\n>\n> {name}: {question}\n\n", verdict.outcome.as_str().to_uppercase(), reasons.join(" "))
}

/// Said before any figure: a scaled run is not the run that was written down.
fn scaled(view: &View<'_>) -> String {
    let scale = view.run.result.time_scale;
    if scale == 1.0 {
        return String::new();
    }
    format!("> **Time was scaled by {scale}**: every stage and fault took {scale} times as long as the scenario says.\n\n")
}

fn duration(view: &View<'_>) -> String {
    let load = format_duration(rounded(view.submitting_us()));
    match view.run.result.rest_us {
        0 => format!("Duration: {load}"),
        rest => format!("Duration: {load}, and {} until the service was at rest", format_duration(rounded(rest))),
    }
}

/// To a tenth of a second: the end of the load is not more exact than that.
fn rounded(us: u64) -> Duration {
    Duration::from_millis((us + 50_000) / 100_000 * 100)
}

/// Planned users at the start and at each stage's end: `0 → 20 → 0`.
fn ramp(planned: &[u32]) -> String {
    let mut levels = planned.to_vec();
    levels.dedup();
    let words: Vec<String> = levels.iter().map(u32::to_string).collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(" → ") }
}

fn endpoints(view: &View<'_>) -> String {
    let names: Vec<String> = routes(view.run).iter().map(|route| code(&route.name)).collect();
    match names.len() {
        0 => "none was reached".to_owned(),
        1..=4 => names.join(", "),
        more => format!("{} and {} more", names[..3].join(", "), more - 3),
    }
}

fn results(view: &View<'_>) -> Vec<Vec<String>> {
    let latency = |percentile| view.percentile(percentile).map_or_else(|| "no data".to_owned(), format_latency);
    let peak = view.peak().map_or_else(|| "no data".to_owned(), |(rate, _)| three_figures(rate));
    [
        ("Total Requests", format_count(view.total)),
        ("Success Rate", if view.total == 0 { "no data".to_owned() } else { share(view.total - view.failed, view.total) }),
        ("P50 Latency", latency(50.0)),
        ("P95 Latency", latency(95.0)),
        ("P99 Latency", latency(99.0)),
        ("Max RPS Achieved", peak),
    ]
    .into_iter()
    .map(|(name, value)| vec![name.to_owned(), value])
    .collect()
}
