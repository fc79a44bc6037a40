//! The summary's figures: latency, throughput, errors, and what became of the operations.

use crate::report::document::{Block, Row, Section, Table};
use crate::report::series::failures;
use crate::report::view::View;
use crate::report::words::{clock, plural, rate, share};
use crate::units::{format_count, format_latency};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let mut rows = Vec::new();
    match view.total {
        0 => rows.push(Row::fact("Requests", "none was answered or given up")),
        _ => {
            rows.push(Row::fact("Latency", latency(view)));
            rows.push(Row::fact("Throughput", throughput(view)));
            rows.push(Row::fact("Errors", format!("{} of all requests{}", share(view.failed, view.total), kinds(view))));
            rows.extend(leads(view).map(|text| Row::fact("Leads", text)));
            rows.extend(operations(view).map(|text| Row::fact("Operations", text)));
        }
    }
    Some(Section::untitled([Block::Table(Table::facts(rows))]))
}

fn latency(view: &View<'_>) -> String {
    let at = |percentile| format_latency(view.attempts.value_at_percentile(percentile));
    format!("p50 {}   p95 {}   p99 {}   max {}", at(50.0), at(95.0), at(99.0), format_latency(view.attempts.max()))
}

fn throughput(view: &View<'_>) -> String {
    let seconds = view.submitting_us() as f64 / 1e6;
    let mean = if seconds > 0.0 { view.total as f64 / seconds } else { 0.0 };
    let peak = view.peak().map_or(mean, |(rate, _)| rate.max(mean));
    let requests = plural(view.total, "request");
    format!("{} on average, {} at the peak; {requests} in {}", rate(mean), rate(peak), clock(view.submitting_us()))
}

/// The three most frequent kinds of failure.
fn kinds(view: &View<'_>) -> String {
    let rows = failures(view.run);
    let is_alone = |name: &str| rows.iter().filter(|row| row.name() == name).count() == 1;
    let named = rows.iter().take(3).map(|row| match (format_count(row.count), row.name()) {
        (count, name) if is_alone(&name) => format!("{count} {name}"),
        (count, name) => format!("{count} {name} at {}", row.vendor.display_name()),
    });
    let named: Vec<String> = named.collect();
    let more = if rows.len() > 3 { format!(", {} more kinds", rows.len() - 3) } else { String::new() };
    if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) }
}

/// What the leads were answered.
fn leads(view: &View<'_>) -> Option<String> {
    let leads = view.run.result.leads;
    let rest = [(leads.refused, "REFUSED"), (leads.unanswered(), "without an answer")];
    let rest = rest.iter().filter(|row| row.0 > 0).map(|(count, what)| format!(", {} {what}", format_count(*count)));
    let (sent, accepted) = (format_count(leads.submitted), format_count(leads.accepted));
    (leads.submitted > 0).then(|| format!("{sent} sent, {accepted} accepted{}", rest.collect::<String>()))
}

/// A whole lead is three operations: one at Clay and two at Customer.io.
fn operations(view: &View<'_>) -> Option<String> {
    let operations = view.run.result.operations;
    let rest = [
        (operations.duplicate, "duplicate"),
        (operations.degraded, "degraded"),
        (operations.queued, "queued"),
        (operations.dead_lettered, "dead-lettered"),
        (operations.rejected, "rejected"),
        (operations.unacknowledged, "never acknowledged"),
        (operations.lost, "LOST"),
    ];
    let rest = rest.iter().filter(|row| row.0 > 0).map(|(count, what)| format!(", {} {what}", format_count(*count)));
    let (delivered, submitted) = (format_count(operations.delivered), format_count(operations.submitted));
    (operations.submitted > 0).then(|| format!("{delivered} of {submitted} delivered{}", rest.collect::<String>()))
}
