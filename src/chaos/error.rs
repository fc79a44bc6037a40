//! Why a harness could not do its work. What it found is no error.

use std::io;
use std::path::{Path, PathBuf};

use http::Uri;
use thiserror::Error;

use crate::journal::JournalError;
use crate::service::supervision::PlacesError;

fn words(log: &Path, last: &str) -> String {
    let log = log.display();
    if last.is_empty() { format!("it printed nothing to {log}") } else { format!("the last that it printed to {log}:\n{last}") }
}

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
    /// Something else takes its leads.
    #[error("something takes connections at {leads} {when}, and would be taken for the service")]
    Taken {
        /// Where it takes leads.
        leads: Uri,
        /// Since when, and what to do.
        when: &'static str,
    },
    /// It did not come up, or it ended by itself.
    #[error("{how}, in life {life}; {}", words(.log, .last_words))]
    NotUp {
        /// Which of its lives, from 1.
        life: usize,
        /// What was seen instead.
        how: String,
        /// Where its messages are.
        log: PathBuf,
        /// The last of this life.
        last_words: String,
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
