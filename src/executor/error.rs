//! Why a load could not be run.

use thiserror::Error;

/// The load could not be started or followed.
#[derive(Debug, Error)]
pub enum ExecutorError {
    /// Goose refused its configuration or failed.
    #[error("the load could not be run: {0}")]
    Goose(String),
    /// This segment of the load has no users.
    #[error("this segment of the load has no users: use fewer segments")]
    NoUsers,
    /// Users were still not at rest long after they had been cut off.
    #[error("the load did not come to rest within {0:?} after it was cut off")]
    NotAtRest(std::time::Duration),
}
