//! One [`Transport`] for everything that a load sends: journeys, pipelines and drains share it.
//!
//! Goose's own requests stop the clock at the headers, never read the body, and cost much more; so nothing is sent through
//! them. Here a request has a deadline, and its answer's body is read to the end before it counts as answered.
//!
//! [`HttpClient`] sends over sockets. It is hyper's HTTP/1.1 connections under a pool of our own: the general-purpose pool of
//! hyper-util costs a quarter of a request more (it hashes, clones its connector and spawns a task for each), and a harness
//! pays that on every request. [`SimulatedNetwork`] leads to the simulated vendors in the same process, in time that a test
//! can pause. Both name failures alike.

mod connect;
mod error;
mod exchange;
mod origin;
mod reach;
mod simulated_network;
mod socket;
mod sockets;
#[cfg(test)]
mod tests;
mod trace;

pub use error::{SendError, TransportError};
pub use exchange::{Answer, Body, Transport};
pub use reach::Unreachable;
pub use simulated_network::SimulatedNetwork;
pub use sockets::{HttpClient, PoolSettings};
pub use trace::Trace;
