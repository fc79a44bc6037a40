//! Whether the process lives, whether it takes leads, and how its vendors are: three questions with three answers.
//!
//! One answer to all of them restarts a healthy process because a vendor is down, or sends leads to one that can't keep them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::refusal::json as in_json;
use super::{Service, VendorPipeline, metrics};
use crate::store::LeadStore;

/// How long the answer of the store is good for: whoever asks often must not make it commit as often.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// A store that takes longer does not take leads.
const CHECK_WITHIN: Duration = Duration::from_secs(5);

/// What the store said last, and when.
#[derive(Debug, Default)]
pub(super) struct Checked(Mutex<Option<(Instant, Result<(), String>)>>);

impl Checked {
    /// Whether a commit works, asked at most once a second however many want to know.
    async fn now<S: LeadStore>(&self, store: &S) -> Result<(), String> {
        let mut last = self.0.lock().await;
        if let Some((at, result)) = last.as_ref()
            && at.elapsed() < CHECK_EVERY
        {
            return result.clone();
        }
        let result = match timeout(CHECK_WITHIN, store.check()).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the store did not commit within {} s", CHECK_WITHIN.as_secs())),
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

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
    reasons.extend(service.checked.now(&service.store).await.err());
    if reasons.is_empty() {
        return in_json(StatusCode::OK, &json!({ "status": "ready" }));
    }
    in_json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "not ready", "reasons": reasons }))
}

pub(super) async fn health<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Response {
    let vendors: serde_json::Map<String, Value> =
        service.pipelines.iter().map(|(vendor, pipeline)| (vendor.as_str().to_owned(), row(&service, pipeline))).collect();
    let healthy = vendors.values().all(|row| row["healthy"] == true);
    in_json(StatusCode::OK, &json!({ "healthy": healthy, "ready": !service.is_closing(), "vendors": vendors }))
}

/// The health check's row of one vendor.
fn row<S: LeadStore>(service: &Service<S>, pipeline: &VendorPipeline<S>) -> Value {
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
        "last_success": date(status.last_success),
        "last_failure": date(status.last_failure),
    })
}

pub(super) async fn stats<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Response {
    in_json(StatusCode::OK, &service.stats())
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
