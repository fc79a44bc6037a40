//! Simulated Clay and Customer.io, and faults on a timetable.

pub mod fault;
pub mod latency;
pub mod process;
pub mod settings;
