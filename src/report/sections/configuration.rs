//! How long, with how many users and at what the load was directed.

use std::time::Duration;

use crate::report::document::{Block, Section, Text};
use crate::report::series::routes;
use crate::report::view::View;
use crate::units::format_duration;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let ramp = format!("Ramp: {} VUs", ramp(&view.run.result.scenario.ramp));
    let list = Block::List(vec![duration(view).into(), ramp.into(), endpoints(view)]);
    Some(Section::new("Test Configuration", [list]))
}

fn duration(view: &View<'_>) -> String {
    let load = format_duration(rounded(view.submitting_us()));
    match view.run.result.rest_us {
        rest if rest > 0 && view.run.result.service.is_some() => {
            format!("Duration: {load}, and {} until the service was at rest", format_duration(rounded(rest)))
        }
        _ => format!("Duration: {load}"),
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

fn endpoints(view: &View<'_>) -> Text {
    let routes = routes(view.run);
    let (shown, more) = match routes.len() {
        0 => return "Target endpoint: none was reached".into(),
        count @ 1..=4 => (count, String::new()),
        count => (3, format!(" and {} more", count - 3)),
    };
    let text = Text::from("Target endpoint: ").code(routes[0].name.as_str());
    routes[1..shown].iter().fold(text, |text, route| text.plain(", ").code(route.name.as_str())).plain(more)
}
