//! Plimsoll: how much can an integration with Clay and Customer.io carry, and what happens when a vendor goes down?
//!
//! The way the data goes:
//!
//! ```text
//! scenario file ─► scenario ─► plan ─► executor ─► journey ─► resilience ─► transport ─► simulated vendor
//!                                         │
//!                                      measure ─► result (on disk) ─► capacity, gate ─► report
//! ```
//!
//! Modules form levels: each uses only the levels above its own (`tests/architecture.rs` holds the tree to it).

// Level 0: words and numbers that everything else speaks in.
pub mod clock;
pub mod event;
pub mod failpoint;
pub mod outcome;
pub mod seed;
pub mod units;

// Level 1: one mechanism each, none knowing another.
pub mod config;
pub mod journal;
pub mod measure;
pub mod plan;
pub mod resilience;
pub mod threshold;
pub mod transport;

// Level 2: everything that goes in, what one iteration does, everything that came out.
pub mod journey;
pub mod result;
pub mod scenario;
pub mod store;
pub mod vendor_api;

// Level 3: running the load, and judging what came out.
pub mod audit;
pub mod capacity;
pub mod executor;
pub mod gate;
pub mod service;

// Level 4: showing it.
pub mod chaos;
pub mod output;
pub mod report;
pub mod run;

// Level 5: the command line.
pub mod cli;
