//! Why a command on a service's leads failed.

use std::path::PathBuf;

use crate::resilience::StoreError;
use crate::store::sqlite::OpenError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueueError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[cfg(feature = "redis")]
    #[error(transparent)]
    OpenRedis(#[from] crate::store::redis::OpenError),
    #[error("{0}")]
    Url(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} cannot be written: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[error("{0}")]
    Output(std::io::Error),
    #[error("{0}")]
    NotFound(String),
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}
