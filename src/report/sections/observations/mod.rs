//! What the run shows, in sentences. Every one is computed; one that the run gives no ground for is left out.

mod breakers;
mod errors;
mod latency;
mod leads;

use crate::report::document::{Block, Section, Text};
use crate::report::view::View;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    Some(Section::new("Observations", [Block::List(observations(view))]))
}

/// The observations, the most telling first. Never empty.
fn observations(view: &View<'_>) -> Vec<Text> {
    if view.total == 0 {
        return vec!["No request was answered or given up: there is nothing to observe.".into()];
    }
    let mut sentences = Vec::new();
    sentences.extend(leads::answers(view));
    sentences.extend(leads::fate(view));
    sentences.extend(errors::shares(view));
    sentences.extend(errors::faulted(view));
    sentences.extend(latency::under_faults(view));
    sentences.extend(breakers::around_faults(view));
    sentences.extend(leads::queue(view));
    sentences.extend(errors::rate_limits(view));
    sentences.extend(leads::credits(view));
    sentences.extend(latency::slowest_route(view));
    sentences.extend(errors::checks(view));
    sentences.extend(errors::cut_off(view));
    sentences
}

#[cfg(test)]
mod tests;
