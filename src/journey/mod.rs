//! What one iteration does: Clay, Customer.io, a whole lead, or plain HTTP to the user's own service.
//!
//! Each journey is a file. [`Workload`] draws one an iteration, by weight, and measures it.

mod clay_resource;
mod http;
mod integration;
mod journaled_backlog;
mod lead;
mod leads;
mod measured;
mod operations;
mod pause;
mod service_lead;
mod submissions;
mod vendor_sender;
mod workload;

pub use service_lead::LeadService;
pub use submissions::JournalSenders;
pub use workload::{Workload, WorkloadPlan};
