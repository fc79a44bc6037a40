//! What an operator does by hand: bring dead letters back, hold a vendor's breaker open.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use mock_server::json::Json;
use serde_json::json;
use tokio::time::Instant;

use super::intake::store_failed;
use super::refusal::{Problem, Refusal, json as in_json, nearest};
use super::state::{Service, VendorPipeline};
use super::{body, strict_json};
use crate::outcome::Vendor;
use crate::resilience::settings::BreakerMode;
use crate::store::LeadStore;

/// What a breaker can be set to; `reset` puts it in force, closed and with an empty window.
const MODES: [(&str, BreakerMode); 4] = [
    ("reset", BreakerMode::InForce),
    ("forced_open", BreakerMode::ForcedOpen),
    ("disabled", BreakerMode::Disabled),
    ("metrics_only", BreakerMode::MetricsOnly),
];

/// The budget of a vendor's credits has a breaker of its own.
const CREDIT_BUDGET: &str = "credit_budget";
const GUARDS: [&str; 2] = ["circuit_breaker", CREDIT_BUDGET];
const FIELDS: [&str; 2] = ["guard", "mode"];

pub(super) async fn redrive<S: LeadStore>(State(service): State<Arc<Service<S>>>) -> Result<Response, Refusal> {
    let mut redriven = serde_json::Map::new();
    for (vendor, pipeline) in service.pipelines.iter() {
        let done = pipeline.redrive().await.map_err(|error| store_failed(&service, &error))?;
        redriven.insert(vendor.as_str().to_owned(), json!(done));
    }
    service.wake();
    Ok(in_json(StatusCode::OK, &redriven))
}

pub(super) async fn breaker<S: LeadStore>(
    State(service): State<Arc<Service<S>>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let found = service.pipelines.iter().find(|(vendor, _)| vendor.as_str() == name);
    let Some((vendor, pipeline)) = found else {
        let problem = Problem::new(format!("there is no vendor `{}`", name.escape_debug()))
            .help(nearest(&name, &Vendor::ALL.map(Vendor::as_str)));
        return Err(Refusal::new(StatusCode::NOT_FOUND, problem));
    };
    let body = body::read(&head.headers, body, &service.limits).await?;
    let body = body::decoded(&head.headers, body, &service.limits)?;
    let asked = strict_json::read(&body)?;
    let mode = mode(&asked)?;
    if asked.text("guard").is_some_and(|guard| guard == CREDIT_BUDGET) {
        return reset_budget(vendor, mode, pipeline, &service);
    }
    let Some(breaker) = pipeline.breaker() else {
        let problem = Problem::new(format!("the pipeline of {} has no circuit breaker", vendor.display_name()));
        return Err(Refusal::new(StatusCode::CONFLICT, problem.help("its configuration says `breaker = false`")));
    };
    breaker.set_mode(mode, Instant::now());
    service.wake();
    Ok(in_json(StatusCode::OK, &json!({ "vendor": vendor, "state": breaker.state() })))
}

/// The credit budget's own breaker can only be reset: what else holds the spending is the circuit breaker's.
fn reset_budget<S: LeadStore>(
    vendor: Vendor,
    mode: BreakerMode,
    pipeline: &VendorPipeline<S>,
    service: &Service<S>,
) -> Result<Response, Refusal> {
    let Some(budget) = pipeline.credit_budget() else {
        let problem = Problem::new(format!("the pipeline of {} has no credit budget", vendor.display_name()));
        return Err(Refusal::new(StatusCode::CONFLICT, problem));
    };
    if mode != BreakerMode::InForce {
        let problem = Problem::of("mode", "the credit budget can only be reset").help("send {\"mode\": \"reset\"}");
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem));
    }
    budget.reset(Instant::now());
    service.wake();
    Ok(in_json(StatusCode::OK, &json!({ "vendor": vendor, "guard": CREDIT_BUDGET, "state": budget.state() })))
}

fn mode(asked: &Json) -> Result<BreakerMode, Refusal> {
    let refuse = |problem: Problem| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem));
    let fields = asked.fields().unwrap_or_default();
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.iter().any(|known| name == known)) {
        return refuse(Problem::new(format!("there is no field `{}`", unknown.escape_debug())).help(nearest(unknown, &FIELDS)));
    }
    if fields.contains_key("guard") && !asked.text("guard").is_some_and(|guard| GUARDS.contains(&guard.as_ref())) {
        return refuse(Problem::of("guard", "there is no such guard").help(format!("there are {}", GUARDS.join(", "))));
    }
    let known = MODES.map(|(name, _)| name);
    let Some(name) = asked.text("mode") else {
        return refuse(Problem::of("mode", "`mode` is missing").help(format!("send {{\"mode\": …}}: {}", known.join(", "))));
    };
    match MODES.into_iter().find(|(known, _)| *known == name) {
        Some((_, mode)) => Ok(mode),
        None => refuse(Problem::of("mode", format!("there is no mode `{}`", name.escape_debug())).help(nearest(&name, &known))),
    }
}
