//! The journeys: one row each, and nothing else that lists them.

use crate::outcome::OperationKind::{self, Enrich, Identify, Track};
use crate::outcome::{CLAY_RESOURCE, Peer, Vendor};

use super::checks;
use super::kind::{JourneyKind, Submission};
use super::third_vendor;

/// The label of the requests that hand leads to a service.
pub const SERVICE_LEADS: &str = "service.leads";

const CLAY: &[JourneyKind] = &[
    JourneyKind {
        name: "clay.resource",
        about: "POST `/v1/resource` with a Bearer token, and two checks: status 200, latency under 500 ms.",
        route: Some(CLAY_RESOURCE),
        checks: &[checks::STATUS_IS_200, checks::LATENCY_BELOW_500_MS],
        columns: &[],
        ..JourneyKind::piped(Vendor::Clay, &[])
    },
    JourneyKind {
        name: "clay.enrich",
        about: "A lead through the pipeline to Clay's webhook.",
        columns: &["domain", "email"],
        ..JourneyKind::piped(Vendor::Clay, &[Enrich])
    },
];

const CUSTOMER_IO: &[JourneyKind] = &[
    JourneyKind {
        name: "customer_io.identify",
        about: "A person through the pipeline to Customer.io.",
        ..JourneyKind::piped(Vendor::CustomerIo, &[Identify])
    },
    JourneyKind {
        name: "customer_io.track",
        about: "An event through the pipeline to Customer.io.",
        ..JourneyKind::piped(Vendor::CustomerIo, &[Track])
    },
];

const LEAD: JourneyKind = JourneyKind {
    name: "lead",
    about: "A whole lead: enrich, then identify, then track.",
    service: Some(Submission { route: SERVICE_LEADS, check: checks::ACCEPTED_DURABLY }),
    ..JourneyKind::piped(Vendor::Clay, &OperationKind::OF_A_LEAD)
};

/// `http`, whose other settings are in the scenario.
pub const HTTP: JourneyKind = JourneyKind {
    name: "http",
    about: "A request to a service of your own.",
    peer: Peer::Service,
    operations: &[],
    route: None,
    checks: &[],
    columns: &[],
    service: None,
};

static JOURNEYS: &[&[JourneyKind]] = &[CLAY, CUSTOMER_IO, third_vendor::JOURNEYS, &[LEAD, HTTP]];

/// Every journey, in the order of the schema.
pub fn journeys() -> impl Iterator<Item = &'static JourneyKind> {
    JOURNEYS.iter().copied().flatten()
}

/// The journey of this name.
pub fn journey_named(name: &str) -> Option<&'static JourneyKind> {
    journeys().find(|kind| kind.name == name)
}
