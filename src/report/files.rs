//! Files of the report: each is written beside its place and renamed into it, so that a half-written one is never found.

use std::path::Path;

use super::error::ReportError;
use crate::result;

/// Writes a file in one step.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    result::write_atomically(path, bytes).map_err(|source| ReportError::write(path, source))
}

/// A temporary file in a directory, readable as the user's umask allows, and gone unless it is renamed.
pub(super) fn temporary(directory: &Path, suffix: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-").suffix(suffix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}
