//! The simulated Customer.io: a workspace with the Track API in both versions, the App API and the Pipelines API.
//!
//! The vendor's hosts differ, the simulator's port is one: no path is in two of the APIs. A request is read into
//! operations, whichever API it came through, and the operations are carried out by one store.
//!
//! A success is `{}` and a newline, as recorded from production. Errors have the form that is documented for their API.

mod answers;
mod app;
mod attributes;
mod credentials;
mod date;
mod dedup;
mod fields;
mod limits;
mod operation;
mod pipelines;
mod quota;
mod route;
mod sections;
mod settings;
mod store;
mod subject;
mod track_v1;
mod track_v2;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use parking_lot::{Mutex, RwLock};
use rand::RngCore;
use serde_json::json;
use tokio::time::Instant;

use self::operation::{Identifier, NewTrigger, Operation};
use self::quota::Quotas;
use self::route::{Api, Endpoint, Route, route};
use self::store::{Received, Store};
use super::{Answer, Effect, Request, Vendor};
use crate::clock::DayClock;
use crate::json::Json;
use crate::keys::FurtherKeys;
use crate::seed::Seed;

pub use self::operation::{Channel, EventKind};
pub use self::route::*;
pub use self::settings::{CustomerIoSettings, Region};
pub use self::store::{Customer, CustomerEvent, Identifiers};

/// The largest body that any of its routes reads, in bytes: a transactional message of 1 MB with 2 MB of attachments in base
/// 64, and room for their names.
pub const LARGEST_PAYLOAD: usize = limits::MESSAGE + limits::ATTACHMENTS / 3 * 4 + 64 * 1024;

/// A Customer.io workspace.
///
/// ```
/// use mock_server::clock::DayClock;
/// use mock_server::seed::Seed;
/// use mock_server::settings::CustomerIoSettings;
/// use mock_server::simulated::customer_io::CustomerIo;
///
/// let workspace = CustomerIo::new(CustomerIoSettings::default(), Seed(1), DayClock::machine());
/// // After requests for them, what it knows can be asserted on:
/// assert!(workspace.customer("ada").is_none());
/// assert!(workspace.events("ada").is_empty());
/// ```
pub struct CustomerIo {
    settings: CustomerIoSettings,
    seed: Seed,
    clock: DayClock,
    answered: AtomicU64,
    deliveries: AtomicU64,
    triggers: AtomicU64,
    further_keys: FurtherKeys,
    /// Behind a lock only for the sake of a reset.
    quotas: RwLock<Quotas>,
    store: Mutex<Store>,
}

impl CustomerIo {
    /// A fresh workspace.
    pub fn new(settings: CustomerIoSettings, seed: Seed, clock: DayClock) -> Self {
        Self {
            answered: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            triggers: AtomicU64::new(0),
            further_keys: FurtherKeys::default(),
            quotas: RwLock::new(Quotas::new(&settings)),
            store: Mutex::new(fresh(&settings, seed)),
            settings,
            seed,
            clock,
        }
    }

    /// A person, by any of their identifiers: `id`, e-mail address, or `cio_id` behind `cio_`.
    pub fn customer(&self, identifier: &str) -> Option<Customer> {
        self.store.lock().customer(&Identifier::from_text(identifier.to_owned()))
    }

    /// Everyone, in order of creation.
    pub fn customers(&self) -> Vec<Customer> {
        self.store.lock().customers()
    }

    /// The events of a person, in order of arrival.
    pub fn events(&self, identifier: &str) -> Vec<CustomerEvent> {
        self.store.lock().events_of(&Identifier::from_text(identifier.to_owned()))
    }

    /// The events of everyone, known or anonymous, in order of arrival.
    pub fn all_events(&self) -> Vec<CustomerEvent> {
        self.store.lock().events()
    }

