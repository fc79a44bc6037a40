//! The vendors' own clients against the simulated vendors: every method that has an endpoint here, and what each client does
//! about every kind of trouble, over TLS and plain HTTP.
//!
//! `tests/clients/install` installs them. Without them these tests say so and pass, unless `PLIMSOLL_REQUIRE_REAL_CLIENTS`
//! is 1.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "real_clients/harness.rs"]
mod harness;
#[path = "real_clients/methods.rs"]
mod methods;
#[path = "real_clients/pipelines.rs"]
mod pipelines;
#[path = "real_clients/trouble.rs"]
mod trouble;
