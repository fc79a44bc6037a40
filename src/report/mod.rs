//! Showing a run: in the terminal, as a document, as pictures. Everything is computed from a [`Run`](crate::result::Run)
//! and what was judged of it, so a saved run can be shown again.
//!
//! The sections compute one [document](document::Document); a renderer turns it into its format.

pub mod document;
mod error;
mod files;
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

pub use error::ReportError;
pub use summary::{SummaryOptions, summary};
pub use write::{json, markdown, write_report};

/// What was judged of a run.
pub type Judged = crate::gate::Judged<Assessment>;