    fn dispatch(&self, request: &Request<'_>, now: Instant) -> Answer {
        let Some(route) = route(request.path) else {
            return answers::error(route::api_of(request.path), StatusCode::NOT_FOUND, "not found");
        };
        let Some(endpoint) = route.endpoint(request.method) else {
            let answer = answers::error(route.api(), StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            return answer.allowing(route.allowed());
        };
        if let Some(refusal) = self.refuse(endpoint, request) {
            return refusal;
        }
        if let Some(refusal) = self.quotas.read().refuse(endpoint, now, || self.reference()) {
            return refusal;
        }
        self.serve(endpoint, &route, request, now)
    }

    /// The answer to a request without the right credentials, or to the wrong region's host.
    fn refuse(&self, endpoint: Endpoint, request: &Request<'_>) -> Option<Answer> {
        let api = endpoint.api();
        let region_matters = endpoint != Endpoint::FindRegion;
        let may = self.accepts(api, request.headers) && (!region_matters || self.serves_region(api, request.headers));
        if may {
            return None;
        }
        Some(match api {
            Api::App => answers::app(StatusCode::UNAUTHORIZED, "unauthorized"),
            Api::Pipelines => pipelines::refusal(request.headers, StatusCode::UNAUTHORIZED, "Unauthorized request"),
            _ => answers::error(api, StatusCode::UNAUTHORIZED, "Unauthorized request"),
        })
    }

    fn serve(&self, endpoint: Endpoint, route: &Route<'_>, request: &Request<'_>, now: Instant) -> Answer {
        match endpoint {
            Endpoint::FindRegion => track_v1::region(&self.settings),
            Endpoint::Entity => match track_v2::entity(request.body) {
                Ok(operations) => self.carry_out(operations, now, answers::done()),
                Err(problem) => problem.answer(),
            },
            Endpoint::Batch => match track_v2::batch(request.body) {
                Ok((operations, answer)) => self.carry_out(operations, now, answer),
                Err(problem) => problem.answer(),
            },
            Endpoint::SendEmail => self.send(Channel::Email, request, now),
            Endpoint::SendPush => self.send(Channel::Push, request, now),
            Endpoint::SendSms => self.send(Channel::Sms, request, now),
            Endpoint::SendWhatsApp => self.send(Channel::WhatsApp, request, now),
            Endpoint::SendInApp => self.send(Channel::InApp, request, now),
            Endpoint::SendInboxMessage => self.send(Channel::InboxMessage, request, now),
            Endpoint::TriggerBroadcast => self.trigger(route.id, request, now),
            Endpoint::FindCustomers => self.find_customers(request),
            Endpoint::CustomerAttributes => self.customer_attributes(route.id, request),
            _ if endpoint.api() == Api::Pipelines => self.pipelines(endpoint, request, now),
            _ => match track_v1::operations(endpoint, route, request) {
                Ok(operations) if endpoint == Endpoint::SubmitForm => {
                    self.carry_out(operations, now, Answer::json(StatusCode::NO_CONTENT, ""))
                }
                Ok(operations) => self.carry_out(operations, now, answers::done()),
                Err(problem) => track_v1::refusal(endpoint, &problem),
            },
        }
    }

    fn pipelines(&self, endpoint: Endpoint, request: &Request<'_>, now: Instant) -> Answer {
        let strict = pipelines::is_strict(request.headers);
        match pipelines::operations(endpoint, request.body, strict, self.settings.pipelines_deduplication) {
            Ok(operations) => self.carry_out(operations, now, answers::done()),
            Err(problem) => problem.refuses(pipelines::refusal(request.headers, StatusCode::BAD_REQUEST, &problem.message)),
        }
    }

    fn send(&self, channel: Channel, request: &Request<'_>, now: Instant) -> Answer {
        let delivery = match app::delivery(channel, request.body, || self.delivery_id()) {
            Ok(delivery) => delivery,
            Err(problem) => return app::message_refusal(&problem),
        };
        let answer = app::queued(&delivery.id, self.unix(now));
        self.carry_out(vec![Operation::Deliver(Box::new(delivery))], now, answer)
    }

    fn trigger(&self, id: &str, request: &Request<'_>, now: Instant) -> Answer {
        let exists = |id: &u64| self.settings.broadcasts.as_ref().is_none_or(|broadcasts| broadcasts.contains(id));
        let Some(broadcast) = id.parse().ok().filter(exists) else { return self.app_error(StatusCode::NOT_FOUND, "not found") };
        // Documented: trouble with the JSON itself is 400, trouble with what it says 422.
        let fields = if request.body.is_empty() { Ok(attributes::Attributes::default()) } else { fields::object(request.body) };
        let Ok(fields) = fields else { return self.app_error(StatusCode::BAD_REQUEST, "bad request") };
        let audience = match app::audience(fields) {
            Ok(audience) => audience,
            Err(problem) => return app::unprocessable(&[problem]),
        };
        let people = audience.people.as_deref().unwrap_or_default();
        // Documented: a broadcast to people who do not exist fails, unless they are to be ignored.
        if !audience.ignores_missing {
            let missing = self.missing(people, audience.field);
            if !missing.is_empty() {
                return app::unprocessable(&missing);
            }
        }
        let number = self.triggers.fetch_add(1, Ordering::Relaxed) + 1;
        let recipients = audience.people.as_ref().map(Vec::len);
        let trigger = NewTrigger { id: number, broadcast, recipients, data: audience.data };
        self.carry_out(vec![Operation::Trigger(trigger)], now, answers::success(&json!({ "id": number })))
    }

    /// Those who do not exist, each with its place; at most ten, so that an answer has a bound.
    fn missing(&self, people: &[Identifier], field: &str) -> Vec<app::BadTrigger> {
        let store = self.store.lock();
        let missing = people.iter().enumerate().filter(|(_, who)| !store.may_know(who));
        let problem = |(index, who): (usize, &Identifier)| app::BadTrigger {
            detail: format!("`{}` does not exist", who.text()),
            pointer: format!("/{field}/{index}"),
        };
        missing.take(10).map(problem).collect()
    }

    fn find_customers(&self, request: &Request<'_>) -> Answer {
        match track_v1::query(request.query, "email").filter(|email| !email.is_empty()) {
            Some(email) => app::found(self.store.lock().customer(&Identifier::Email(email)).as_slice()),
            None => self.app_error(StatusCode::BAD_REQUEST, "email is required"),
        }
    }

    fn customer_attributes(&self, id: &str, request: &Request<'_>) -> Answer {
        let Ok(id) = fields::path_text(id) else { return self.app_error(StatusCode::NOT_FOUND, "not found") };
        let Some(kind) = track_v1::identifier_of(track_v1::query(request.query, "id_type").as_deref()) else {
            return self.app_error(StatusCode::BAD_REQUEST, "id_type must be one of id, email and cio_id");
        };
        match self.store.lock().customer(&kind(id)) {
            Some(customer) => app::attributes(&customer),
            None => self.app_error(StatusCode::NOT_FOUND, "not found"),
        }
    }

    /// Carries out operations, and writes into the answer what they changed.
    fn carry_out(&self, operations: Vec<Operation>, now: Instant, mut answer: Answer) -> Answer {
        if operations.is_empty() {
            return answer;
        }
        let at = Received { now, unix: self.unix(now) };
        // Before the lock is taken, which is held only while something changes.
        let mut effects: Vec<Effect> = operations.iter().map(Operation::effect).collect();
        let changed: Vec<bool> = {
            let mut store = self.store.lock();
            operations.into_iter().map(|operation| store.apply(operation, at)).collect()
        };
        let mut changed = changed.into_iter();
        effects.retain(|_| changed.next().unwrap_or(false));
        answer.effects = effects;
        answer
    }

    /// Seconds since 1970.
    fn unix(&self, now: Instant) -> i64 {
        self.clock.unix(now).as_secs() as i64
    }

    /// An error of the App API, which ends with a reference (documented).
    fn app_error(&self, status: StatusCode, detail: &str) -> Answer {
        answers::app(status, &format!("{detail} (reference {})", self.reference()))
    }

    /// What support would be asked about: different for each answer.
    fn reference(&self) -> String {
        let number = self.answered.load(Ordering::Relaxed);
        format!("{:06x}", self.seed.hash("customer_io reference").with(&number.to_le_bytes()).finish() & 0x00ff_ffff)
    }

    fn delivery_id(&self) -> String {
        let mut bytes = [0; 21];
        self.seed.draw("customer_io delivery", self.deliveries.fetch_add(1, Ordering::Relaxed)).fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn fresh(settings: &CustomerIoSettings, seed: Seed) -> Store {
    Store::new(settings, seed.hash("customer_io cio_id").finish() as u32)
}

impl Vendor for CustomerIo {
    fn route(&self, method: &Method, path: &str) -> Option<&'static str> {
        route(path)?.endpoint(method).map(Endpoint::name)
    }

    fn subject<'a>(&self, request: &Request<'a>) -> Option<Cow<'a, str>> {
        subject::of(request)
    }

