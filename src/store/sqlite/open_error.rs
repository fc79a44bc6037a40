//! Why a file was not opened.

use std::path::PathBuf;

use super::schema::VERSION;

/// Why a file was not opened. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refuses.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        error: std::io::Error,
    },
    /// Another process has it.
    #[error("{} is in use by {}: one service owns a file; stop the other, or give this one a file of its own", path.display(),
        pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// Which file.
        path: PathBuf,
        /// The process that has it, where it said so.
        pid: Option<u32>,
    },
    /// It is a file of something else.
    #[error("{} is not a store of leads: {what}; name another file", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// A later build wrote it.
    #[error("{} is of version {found}, and this build knows versions up to {VERSION}: use the build that wrote it, or a later one",
        path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It is damaged.
    #[error("{} is damaged: {what}; it was not touched: restore a copy, or recover it with `sqlite3 {} .recover`",
        path.display(), path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        what: String,
    },
    /// SQLite refuses.
    #[error("{}: {what}", path.display())]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// What it says.
        what: String,
    },
}
