//! Running a load: users or arrivals at the times that the plan says.
//!
//! Each executor is a file, with its keys, their checks and what it asks for; `registry` is the table of them. [`closed`] drives
//! those with users, who each wait for an answer before they go on. It is the only module that knows Goose; [`local`] drives the
//! same users without it.

pub mod closed;
mod constant_vus;
mod error;
mod fixed_users;
mod kind;
mod load;
pub mod local;
mod per_vu_iterations;
mod quiet;
mod ramping_vus;
mod registry;
mod schedule;
mod shared_iterations;
mod stop;
mod user;

pub use error::ExecutorError;
pub use kind::{Drive, Executor, Iterations};
pub use load::{Load, Phase, ScenarioLoad};
pub(crate) use registry::{ExecutorKeys, ExecutorName};
pub use stop::{Level, Stop};
pub use user::{Next, User, Work};
