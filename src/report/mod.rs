//! Showing a run: in the terminal, as a document, as pictures. Everything is computed from a [`Run`] and what was judged of it, so
//! a saved run can be shown again.
//!
//! The sections compute one [document](document::Document); a renderer turns it into its format.

pub mod document;
mod error;
#[cfg(test)]
mod fixture;
mod plots;
mod render;
mod sections;
mod series;
mod summary;
mod view;
mod words;
mod write;

use crate::capacity::Assessment;
use crate::result::Run;

pub use error::ReportError;
pub use summary::{SummaryOptions, summary};
pub use write::write_report;

/// What was judged of a run.
pub type Judged = crate::gate::Judged<Assessment>;

/// The report of a run as Markdown: what [`write_report`] writes to `report.md`.
pub fn markdown(run: &Run, judged: &Judged) -> String {
    render::markdown(&sections::report(&view::View::new(run, judged)))
}

/// The report of a run as JSON: its sections, blocks and typed text, for tools.
pub fn json(run: &Run, judged: &Judged) -> String {
    render::json(&sections::report(&view::View::new(run, judged)))
}
