//! What the iterations of a journey do, once everything that they record is registered.

use super::clay_resource::ClayResource;
use super::http::{Http, Prepared};
use super::pipelines::Steps;
use super::service_lead::ServiceLead;
use super::settings::Journey;
use super::vendor_sender::OperationRoutes;
use crate::measure::RecorderBuilder;
use crate::vendor_api::Endpoints;

/// What an iteration does.
#[derive(Debug)]
pub(super) enum Action {
    /// Sends Clay's sample request.
    ClayResource(ClayResource),
    /// Hands operations to the pipelines.
    Pipelines(Steps),
    /// Submits a lead to a service.
    Submit(Box<ServiceLead>),
    /// Sends a request to the user's own service.
    Http(Box<Http>),
}

/// What a journey is registered with.
pub(super) struct Registration<'a> {
    pub(super) journey: &'a Journey,
    pub(super) endpoints: &'a Endpoints,
    /// The `http` journeys' requests, in their order.
    pub(super) http: &'a mut dyn Iterator<Item = Prepared>,
    /// The routes of the journeys that go through the pipelines, by their number as callers.
    pub(super) callers: &'a mut Vec<OperationRoutes>,
    pub(super) recorder: &'a mut RecorderBuilder,
}
