//! Simulated Clay and Customer.io, and faults on a timetable.

mod admin;
mod bucket;
mod callback;
pub mod clock;
pub mod command;
pub mod counts;
pub mod duration;
mod edge;
pub mod exchange;
pub mod fault;
pub mod latency;
pub mod ledger;
mod limit;
pub mod process;
mod retry_after;
mod running;
mod secret;
pub mod seed;
pub mod settings;
pub mod simulated;
pub mod simulation;
mod text;
pub mod timetable;
mod tls;
mod wire;
