//! One HTTP client for everything that is sent: journeys, pipelines and drains share its connections.
//!
//! Goose's own requests stop the clock at the headers, never read the body, and cost much more; so nothing is sent through
//! them. Here a request has a deadline, and its answer's body is read to the end before it counts as answered. The client
//! is hyper's HTTP/1.1 connections under a pool of our own: the general-purpose pool of hyper-util costs a quarter of a
//! request more (it hashes, clones its connector and spawns a task for each), and a harness pays that on every request.

mod client;
mod connect;
mod error;
mod origin;
mod reach;

pub use client::{Answer, Body, HttpClient, PoolSettings};
pub use error::{SendError, TransportError};
pub use reach::Unreachable;
