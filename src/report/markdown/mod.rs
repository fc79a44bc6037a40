//! `report.md`: the load-scale document's benchmark template, heading for heading and row for row, and behind it everything that a
//! reader needs to trust and to repeat the figures.

mod benchmark;
mod capacity;
mod provenance;
mod sections;

use super::view::View;

/// The whole report.
pub(super) fn render(view: &View<'_>) -> String {
    let mut text = String::new();
    text.push_str(&benchmark::render(view));
    text.push_str(&sections::render(view));
    text.push_str(&capacity::render(view));
    text.push_str(&provenance::render(view));
    text
}

/// A table; cells must have been escaped.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}

/// Lines of a list.
fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

/// A picture that leads to its drawing.
fn picture(plot: super::plots::Plot) -> String {
    let stem = plot.stem();
    format!("[![{}](plots/{stem}.png)](plots/{stem}.svg)\n", plot.alt())
}
