//! What the iterations of a journey do, once everything that they record is registered.

use super::http::Http;
use super::pipelines::Steps;
use super::service_lead::ServiceLead;

/// What an iteration does.
#[derive(Debug)]
pub(super) enum Action {
    /// Hands operations to the pipelines.
    Pipelines(Steps),
    /// Submits a lead to a service.
    Submit(Box<ServiceLead>),
    /// Sends one request.
    Http(Box<Http>),
}
