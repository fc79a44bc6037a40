//! Capacity: the alert table, the window, the estimate, Little's law, and what they cannot say.

use crate::capacity::{Alert, Estimate, Level, Little, Window};
use crate::gate::without_zeros;
use crate::report::document::{Block, Column, Row, Section, Table, Text, Tone};
use crate::report::view::View;
use crate::report::words::{clock, rate};
use crate::units::{format_seconds, three_figures};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let capacity = &view.judged.capacity;
    let row = |alert: &Alert| {
        let [warning, critical] =
            [alert.warning, alert.critical].map(|limit| format!("> {}", without_zeros(&alert.format(limit))));
        let figures = [alert.metric.clone(), alert.value_text(), warning, critical].map(Text::from);
        Row::new(figures.into_iter().chain([level(alert.level), alert.basis.as_str().into()]))
    };
    let rows = capacity.alerts.iter().map(row).collect();
    let figures = ["Value", "Warning", "Critical"].map(Column::figures);
    let columns = [&[Column::text("Metric")], &figures[..], &["Level", "Taken From"].map(Column::text)].concat();
    let mut lines = Vec::new();
    lines.extend(capacity.window.as_ref().map(window));
    lines.push(estimate(view));
    lines.extend(capacity.little.as_ref().map(little));
    lines.extend(capacity.notes.iter().map(|note| note.as_str().into()));
    Some(Section::new("Capacity", [Block::Table(Table { columns, rows }), Block::List(lines)]))
}

/// The rows of the summary: the estimate, the window, and the alerts that were raised.
pub(super) fn facts(view: &View<'_>) -> Vec<Row> {
    let capacity = &view.judged.capacity;
    let estimate = match (&capacity.estimate, &capacity.declined) {
        _ if !capacity.over_capacity.is_empty() => format!("OVER CAPACITY: {}", capacity.over_capacity.join("; ")),
        (Some(estimate), _) => format!(
            "{}: headroom {:.0} %, {} (utilisation estimate)",
            estimate.recommendation.as_str(),
            estimate.headroom_percent,
            maximum(estimate),
        ),
        (None, why) => format!("no estimate: {}", why.as_deref().unwrap_or("nothing was measured")),
    };
    let mut rows = vec![Row::fact("Capacity", estimate)];
    rows.extend(capacity.window.as_ref().map(|window| {
        let span = format!("{}–{}", clock(window.start_us), clock(window.end_us));
        let cpu = window.cpu_percent.map_or(String::new(), |cpu| format!(", CPU {} %", three_figures(cpu)));
        Row::fact("", format!("busiest sustained window {span}: {} with {}{cpu}", rate(window.rate), window.planned))
    }));
    let raised = capacity.alerts.iter().filter(|alert| alert.level >= Level::Warning);
    rows.extend(raised.map(|alert| {
        Row::fact("", level(alert.level).plain(format!(": {} {} ({})", alert.metric, alert.value_text(), alert.basis)))
    }));
    rows
}

/// The maximum, and what it rests on.
pub(super) fn maximum(estimate: &Estimate) -> String {
    let basis = if estimate.is_sustained() { "or more, which the run sustained" } else { "at 70 % CPU" };
    format!("{} {basis}", rate(estimate.max_rps.floor()))
}

fn level(level: Level) -> Text {
    match level {
        Level::Critical => Text::default().toned(Tone::Bad, level.as_str()),
        Level::Warning => Text::default().toned(Tone::Doubtful, level.as_str()),
        Level::Ok | Level::Unknown => level.as_str().into(),
    }
}

fn window(window: &Window) -> Text {
    let cpu = window.cpu_percent.map_or("not read".to_owned(), |cpu| format!("{} %", three_figures(cpu)));
    format!(
        "Busiest sustained window: {}–{} with {} planned: {}, varying by {} % from second to second, CPU {cpu} of the machine.",
        clock(window.start_us),
        clock(window.end_us),
        window.planned,
        rate(window.rate),
        three_figures(window.variation * 100.0),
    )
    .into()
}

fn estimate(view: &View<'_>) -> Text {
    let capacity = &view.judged.capacity;
    match (&capacity.estimate, &capacity.declined) {
        _ if !capacity.over_capacity.is_empty() => {
            Text::default().strong("Over capacity").plain(format!(": {}.", capacity.over_capacity.join("; ")))
        }
        (Some(estimate), _) => Text::from(format!(
            "Utilisation estimate: {} at {} % CPU, so {}; headroom {:.0} %. ",
            rate(estimate.current_rps),
            three_figures(estimate.cpu_percent),
            maximum(estimate),
            estimate.headroom_percent,
        ))
        .strong(estimate.recommendation.as_str())
        .plain("."),
        (None, why) => format!("Utilisation estimate: declined: {}.", why.as_deref().unwrap_or("nothing was measured")).into(),
    }
}

fn little(little: &Little) -> Text {
    let measured = format!(
        "Little's law, N = X × (R + Z): {} users, {} iterations, {} each; think time by difference {}",
        three_figures(little.users),
        rate(little.iteration_rate),
        format_seconds(little.iteration_seconds),
        format_seconds(little.think_seconds),
    );
    let (Some(planned), Some(expected), Some(agrees)) = (little.planned_think_seconds, little.expected_users, little.agrees)
    else {
        return format!("{measured}. The scenario's think time is not known, so nothing is checked.").into();
    };
    let (planned, expected) = (format_seconds(planned), three_figures(expected));
    let text = Text::from(format!("{measured}, planned {planned}. The law asks for {expected} users: "));
    let text = if agrees { text.plain("they agree") } else { text.strong("they do not agree") };
    text.plain(" within 10 %.")
}
