//! Every path of the service.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::state::Service;
use super::{admin, callback, health, intake, leads};
use crate::store::LeadStore;

pub(super) fn router<S: LeadStore>(service: Arc<Service<S>>) -> Router {
    Router::new()
        .route("/leads", post(intake::leads::<S>).get(leads::list::<S>))
        .route("/leads/{id}", get(leads::one::<S>))
        .route("/places", get(leads::places::<S>))
        .route("/callbacks/clay", post(callback::clay::<S>))
        .route("/health", get(health::health::<S>))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready::<S>))
        .route("/metrics", get(health::metrics::<S>))
        .route("/stats", get(health::stats::<S>))
        .route("/clock", get(health::clock::<S>))
        .route("/events", get(leads::events::<S>))
        .route("/admin/redrive", post(admin::redrive::<S>))
        .route("/admin/breakers/{vendor}", post(admin::breaker::<S>))
        .fallback(intake::nothing_here)
        .method_not_allowed_fallback(intake::not_this_way)
        // Bodies are read by `body::read`, which knows the configured bound.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&service), guarded::<S>))
        .with_state(service)
}

async fn guarded<S: LeadStore>(State(service): State<Arc<Service<S>>>, request: Request, next: Next) -> Response {
    match service.guard.check(&request) {
        Ok(()) => next.run(request).await,
        // Whatever the body holds is not read.
        Err(refusal) => refusal.closing().into_response(),
    }
}
