//! Every operation of the admin API.

use super::operation::{DELETE, GET, Operation, POST, operation};
use super::{clock, faults, health, ledger, metrics, openapi, page, reset, state, vendors};

const NO_VENDOR: (u16, &str) = (404, "There is no such vendor.");
const NO_SECTION: (u16, &str) = (404, "There is no such vendor or section.");
const NO_ITEM: (u16, &str) = (404, "There is no such vendor, section or item.");
const NO_FAULT: (u16, &str) = (404, "No fault of this name is there.");
const NAME_TAKEN: (u16, &str) = (409, "A fault of this name is scheduled or active, or too many are.");
const ENDED: (u16, &str) = (503, "The simulation is being shut down.");
const STARTED: (u16, &str) = (409, "The clock is already running.");

/// The table.
pub(super) fn table() -> Vec<Operation> {
    vec![
        operation(GET, "/faults", "listFaults", faults::list).summary("Every fault, by hand or of the timetable, and its state"),
        operation(POST, "/faults", "addFault", faults::add)
            .summary("Add a fault: `at` counts from now, `lasts` is its time to live; until it is removed where left out")
            .refuses(&[NAME_TAKEN, ENDED]),
        operation(DELETE, "/faults", "clearFaults", faults::clear).summary("End every fault, by hand or of the timetable"),
        operation(GET, "/faults/kinds", "listKinds", faults::kinds).summary("Every kind of fault and the fields that it takes"),
        operation(DELETE, "/faults/{name}", "removeFault", faults::remove).summary("End a fault").refuses(&[NO_FAULT]),
        operation(GET, "/vendors", "listVendors", vendors::list).summary("Where the vendors are, and their routes"),
        operation(GET, "/counts", "listCounts", vendors::counts).summary("What has been answered, by vendor, route and status"),
        operation(GET, "/state", "readState", state::all).summary("What requests have changed, at a glance").refuses(&[ENDED]),
        operation(GET, "/state/{vendor}", "readVendor", state::of_vendor)
            .summary("What requests have changed at a vendor, at a glance")
            .refuses(&[NO_VENDOR, ENDED]),
        operation(GET, "/state/{vendor}/{section}", "readSection", state::section)
            .summary("A part of a vendor's state, a list by pages")
            .refuses(&[NO_SECTION, ENDED]),
        operation(GET, "/state/{vendor}/{section}/{id}", "readItem", state::item)
            .summary("One item of a part of a vendor's state")
            .refuses(&[NO_ITEM, ENDED]),
        operation(GET, "/ledger", "readLedger", ledger::read)
            .summary("What happened to every request, one JSON object a line; live with `follow=true`"),
        operation(POST, "/reset", "reset", reset::reset).summary("Forget what happened, or parts of it"),
        operation(GET, "/clock", "readClock", clock::read).summary("The clocks, and what measures their skew"),
        operation(POST, "/clock", "startClock", clock::start)
            .summary("Start the timetable's clock: now, or at a time handed over")
            .refuses(&[STARTED]),
        operation(GET, "/health", "readHealth", health::health).summary("Whether everything works"),
        operation(GET, "/metrics", "readMetrics", metrics::metrics).summary("Metrics for Prometheus"),
        operation(GET, "/openapi.json", "readDocument", openapi::show).summary("This document"),
        operation(GET, "/ca.pem", "readAuthority", health::ca)
            .summary("The certificate authority that the vendors' TLS certificates are signed by"),
        operation(GET, "/", "showPage", page::show).summary("A page for people"),
    ]
}
