//! What the documents of a run say: one file a section, each of which computes its figures once, from the [`View`].
//!
//! To add a section, write its file and name it in [`REPORT`], in [`SUMMARY`] or in both.

mod capacity;
mod checks;
mod closing;
mod configuration;
mod environment;
mod errors;
mod expectations;
mod figures;
mod latency;
mod load;
mod method;
mod observations;
mod recommendations;
mod results;
mod thresholds;
mod timeline;
mod title;
mod verdict;
mod warnings;

use std::path::Path;

use super::document::{Document, Section};
use super::view::View;

/// Computes a section; `None` where the run has nothing for it.
type Compute = fn(&View<'_>) -> Option<Section>;

/// The sections of the report, in order. The load-scale document's benchmark template comes first, heading for heading; behind it
/// is everything that a reader needs to trust and to repeat the figures.
const REPORT: &[Compute] = &[
    title::section,
    verdict::report,
    configuration::section,
    results::section,
    observations::section,
    recommendations::section,
    thresholds::report,
    expectations::report,
    checks::section,
    timeline::report,
    latency::section,
    errors::section,
    load::section,
    capacity::section,
    environment::section,
    method::section,
    warnings::section,
];

/// The sections of the summary, in order: the verdict first.
const SUMMARY: &[Compute] = &[verdict::summary, thresholds::summary, expectations::summary, figures::section, timeline::summary];

/// Everything that there is to say about a run.
pub(super) fn report(view: &View<'_>) -> Document {
    Document { title: Some(title::title(view)), sections: computed(REPORT, view) }
}

/// The most important of it. `report` is where the report is, if one was written.
pub(super) fn summary(view: &View<'_>, report: Option<&Path>) -> Document {
    let mut sections = computed(SUMMARY, view);
    sections.push(closing::section(view, report));
    Document { title: None, sections }
}

fn computed(sections: &[Compute], view: &View<'_>) -> Vec<Section> {
    sections.iter().filter_map(|compute| compute(view)).collect()
}
