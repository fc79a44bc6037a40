//! Simulated Clay and Customer.io, and faults on a timetable.

mod bucket;
pub mod fault;
pub mod latency;
pub mod process;
pub mod seed;
pub mod settings;
pub mod vendor;