    fn carries(&self, request: &Request<'_>, secret: &str) -> bool {
        route(request.path).is_some_and(|route| self.carries_secret(route.api(), request.headers, secret))
    }

    fn accept_also(&self, secrets: Vec<String>) {
        self.further_keys.set(secrets);
    }

    fn sections(&self) -> Vec<&'static str> {
        Self::SECTIONS.map(|(name, _)| name).to_vec()
    }

    fn section(&self, name: &str) -> Option<Json> {
        Self::SECTIONS.iter().find(|(known, _)| *known == name).map(|(_, read)| read(self))
    }

    fn reset(&self) {
        // Identifiers of deliveries and numbers of triggers go on: what was answered before must not be answered again.
        *self.quotas.write() = Quotas::new(&self.settings);
        let forgotten = std::mem::replace(&mut *self.store.lock(), fresh(&self.settings, self.seed));
        drop(forgotten);
    }

    fn answer(&self, request: &Request<'_>, now: Instant) -> Answer {
        let mut answer = self.dispatch(request, now);
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        answer.delay = self.settings.latency.sample(&mut self.seed.draw("customer_io latency", number));
        answer
    }

    fn error(&self, status: StatusCode, message: &str) -> Answer {
        answers::track_v1(status, message)
    }
}

#[cfg(test)]
mod tests;
