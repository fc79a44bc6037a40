//! One HTTP client for everything that is sent: journeys, pipelines and drains share its connections.
//!
//! Goose's own requests stop the clock at the headers, never read the body, and cost more than twice as much; so nothing
//! is sent through them. Here a request has a deadline, and its answer's body is read to the end before it counts as
//! answered.

mod client;
mod error;
mod reach;

pub use client::{Answer, Body, HttpClient, PoolSettings};
pub use error::{SendError, TransportError};
pub use reach::reach;
