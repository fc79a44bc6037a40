//! The simulated Clay: webhook sources, the public API, enrichment that takes time and credits, and callbacks.
//!
//! Errors are always `{"message":"…"}`, as Clay documents for its public API; for webhook sources no body is publicly
//! documented, and the same form was chosen because clients already have to read it.

mod api;
mod api_limit;
mod auth;
mod callback;
mod credits;
mod enrich;
mod lead;
mod path;
mod profile;
mod read;
mod resource;
mod row;
mod sections;
mod settings;
mod setup;
mod webhook;
mod workspace;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

pub use callback::{Attempt, Delivery, DeliveryStatus};
pub(crate) use callback::{Callback, Deliveries};
pub use credits::{Bill, CreditState};
pub use path::{ME, RESOURCE, RESULTS, RUN, WEBHOOK};
pub use profile::Profile;
pub use row::{Row, RowStatus};
pub use settings::{
    CallbackSettings, ClaySettings, CreditSettings, EnrichmentSettings, Plan, Provider, PublicApiSettings, RegisteredWebhook,
    Routine, WebhookSource, WhenExhausted,
};

use path::Path;
use setup::Setup;
use workspace::Workspace;

use super::{Answer, Effect, Request, Vendor};
use crate::clock::DayClock;
use crate::json::Json;
use crate::keys::FurtherKeys;
use crate::retry_after::RetryAfterStyle;
use crate::seed::Seed;

/// The parts of the state that the admin API reads.
const SECTIONS: &[&str] = &["sources", "rows", "routines", "runs", "credits", "limits", "callbacks"];

/// Every route.
pub(super) const ROUTES: &[&str] = &[WEBHOOK, RESOURCE, ME, RUN, RESULTS];

/// The largest body that a webhook source or `/v1/resource` reads, in bytes (reported by integrators as 100 KB; taken as
/// 100 × 1024 because the unit is not publicly documented and the larger reading refuses nothing that Clay accepts).
pub const LARGEST_PAYLOAD: usize = 100 * 1024;

/// A Clay workspace.
pub struct Clay {
    setup: Setup,
    workspace: Mutex<Workspace>,
    pub(crate) deliveries: Deliveries,
    further_keys: FurtherKeys,
    answered: AtomicU64,
}

impl Clay {
    /// A fresh workspace, whose month begins now.
    pub fn new(settings: ClaySettings, seed: Seed, clock: DayClock) -> Self {
        let setup = Setup::new(settings, seed, clock);
        let workspace = Workspace::new(&setup.settings, setup.sources.len(), Instant::now());
        Self {
            setup,
            workspace: Mutex::new(workspace),
            deliveries: Deliveries::default(),
            further_keys: FurtherKeys::default(),
            answered: AtomicU64::new(0),
        }
    }

    fn dispatch(&self, request: &Request<'_>, now: Instant) -> Answer {
        let path = Path::of(request.path);
        let source = if let Some(Path::Webhook(id)) = path { self.source(id) } else { None };
        match (path, source) {
            (None, _) | (Some(Path::Webhook(_)), None) => self.error(StatusCode::NOT_FOUND, "not found"),
            (Some(path), _) if *request.method != path.method() => {
                let allowed = if path.method() == Method::POST { "POST" } else { "GET" };
                self.error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").allowing(allowed)
            }
            (Some(Path::Webhook(_)), Some(source)) => self.submit(source, request, now),
            (Some(Path::Resource), _) => self.resource(request),
            (Some(path), _) => self.api(path, request, now),
        }
    }

    /// Settles what is due, and then looks or acts.
    fn with_workspace<T>(&self, now: Instant, act: impl FnOnce(&mut Workspace) -> T) -> T {
        let mut workspace = self.workspace.lock();
        workspace.settle(now, &self.setup);
        act(&mut workspace)
    }

    fn too_many(&self, wait: Duration) -> Answer {
        // In seconds no date is needed.
        let value = RetryAfterStyle::Seconds.value(wait, std::time::SystemTime::UNIX_EPOCH);
        self.error(StatusCode::TOO_MANY_REQUESTS, "rate limit exceeded").with_retry_after(value)
    }
}

impl Vendor for Clay {
    fn route(&self, method: &Method, request_path: &str) -> Option<&'static str> {
        Path::of(request_path).filter(|path| path.method() == method).map(Path::route)
    }

    /// The lead's e-mail address, its company's domain or its id; for a run, those of its first item.
    fn subject<'a>(&self, request: &Request<'a>) -> Option<Cow<'a, str>> {
        let lead = match Path::of(request.path)? {
            Path::Webhook(_) | Path::Resource => self.setup.lead(request.body)?,
            Path::Run(_) => return api::first_subject(&self.setup, request.body).map(Cow::Owned),
            Path::Me | Path::Results(_) => return None,
        };
        lead.subject().cloned()
    }

    fn carries(&self, request: &Request<'_>, secret: &str) -> bool {
        self.carries_secret(request, secret)
    }

    fn accept_also(&self, secrets: Vec<String>) {
        self.further_keys.set(secrets);
    }

    fn sections(&self) -> Vec<&'static str> {
        SECTIONS.to_vec()
    }

    fn section(&self, name: &str) -> Option<Json> {
        self.section_at(name, Instant::now())
    }

    fn reset(&self) {
        let old = {
            let mut workspace = self.workspace.lock();
            let fresh = workspace.renewed(&self.setup.settings, Instant::now());
            std::mem::replace(&mut *workspace, fresh)
        };
        // Outside the lock: there may be much to drop.
        drop(old);
        self.deliveries.clear();
        self.answered.store(0, Ordering::Relaxed);
        self.deliveries.changed.notify_one();
    }

    fn answer(&self, request: &Request<'_>, now: Instant) -> Answer {
        let mut answer = self.dispatch(request, now);
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        answer.delay = self.setup.settings.latency.sample(&mut self.setup.seed.draw("clay latency", number));
        answer
    }

    fn error(&self, status: StatusCode, message: &str) -> Answer {
        Answer::json(status, json!({ "message": message }).to_string())
    }
}

/// What a request has done.
fn one_effect(what: &'static str, subject: String, id: Option<String>, credits: u32) -> Effect {
    Effect { what: Cow::Borrowed(what), subject, names: Vec::new(), id, credits }
}

#[cfg(test)]
mod tests;
