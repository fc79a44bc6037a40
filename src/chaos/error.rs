//! Why a harness could not do its work. What it found is no error.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::journal::JournalError;
use crate::service::supervision::PlacesError;

/// Why there is no verdict.
#[derive(Debug, Error)]
pub enum ChaosError {
    /// A file of the harness.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The simulated vendors.
    #[error("the simulated vendors cannot run: {0}")]
    Vendors(String),
    /// The service could not be started.
    #[error("cannot start the service as `{command}`: {source}")]
    Spawn {
        /// How it was to be started.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It did not come up.
    #[error("the service did not come up within {seconds} s in life {life} ({how}); what it said is in {log}")]
    NotUp {
        /// Which of its lives, from 1.
        life: usize,
        /// How long was waited.
        seconds: u64,
        /// What was seen instead.
        how: String,
        /// Where its messages are.
        log: PathBuf,
    },
    /// The places at rest.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// A journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It was interrupted.
    #[error("interrupted")]
    Interrupted,
}
