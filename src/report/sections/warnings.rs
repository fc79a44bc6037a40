//! What to mistrust.

use crate::event::EventKind;
use crate::report::document::{Block, Section, Text};
use crate::report::view::View;
use crate::report::words::plural;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let result = &view.run.result;
    let mut lines: Vec<Text> = result.warnings.iter().map(|warning| warning.as_str().into()).collect();
    let stale = result.events.iter().filter(|event| matches!(event.kind, EventKind::StaleResult { .. })).count();
    if stale > 0 {
        let results = plural(stale as u64, "result");
        lines.push(
            format!("{results} from before a breaker's transition came back late and did not count for the breaker.").into(),
        );
    }
    if lines.is_empty() {
        lines.push("None.".into());
    }
    Some(Section::new("Warnings", [Block::List(lines)]))
}
