//! Operations as the HTTP requests that the vendors know, and their answers as the pipelines know them.
//!
//! Whoever sends, a load test or the service, must send the same requests with the same keys: an auditor joins what was
//! submitted to what had an effect by them, and a vendor ignores duplicates by them. So both take the requests from here.

mod access;
mod endpoints;
mod lead;
pub(crate) mod limits;
mod reply;
mod request;

pub use access::{EndpointError, VendorAccess};
pub(crate) use access::{RawAccess, access_schema};
pub use endpoints::Endpoints;
pub(crate) use endpoints::{bearer, secret_header};
pub(crate) use lead::lead_access_keys;
pub use lead::{ENRICHED_BY, finding, lead_operations, operation_data};
pub use reply::{LONGEST_ANSWER_KEPT, failure_of, is_page, reply};
pub(crate) use request::IDEMPOTENCY_KEY;
pub use request::{IDEMPOTENCY_KEY_FIELD, LEAD_FIELD, RESERVED_FIELDS, request};
