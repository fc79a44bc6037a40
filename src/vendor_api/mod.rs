//! Operations as the HTTP requests that Clay and Customer.io know, and their answers as the pipelines know them.
//!
//! Whoever sends, a load test or the service, must send the same requests with the same keys: an auditor joins what was
//! submitted to what had an effect by them, and a vendor ignores duplicates by them. So both take the requests from here.

mod endpoints;
mod lead;
mod reply;
mod request;

pub(crate) use endpoints::bearer;
pub use endpoints::{EndpointError, Endpoints, VendorAccess};
pub use lead::{ENRICHED_BY, finding, lead_operations};
pub use reply::{LONGEST_ANSWER_KEPT, reply};
pub use request::{IDEMPOTENCY_KEY_FIELD, LEAD_FIELD, RESERVED_FIELDS, Route, request};
