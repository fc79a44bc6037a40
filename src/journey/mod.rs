//! What one iteration does: Clay, Customer.io, a whole lead, or plain HTTP to the user's own service.
//!
//! Each journey is a row of the table. [`Workload`] draws one an iteration, by weight, and measures it.

mod action;
pub mod checks;
mod clay_resource;
mod http;
mod integration;
mod kind;
mod leads;
mod measured;
mod pause;
mod pipelines;
mod places;
mod service_lead;
mod settings;
mod submissions;
mod table;
mod tally;
mod third_vendor;
mod vendor_sender;
mod workload;

pub(crate) use integration::summed;
pub use kind::{JourneyKind, Submission};
pub use service_lead::LeadService;
pub use settings::{HttpJourney, Journey, LeadData, LeadUse, ScenarioWork, ThinkTime, WeightedJourney, WorkloadSettings};
pub use submissions::JournalSenders;
pub(crate) use submissions::{not_taken, of_answer};
pub use table::{HTTP, SERVICE_LEADS, journey_named, journeys};
pub use workload::{Workload, WorkloadPlan};
