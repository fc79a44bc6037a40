//! The report's files. Each is written beside its place and renamed into it, so that nothing half-written is ever found.

use std::path::{Path, PathBuf};

use crate::result::{self, Run};

use super::error::ReportError;
use super::view::View;
use super::{Judged, plots, render, sections};

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

/// Writes a file in one step.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    result::write_atomically(path, bytes).map_err(|source| ReportError::write(path, source))
}

/// A temporary file in a directory, readable by whom the user's umask says, and gone unless it is renamed.
pub(super) fn temporary(directory: &Path, suffix: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-").suffix(suffix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}
