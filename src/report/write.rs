//! The report of a run, as text and as files.

use std::path::{Path, PathBuf};

use crate::result::Run;

use super::error::ReportError;
use super::files::write_whole;
use super::view::View;
use super::{Judged, plots, render, sections};

/// The report of a run as Markdown: what [`write_report`] writes to `report.md`.
pub fn markdown(run: &Run, judged: &Judged) -> String {
    render::markdown(&sections::report(&View::new(run, judged)))
}

/// The report of a run as JSON: its sections, blocks and typed text, for tools.
pub fn json(run: &Run, judged: &Judged) -> String {
    render::json(&sections::report(&View::new(run, judged)))
}

/// Writes `report.md`, and the pictures under `plots/`, into `dir`, which is made if it is not there.
///
/// # Errors
/// When a file cannot be written or a picture not be drawn. Files that were there before are whole in any case.
pub fn write_report(dir: &Path, run: &Run, judged: &Judged) -> Result<PathBuf, ReportError> {
    let view = View::new(run, judged);
    let pictures = dir.join("plots");
    std::fs::create_dir_all(&pictures).map_err(|source| ReportError::write(&pictures, source))?;
    plots::write_all(&pictures, &view)?;
    let report = dir.join("report.md");
    write_whole(&report, render::markdown(&sections::report(&view)).as_bytes())?;
    Ok(report)
}
