//! The admin API controls and inspects the running simulation, on a port of its own that no fault can reach.
//!
//! It has a listener, connections and limits of its own, and shares nothing with the vendors' edges but the handle on the
//! running simulation. `routes.rs` is the one table of its operations; the router and the OpenAPI document are both made from
//! it. `guard.rs` says who may use it.

mod clock;
mod faults;
mod guard;
mod health;
mod ledger;
mod metrics;
mod openapi;
mod operation;
mod page;
mod read;
mod refusal;
mod reply;
mod reset;
mod routes;
mod server;
mod state;
mod vendors;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};

use guard::Guard;
use page::Page;
use refusal::{Problem, Refusal};
pub(crate) use server::{AdminServer, Bound};

use crate::running::Simulation;

/// What every operation can reach.
struct Admin {
    simulation: Arc<Simulation>,
    guard: Guard,
    page: Page,
    document: serde_json::Value,
}

impl Admin {
    fn new(simulation: Arc<Simulation>, guard: Guard) -> Self {
        Self { simulation, guard, page: Page::new(), document: openapi::document(&routes::table()) }
    }
}

/// Every operation behind its path, and an answer in the API's own form for everything else.
fn router(admin: Arc<Admin>) -> Router {
    let router =
        routes::table().into_iter().fold(Router::new(), |router, operation| router.route(operation.path, operation.route));
    router
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(axum::middleware::from_fn_with_state(admin.clone(), guarded))
        .with_state(admin)
}

async fn guarded(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let mut response = match admin.guard.check(&request) {
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

async fn not_found(request: Request) -> Refusal {
    let known: Vec<&str> = routes::PATHS.to_vec();
    Refusal::not_found("path", request.uri().path(), &known)
}

async fn method_not_allowed(request: Request) -> Refusal {
    let problem = Problem::new(format!("{} does not take {}", request.uri().path(), request.method()));
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, problem.help("the header `Allow` says what it takes"))
}
