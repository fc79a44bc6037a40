//! A small service in the process, its vendors, and the journals of both: what the controls have in common.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll::audit::{Audit, AuditOptions, Journals, audit};
use plimsoll::clock::LoadClock;
use plimsoll::event::NoEvents;
use plimsoll::journal::{Answered, DRIVER, DriverEntry, Journal, PLACES, RestingEntry, VENDORS, VendorEffect, VendorEntry};
use plimsoll::outcome::{FailureKind, RestingState, Vendor};
use plimsoll::resilience::emitter::Emitter;
use plimsoll::resilience::{
    Backlog, DayClock, Drained, IdempotencySettings, Operation, OperationKind, Pipeline, PipelineSettings, Reply, Sender,
    idempotency_key,
};
use plimsoll::seed::Seed;
use plimsoll::store::{Acceptance, LeadStore, NewLead};
use serde_json::json;
use tokio::time::Instant;

use crate::flaws::Flawed;

/// Both vendors: they carry out what they get, unless they know its key already.
#[derive(Debug, Default)]
pub(crate) struct Vendors {
    /// They know a repetition by its key, as Customer.io does, and Clay's tables that dedupe.
    pub(crate) know_keys: bool,
    /// Users whose operations are refused for good.
    pub(crate) refused: HashSet<String>,
    /// The first answer to each operation is lost on its way.
    pub(crate) lose_first_answers: bool,
    pub(crate) state: Mutex<VendorsState>,
}

#[derive(Debug, Default)]
pub(crate) struct VendorsState {
    known: HashSet<String>,
    lost: HashSet<(OperationKind, String)>,
    journal: Vec<VendorEntry>,
}

impl Vendors {
    fn take(&self, operation: &Operation, at_us: u64) -> Reply {
        let mut state = self.state.lock().expect("no thread has panicked with it");
        let refused = self.refused.contains(&operation.user);
        let is_new = !self.know_keys || !state.known.contains(&operation.key);
        let what = ["row.added", "customer.identified", "event.recorded"][operation.kind as usize].to_owned();
        let effect = VendorEffect { what, subject: operation.user.clone(), ..VendorEffect::default() };
        let effects = if refused || !is_new { Vec::new() } else { vec![effect] };
        if !refused {
            state.known.insert(operation.key.clone());
        }
        let loses = self.lose_first_answers && state.lost.insert((operation.kind, operation.user.clone()));
        let status = if loses { None } else { Some(if refused { 400 } else { 200 }) };
        state.journal.push(VendorEntry {
            at_us,
            idempotency_key: Some(operation.key.clone()),
            effects,
            status,
            ..VendorEntry::default()
        });
        match status {
            None => Reply { failure: Some(FailureKind::Timeout), ..Reply::default() },
            Some(status) => Reply { status: Some(status), failure: FailureKind::of_status(status), ..Reply::default() },
        }
    }
}

/// Sends to the vendors.
#[derive(Debug, Clone)]
pub(crate) struct ToVendors {
    vendors: Arc<Vendors>,
    start: Instant,
    /// Flaw: a retry is sent under a key of its own.
    rekeys: bool,
}

impl Sender for ToVendors {
    async fn send(&self, operation: &Operation, attempt: u32, _deadline: Instant) -> Reply {
        let mut operation = operation.clone();
        if self.rekeys && attempt > 1 {
            operation.key = idempotency_key(operation.kind, &operation.key, &json!({ "attempt": attempt }).into());
        }
        self.vendors.take(&operation, self.start.elapsed().as_micros() as u64)
    }
}

/// What is different from a service that does everything right.
#[derive(Debug, Default)]
pub(crate) struct Service {
    /// How long it remembers what it delivered; 1 h unless set otherwise.
    pub(crate) remembers: Option<Duration>,
    /// It sends a retry under a key of its own.
    pub(crate) rekeys: bool,
}

/// The service at work.
pub(crate) struct World<S: LeadStore> {
    pub(crate) store: Flawed<S>,
    vendors: Arc<Vendors>,
    service: Service,
    start: Instant,
    wall: DayClock,
    driver: Vec<DriverEntry>,
    pipelines: Vec<Pipeline<ToVendors, <Flawed<S> as LeadStore>::Backlog>>,
}

impl<S: LeadStore> World<S> {
    pub(crate) fn new(store: Flawed<S>, vendors: Vendors, service: Service) -> Self {
        let (vendors, driver, pipelines) = (Arc::new(vendors), Vec::new(), Vec::new());
        let mut world = Self { store, vendors, service, start: Instant::now(), wall: DayClock::start(), driver, pipelines };
        world.start_service();
        world
    }

