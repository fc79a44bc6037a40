//! Faults and events in one sequence on the load's clock: cause and effect stand one below the other.

use crate::event::{Event, EventKind, Guard};
use crate::outcome::Vendor;

use crate::report::document::{Block, Column, Row, Section, Table, Text};
use crate::report::plots::Plot;
use crate::report::series::paused_us;
use crate::report::view::View;
use crate::report::words::clock;
use crate::units::format_count;

/// Most lines of the timeline in the report; the rest is in `summary.json`.
const MOST_IN_REPORT: usize = 60;

/// Most lines of the timeline in the summary; the report has more.
const MOST_IN_SUMMARY: usize = 16;

/// A line of the timeline.
struct Entry {
    /// Microseconds since the load began.
    at_us: u64,
    /// What it is about: a vendor, or the run.
    subject: &'static str,
    /// What happened.
    what: String,
    /// Why, and with which numbers; may be empty.
    why: String,
    /// Whether it is a fault's begin or end, a change of a breaker, or an end: of the credits, of a process, of the load.
    is_main: bool,
}

pub(super) fn report(view: &View<'_>) -> Option<Section> {
    let entries = entries(view);
    let what = if entries.is_empty() {
        "No fault was planned, and no breaker changed its state."
    } else {
        "Times count from the start of the load."
    };
    let mut blocks = vec![Block::Paragraph(what.into())];
    blocks.extend((!view.breakers().is_empty()).then(|| Plot::Breakers.figure()));
    let row = |entry: &Entry| {
        let what = if entry.is_main { Text::default().strong(entry.what.as_str()) } else { entry.what.as_str().into() };
        Row::new([clock(entry.at_us).into(), entry.subject.into(), what, entry.why.as_str().into()])
    };
    let rows: Vec<Row> = entries.iter().take(MOST_IN_REPORT).map(row).collect();
    blocks.extend((!rows.is_empty()).then(|| Block::table(&["At", "Who", "What", "Why"], &[], rows)));
    let more = entries.len().saturating_sub(MOST_IN_REPORT);
    blocks.extend((more > 0).then(|| {
        let text = Text::from(format!("{} later events are in ", format_count(more as u64)));
        Block::Paragraph(text.code("summary.json").plain("."))
    }));
    Some(Section::new("Faults and Breakers", blocks))
}

pub(super) fn summary(view: &View<'_>) -> Option<Section> {
    let main: Vec<Entry> = entries(view).into_iter().filter(|entry| entry.is_main).collect();
    let row = |entry: &Entry| {
        let why = if entry.why.is_empty() { String::new() } else { format!(": {}", entry.why) };
        Row::new([clock(entry.at_us), entry.subject.to_owned(), format!("{}{why}", entry.what)])
    };
    let more = main.len().saturating_sub(MOST_IN_SUMMARY);
    let more = (more > 0).then(|| Row::new([String::new(), format!("{more} more in the report")]));
    let rows: Vec<Row> = main.iter().take(MOST_IN_SUMMARY).map(row).chain(more).collect();
    let columns = vec![Column::figures("").at_least(8), Column::text("").at_least(11), Column::text("")];
    (!rows.is_empty()).then(|| Section::new("Faults and breakers", [Block::Table(Table { columns, rows })]))
}

/// The timeline, in order. Pauses that a vendor asked for in a row are one line; stale results are counted elsewhere.
fn entries(view: &View<'_>) -> Vec<Entry> {
    let mut entries = fault_entries(view);
    let mut pauses: Vec<&Event> = Vec::new();
    for event in &view.run.result.events {
        if matches!(event.kind, EventKind::Paused { .. }) && pauses.last().is_none_or(|last| last.vendor == event.vendor) {
            pauses.push(event);
            continue;
        }
        entries.extend(paused(&std::mem::take(&mut pauses)));
        match event.kind {
            EventKind::Paused { .. } => pauses.push(event),
            _ => entries.extend(entry(event)),
        }
    }
    entries.extend(paused(&pauses));
    entries.sort_by_key(|entry| entry.at_us);
    entries
}

fn subject(vendor: Option<Vendor>) -> &'static str {
    vendor.map_or("run", Vendor::display_name)
}

fn fault_entries(view: &View<'_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for fault in &view.run.result.faults {
        let subject = match fault.vendors.as_slice() {
            [vendor] => vendor.display_name(),
            _ => "both vendors",
        };
        let mut add = |at_us, what: String, why: String| entries.push(Entry { at_us, subject, what, why, is_main: true });
        let Some(started) = fault.started_us else {
            let planned = clock(fault.planned_start_us);
            add(fault.planned_start_us, format!("fault {} never began", fault.name), format!("planned for {planned}"));
            continue;
        };
        add(started, format!("fault {} began", fault.name), fault.what.clone());
        if let Some(ended) = fault.ended_us {
            add(ended, format!("fault {} ended", fault.name), String::new());
        }
    }
    entries
}

fn paused(events: &[&Event]) -> Option<Entry> {
    let first = events.first()?;
    let pauses = events.iter().filter_map(|event| match event.kind {
        EventKind::Paused { for_ms } => Some((event.at_us, for_ms)),
        _ => None,
    });
    let what = match events.len() {
        1 => "asked for a pause".to_owned(),
        count => format!("asked for a pause {count} times"),
    };
    let why = format!("429 with Retry-After, {} in all", clock(paused_us(pauses)));
    Some(Entry { at_us: first.at_us, subject: subject(first.vendor), what, why, is_main: false })
}

fn entry(event: &Event) -> Option<Entry> {
    let (what, why) = match &event.kind {
        // Faults come from their records, which also know what was planned; pauses are gathered; stale results counted.
        // That a run waits for its end is no news when it has ended.
        EventKind::Fault { .. } | EventKind::Paused { .. } | EventKind::StaleResult { .. } | EventKind::Waiting { .. } => {
            return None;
        }
        EventKind::Transition { guard, from, to, cause, .. } => {
            let guard = match guard {
                Guard::CircuitBreaker => "breaker",
                Guard::CreditBudget => "credit budget",
            };
            (format!("{guard} {} → {}", from.as_str(), to.as_str()), cause.clone())
        }
        EventKind::WouldOpen { cause, .. } => ("breaker would open, but only measures".to_owned(), cause.clone()),
        EventKind::Throttling { active, requests, accepts } => {
            let what = if *active { "throttling began" } else { "throttling ended" };
            (what.to_owned(), format!("{accepts} of {requests} requests accepted"))
        }
        EventKind::CreditsExhausted { used, limit } => ("credits used up".to_owned(), format!("{used} of {limit}")),
        EventKind::CreditsReset => ("credit budget reset".to_owned(), String::new()),
        EventKind::Health { from, to, score } => (format!("health {from} → {to}"), format!("{score:.1} % successes")),
        EventKind::ProcessLost { process, how } => (format!("{process} lost"), how.clone()),
        EventKind::Stopped { reason } => ("load ended early".to_owned(), reason.clone()),
    };
    let is_main = matches!(
        event.kind,
        EventKind::Transition { .. }
            | EventKind::WouldOpen { .. }
            | EventKind::Throttling { .. }
            | EventKind::CreditsExhausted { .. }
            | EventKind::CreditsReset
            | EventKind::ProcessLost { .. }
            | EventKind::Stopped { .. }
    );
    Some(Entry { at_us: event.at_us, subject: subject(event.vendor), what, why, is_main })
}
