//! The journeys: one row each, and nothing else that lists them.

use crate::outcome::{Peer, Vendor};
use crate::resilience::OperationKind::{self, Enrich, Identify, Track};

use super::checks;

/// What is known of a journey by its name.
#[derive(Debug)]
pub struct JourneyKind {
    /// The name that a scenario, tags and reports use.
    pub name: &'static str,
    /// What it does, for the schema of scenarios.
    pub about: &'static str,
    /// Whom it is mainly about: its iterations are labelled with it.
    pub peer: Peer,
    /// The vendors that it calls.
    pub vendors: &'static [Vendor],
    /// The operations that it hands to the pipelines, in order; the first that is refused ends the iteration.
    pub operations: &'static [OperationKind],
    /// The labels of its requests.
    pub routes: &'static [&'static str],
    /// The checks that it makes.
    pub checks: &'static [&'static str],
    /// The columns of a lead of which it needs one.
    pub columns: &'static [&'static str],
    /// The keys of `[target]` without which it cannot be sent.
    pub target_keys: &'static [&'static str],
    /// How it goes to a service instead of the vendors, where it can.
    pub service: Option<Submission>,
}

/// A journey as one request to a service.
#[derive(Debug, Clone, Copy)]
pub struct Submission {
    /// The label of the request.
    pub route: &'static str,
    /// The check that it makes.
    pub check: &'static str,
}

/// The label of the requests that hand leads to a service.
pub const SERVICE_LEADS: &str = "service.leads";

const CLAY_WEBHOOK: &[&str] = &["clay", "clay_webhook_path"];
const CUSTOMER_IO: &[&str] = &["customer_io", "customer_io_site_id", "customer_io_api_key"];

/// What rows leave out: a journey through the pipelines about a person.
const PIPELINE: JourneyKind = JourneyKind {
    name: "",
    about: "",
    peer: Peer::Vendor(Vendor::CustomerIo),
    vendors: &[Vendor::CustomerIo],
    operations: &[],
    routes: &[],
    checks: &[checks::DELIVERED_OR_KEPT, checks::ANSWERED_BY_VENDOR],
    columns: &["email"],
    target_keys: CUSTOMER_IO,
    service: None,
};

/// `http`, whose other settings are in the scenario.
pub static HTTP: JourneyKind = JourneyKind {
    name: "http",
    about: "A request to a service of your own.",
    peer: Peer::Service,
    vendors: &[],
    checks: &[],
    columns: &[],
    target_keys: &[],
    ..PIPELINE
};

/// `clay.resource`, which has a request of its own.
static CLAY_RESOURCE: JourneyKind = JourneyKind {
    name: "clay.resource",
    about: "POST `/v1/resource` with a Bearer token, and two checks: status 200, latency under 500 ms.",
    peer: Peer::Vendor(Vendor::Clay),
    vendors: &[Vendor::Clay],
    routes: &["clay.resource"],
    checks: &[checks::STATUS_IS_200, checks::LATENCY_BELOW_500_MS],
    columns: &[],
    target_keys: &["clay", "clay_api_key"],
    ..PIPELINE
};

static CLAY_ENRICH: JourneyKind = JourneyKind {
    name: "clay.enrich",
    about: "A lead through the pipeline to Clay's webhook.",
    peer: Peer::Vendor(Vendor::Clay),
    vendors: &[Vendor::Clay],
    operations: &[Enrich],
    routes: &["clay.webhook"],
    columns: &["domain", "email"],
    target_keys: CLAY_WEBHOOK,
    ..PIPELINE
};

static CUSTOMER_IO_IDENTIFY: JourneyKind = JourneyKind {
    name: "customer_io.identify",
    about: "A person through the pipeline to Customer.io.",
    operations: &[Identify],
    routes: &["customer_io.identify"],
    ..PIPELINE
};

static CUSTOMER_IO_TRACK: JourneyKind = JourneyKind {
    name: "customer_io.track",
    about: "An event through the pipeline to Customer.io.",
    operations: &[Track],
    routes: &["customer_io.track"],
    ..PIPELINE
};

static LEAD: JourneyKind = JourneyKind {
    name: "lead",
    about: "A whole lead: enrich, then identify, then track.",
    peer: Peer::Vendor(Vendor::Clay),
    vendors: &[Vendor::Clay, Vendor::CustomerIo],
    operations: &[Enrich, Identify, Track],
    routes: &["clay.webhook", "customer_io.identify", "customer_io.track"],
    target_keys: &["clay", "clay_webhook_path", "customer_io", "customer_io_site_id", "customer_io_api_key"],
    service: Some(Submission { route: SERVICE_LEADS, check: checks::ACCEPTED_DURABLY }),
    ..PIPELINE
};

/// Every journey, in the order of the schema.
pub static JOURNEYS: &[&JourneyKind] = &[&CLAY_RESOURCE, &CLAY_ENRICH, &CUSTOMER_IO_IDENTIFY, &CUSTOMER_IO_TRACK, &LEAD, &HTTP];

impl JourneyKind {
    /// The journey of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        JOURNEYS.iter().find(|kind| kind.name == name).copied()
    }

    /// Whether it goes through the pipelines.
    pub fn uses_pipeline(&self) -> bool {
        !self.operations.is_empty()
    }
}

/// Names are unique.
impl PartialEq for JourneyKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