    fn start_service(&mut self) {
        self.pipelines = [Vendor::Clay, Vendor::CustomerIo].map(|vendor| self.pipeline(vendor)).into();
    }

    fn pipeline(&self, vendor: Vendor) -> Pipeline<ToVendors, <Flawed<S> as LeadStore>::Backlog> {
        let mut settings = PipelineSettings { breaker: None, ..PipelineSettings::of(Vendor::CustomerIo) };
        let ttl = self.service.remembers.unwrap_or(Duration::from_secs(3_600));
        settings.idempotency = Some(IdempotencySettings { ttl, ..IdempotencySettings::default() });
        let sender = ToVendors { vendors: Arc::clone(&self.vendors), start: self.start, rekeys: self.service.rekeys };
        let emitter = Emitter::new(vendor, LoadClock::start(), Arc::new(NoEvents));
        let rng = Seed(1).stream(vendor.as_str());
        Pipeline::with_backlog(settings, sender, self.store.backlog(vendor), emitter, self.wall, rng)
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    fn now_ms(&self) -> u64 {
        self.wall.unix_millis(Instant::now())
    }

    /// Submits a lead, and writes the driver's journal.
    pub(crate) async fn submit(&mut self, user: &str) {
        let key = idempotency_key(OperationKind::Enrich, user, &json!("lead").into());
        let operation = |kind| Operation {
            key: idempotency_key(kind, &key, &json!({}).into()),
            lead: Some(key.clone()),
            ..Operation::new(kind, user, json!({ "email": user }))
        };
        let operations = [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track].map(operation).into();
        let lead = NewLead { key: key.clone(), user: user.to_owned(), data: json!({ "email": user }).into(), operations };
        let at_us = self.now_us();
        let (user, what) = (user.to_owned(), "lead".to_owned());
        self.driver.push(DriverEntry::Submitted { key: key.clone(), user, what, at_us });
        let answer = match self.store.accept(vec![lead], self.now_ms()).await.as_deref() {
            Ok([Acceptance::New]) => Answered::Acknowledged,
            Ok([Acceptance::Known]) => Answered::Duplicate,
            _ => Answered::Refused { status: Some(503), cause: None },
        };
        self.driver.push(DriverEntry::Answered { key, at_us: self.now_us(), answer });
    }

    /// The process dies and is started again.
    pub(crate) fn crash(&mut self) {
        self.store.crash();
        self.start_service();
    }

    /// Does what is queued until nothing is, or until the store fails for a process that died: then true.
    pub(crate) async fn work(&self) -> bool {
        for pipeline in &self.pipelines {
            loop {
                match pipeline.drain_once().await {
                    Drained::Empty => break,
                    Drained::NotDue { until } | Drained::Blocked { until: Some(until) } => tokio::time::sleep_until(until).await,
                    Drained::Blocked { until: None } => tokio::time::sleep(Duration::from_millis(50)).await,
                    Drained::StoreFailed(error) if error.0.contains("died") => return true,
                    _ => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        }
        false
    }

    /// Lets everything come to rest, and audits the journals.
    pub(crate) async fn audit(&self) -> Audit {
        assert!(!self.work().await, "nothing dies any more");
        for vendor in [Vendor::Clay, Vendor::CustomerIo] {
            assert_eq!(self.store.backlog(vendor).depth(), 0, "at rest");
        }
        let dir = tempfile::tempdir().expect("a writable directory");
        write(&dir.path().join(DRIVER), self.driver.clone());
        write(&dir.path().join(VENDORS), self.vendors.state.lock().expect("no thread has panicked with it").journal.clone());
        write(&dir.path().join(PLACES), self.places().await);
        audit(&Journals::in_dir(dir.path()), &AuditOptions::default()).expect("journals that make sense")
    }

    async fn places(&self) -> Vec<RestingEntry> {
        let mut places = Vec::new();
        for lead in self.store.leads(None, 1_000).await.expect("a working store") {
            places.extend(lead.operations.iter().map(|operation| RestingEntry {
                key: operation.key.clone(),
                lead: lead.key.clone(),
                user: lead.user.clone(),
                operation: operation.kind.as_str().to_owned(),
                place: operation.place,
                attempts: operation.attempts.len() as u32 + u32::from(operation.place == RestingState::Delivered),
                redrives: operation.redrives,
            }));
        }
        places
    }
}

fn write<T: serde::Serialize + Send + 'static>(path: &std::path::Path, entries: Vec<T>) {
    let journal = Journal::create(path).expect("a writable directory");
    entries.into_iter().for_each(|entry| journal.sender().write(entry));
    assert_eq!(journal.finish().missed, 0);
}
