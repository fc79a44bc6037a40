//! What was measured, when and where: the head of the benchmark template.

use crate::outcome::Peer;
use crate::report::document::{Block, Section, Span, Text};
use crate::report::view::View;

/// Names the vendors that requests went to.
pub(super) fn title(view: &View<'_>) -> String {
    let vendors = view.vendors();
    let names: Vec<&str> = vendors
        .iter()
        .map(|vendor| match vendor {
            Peer::Service => "Service",
            vendor => vendor.display_name(),
        })
        .collect();
    let subject = match names.as_slice() {
        [] => "Clay".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    format!("{subject} Performance Benchmark")
}

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let result = &view.run.result;
    let date = result.started_at.get(..10).unwrap_or(&result.started_at);
    let line = |text: Text, name: &str, value: &str| text.strong(name).plain(format!(" {value}"));
    let text = line(Text::default(), "Date:", date).with(Span::Break);
    let text = line(text, "Environment:", or_dash(&result.scenario.environment)).with(Span::Break);
    let text = line(text, "SDK Version:", or_dash(&result.scenario.version));
    Some(Section::untitled([Block::Paragraph(text)]))
}

fn or_dash(text: &str) -> &str {
    if text.trim().is_empty() { "—" } else { text }
}
