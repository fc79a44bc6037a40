//! The admin API controls and inspects the running simulation, on a port of its own that no fault can reach.
//!
//! It has a listener, connections and limits of its own, and shares nothing with the vendors' edges but the handle on the
//! running simulation. `routes.rs` is the one table of its operations; the router and the OpenAPI document are both made from
//! it. `guard.rs` says who may use it.

mod clock;
mod context;
mod faults;
mod guard;
mod health;
mod ledger;
mod metrics;
mod openapi;
mod operation;
mod page;
mod read;
mod reply;
mod reset;
mod routes;
mod server;
mod state;
mod unknown;
mod vendors;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};

use context::Context;
pub(crate) use server::{AdminServer, Bound};

use crate::guard::Guard;
use crate::refusal::{Problem, Refusal};
use crate::running::Simulation;

/// Every operation behind its path, and an answer in the API's own form for everything else.
fn router(simulation: Arc<Simulation>, guard: Guard) -> Router {
    let operations = routes::table();
    let document = openapi::document(&operations);
    let context = Arc::new(Context { simulation, guard, policy: page::policy(), document });
    operations
        .into_iter()
        .fold(Router::new(), |router, operation| router.route(operation.path, operation.route))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(axum::middleware::from_fn_with_state(context.clone(), guarded))
        .with_state(context)
}

async fn guarded(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let mut response = match context.guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    // Answers must not be cached, sniffed or shared with other origins.
    response.headers_mut().extend([
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ]);
    response
}

async fn not_found(State(context): State<Arc<Context>>, request: Request) -> Refusal {
    let paths = context.document["paths"].as_object().into_iter().flatten();
    let known: Vec<&str> = paths.map(|(path, _)| path.as_str()).collect();
    unknown::not_found("path", request.uri().path(), &known)
}

async fn method_not_allowed(request: Request) -> Refusal {
    let problem = Problem::new(format!("{} does not take {}", request.uri().path(), request.method()));
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, problem.help("the header `Allow` says what it takes"))
}
