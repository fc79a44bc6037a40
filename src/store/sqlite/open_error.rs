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
    /// An earlier build wrote it, and only a service that starts on it may change it.
    #[error("{} is of version {found}, and this build reads version {VERSION}: start the service of this build on it once, which \
        brings it to that version", path.display())]
    Older {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Its log is there without it.
    #[error("{} is not there, but its log is ({}-wal), with leads that are nowhere else: nothing was touched; put the file back \
        beside its log, or move the log away if what is in it may be lost", path.display(), path.display())]
    LogAlone {
        /// Which file.
        path: PathBuf,
    },
    /// Its log is damaged in the middle.
    #[error("{}-wal, the log of {}, is damaged: {what}; what follows would be lost in silence, so nothing was touched: restore \
        a copy of both files, or move the log away to go on without all that is in it", path.display(), path.display())]
    DamagedLog {
        /// Which file.
        path: PathBuf,
        /// What was found.
        what: String,
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
