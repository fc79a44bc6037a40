//! Why a run has no result.

use mock_server::process::ChildError;
use thiserror::Error;

use crate::executor::ExecutorError;
use crate::result::WriteError;
use crate::service::supervision::ServiceError;
use crate::transport::{TransportError, Unreachable};
use crate::vendor_api::EndpointError;

/// The run has no result. For every reason but [`RunError::Save`] nothing was measured either, and the run's directory is as it was.
#[derive(Debug, Error)]
pub enum RunError {
    /// The simulated vendors did not start.
    #[error(transparent)]
    Simulator(#[from] ChildError),
    /// The service did not start.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// An endpoint makes no request.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// TLS is not available.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A file of the run cannot be begun.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A target does not answer.
    #[error("{target} cannot be reached: {cause}. Start it, or correct its URL in the scenario")]
    Unreachable {
        /// Host and port.
        target: String,
        /// Why.
        cause: Unreachable,
    },
    /// A journal of leads cannot be begun.
    #[error("cannot write the journals of leads: {0}; --no-journals runs without them")]
    Journals(#[source] std::io::Error),
    /// A sink has no thread.
    #[error("cannot start a thread for an output: {0}")]
    Sinks(#[source] std::io::Error),
    /// The load could not be run.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The caller's [`Stop`](crate::executor::Stop) was raised first.
    #[error("interrupted before the load began: nothing was sent and nothing measured")]
    Interrupted,
    /// The load was run, and its result cannot be written.
    #[error("the run could not be saved: {0}")]
    Save(#[source] WriteError),
}
