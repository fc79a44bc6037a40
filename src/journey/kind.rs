//! What is known of a journey by its name.

use crate::outcome::{OperationKind, Peer, Route, Vendor};

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
    /// The operations that it hands to the pipelines, in order; the first that is refused ends the iteration.
    pub operations: &'static [OperationKind],
    /// The vendor's route that it calls by itself, without a pipeline.
    pub route: Option<&'static Route>,
    /// The checks that it makes.
    pub checks: &'static [&'static str],
    /// The columns of a lead of which it needs one.
    pub columns: &'static [&'static str],
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

impl JourneyKind {
    /// What rows leave out: a journey through the pipelines about a person at `vendor`.
    pub(super) const fn piped(vendor: Vendor, operations: &'static [OperationKind]) -> Self {
        Self {
            name: "",
            about: "",
            peer: Peer::Vendor(vendor),
            operations,
            route: None,
            checks: &[checks::DELIVERED_OR_KEPT, checks::ANSWERED_BY_VENDOR],
            columns: &["email"],
            service: None,
        }
    }

    /// Whether it goes through the pipelines.
    pub fn uses_pipeline(&self) -> bool {
        !self.operations.is_empty()
    }

    /// The vendors' routes that it calls.
    pub fn routes(&self) -> impl Iterator<Item = &'static Route> + use<> {
        self.operations.iter().map(|operation| operation.route()).chain(self.route)
    }

    /// Whether it calls `vendor`.
    pub fn calls(&self, vendor: Vendor) -> bool {
        self.routes().any(|route| route.vendor == vendor)
    }
}

/// Names are unique.
impl PartialEq for JourneyKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
