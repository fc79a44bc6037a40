//! Whether the process is alive, whether it accepts leads, and how its vendors are: three endpoints.
//!
//! A single endpoint would restart a healthy process because a vendor is down, or send leads to one that can't keep them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::held::Shown;
use super::metrics;
use super::refusal::json as in_json;
use super::state::{Service, VendorPipeline};
use super::stats::Stats;
use crate::outcome::PerVendor;
use crate::store::LeadStore;

pub(super) async fn live() -> Response {
    in_json(StatusCode::OK, &json!({ "status": "live" }))
}

pub(super) async fn ready<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Response {
    let mut reasons = Vec::new();
    if service.is_closing() {
        reasons.push("shutting down".to_owned());
    }
    for (vendor, pipeline) in service.pipelines.iter() {
        let (depth, most) = (pipeline.gauges().queue_depth, service.capacity);
        if depth >= most {
            reasons.push(format!("the queue of {} is full: {depth} of {most}", vendor.display_name()));
        }
    }
    reasons.extend(service.standstill.lock().values().flatten().cloned());
    reasons.extend(service.store_check.now(&service.store).await.err());
    let mut page = json!({ "status": "ready" });
    if !reasons.is_empty() {
        page = json!({ "status": "not ready", "reasons": reasons });
    }
    // Leads are taken although a vendor is held, but they wait.
    let held = service.held().await;
    let held: serde_json::Map<String, Value> = held
        .iter()
        .filter(|(_, held)| !held.is_empty())
        .map(|(vendor, held)| (vendor.as_str().to_owned(), json!(held)))
        .collect();
    if !held.is_empty() {
        page["held"] = held.into();
    }
    in_json(if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &page)
}

pub(super) async fn health<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Response {
    let held = service.held().await;
    let vendors: serde_json::Map<String, Value> = service
        .pipelines
        .iter()
        .map(|(vendor, pipeline)| (vendor.as_str().to_owned(), row(&service, pipeline, &held[vendor])))
        .collect();
    let healthy = vendors.values().all(|row| row["healthy"] == true);
    in_json(StatusCode::OK, &json!({ "healthy": healthy, "ready": service.is_ready(), "vendors": vendors }))
}

/// The health check's row of one vendor.
fn row<S: LeadStore>(service: &Service<S>, pipeline: &VendorPipeline<S>, held: &[Shown]) -> Value {
    let status = pipeline.health();
    let gauges = pipeline.gauges();
    let date = |at: Option<Instant>| at.map(|at| service.date(at));
    json!({
        "healthy": status.healthy,
        "grade": status.grade,
        "score": status.score,
        "latency_ms": status.latency.map(|latency| latency.as_secs_f64() * 1_000.0),
        "circuit": status.circuit,
        "queue_depth": status.queue_depth,
        "queue_capacity": service.capacity,
        "dead_letters": gauges.dead_letters,
        "held": held,
        "last_success": date(status.last_success),
        "last_failure": date(status.last_failure),
    })
}

pub(super) async fn stats<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Response {
    #[derive(Serialize)]
    struct Page {
        #[serde(flatten)]
        stats: Stats,
        held: PerVendor<Vec<Shown>>,
    }
    in_json(StatusCode::OK, &Page { stats: service.stats(), held: service.held().await })
}

pub(super) async fn clock<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Response {
    in_json(StatusCode::OK, &json!({ "elapsed_us": service.elapsed_us() }))
}

pub(super) async fn metrics<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Response {
    match service.metrics.text(&service.stats()) {
        Ok(text) => ([(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE))], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
