//! Running a load: users or arrivals at the times that the plan says.
//!
//! [`closed`] has users, who each wait for an answer before they go on. It is the only module that knows Goose. [`local`]
//! drives the same users without it.

pub mod closed;
mod error;
mod launch;
pub mod local;
mod quiet;
mod stop;
mod turns;

pub use error::ExecutorError;
pub use stop::{Level, Stop};
