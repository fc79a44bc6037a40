//! The running simulation, as the library's handle and the admin API read and change it.

use std::any::Any;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clock::DayClock;
use crate::counts::Count;
use crate::duration::micros;
use crate::edge::Edge;
use crate::exchange::FaultyVendor;
use crate::ledger::{FileStatus, Ledger};
use crate::simulated::clay::Clay;
use crate::simulated::customer_io::CustomerIo;
use crate::simulated::{PerVendor, SimulatedVendor, Vendor};
use crate::timetable::Faults;

/// A running simulation.
pub(crate) struct Simulation {
    pub(crate) vendors: PerVendor<Served>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: DayClock,
    /// Makes Clay's callbacks for as long as it lives.
    pub(crate) _callbacks: JoinSet<()>,
    pub(crate) faults: Faults,
    /// The certificate authority's certificate; empty where there are no sockets.
    pub(crate) ca_pem: String,
    pub(crate) ledger_file: Option<Arc<FileStatus>>,
}

/// A vendor that is served.
pub(crate) struct Served {
    pub(crate) vendor: Arc<FaultyVendor>,
    /// What its clients connect to; `None` where there are no sockets.
    pub(crate) edge: Option<Arc<Edge>>,
}

impl Served {
    /// The base URL, without a trailing slash. Without sockets its host is a name that nothing resolves.
    pub(crate) fn url(&self) -> String {
        self.edge.as_ref().map_or_else(|| format!("http://{}.simulated", self.vendor.name().as_str()), |edge| edge.url())
    }
}

/// A part of what a reset forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Part")]
pub(crate) enum ResetPart {
    /// Faults that were added by hand; the timetable's own are left as they are.
    Faults,
    /// What requests have changed at the vendors: customers, rows, credits, limits.
    State,
    /// The ledger's entries; their numbers go on.
    Ledger,
    /// The counters of answers.
    Counts,
}

impl ResetPart {
    pub(crate) const ALL: [Self; 4] = [Self::Faults, Self::State, Self::Ledger, Self::Counts];
}

impl Simulation {
    /// Microseconds since 1970 by the wall clock.
    pub(crate) fn unix_us(&self) -> u64 {
        micros(self.clock.unix(Instant::now()))
    }

    /// The vendor as plain code.
    pub(crate) fn vendor(&self, vendor: SimulatedVendor) -> &dyn Vendor {
        self.vendors[&vendor].vendor.vendor()
    }

    pub(crate) fn clay(&self) -> &Clay {
        self.typed(SimulatedVendor::Clay)
    }

    pub(crate) fn customer_io(&self) -> &CustomerIo {
        self.typed(SimulatedVendor::CustomerIo)
    }

    fn typed<V: Vendor>(&self, vendor: SimulatedVendor) -> &V {
        let any: &dyn Any = self.vendor(vendor);
        any.downcast_ref().unwrap_or_else(|| unreachable!("the table makes {} of its own type", vendor.title()))
    }

    pub(crate) fn counts(&self) -> Vec<Count> {
        self.vendors.values().flat_map(|served| served.vendor.counts()).collect()
    }

    pub(crate) async fn reset(&self, parts: &[ResetPart]) {
        let vendors = || self.vendors.values().map(|served| &served.vendor);
        for part in parts {
            match part {
                ResetPart::Faults => self.faults.remove_by_hand().await,
                ResetPart::State => vendors().for_each(|vendor| vendor.vendor().reset()),
                ResetPart::Ledger => self.ledger.clear(),
                ResetPart::Counts => vendors().for_each(|vendor| vendor.counts.clear()),
            }
        }
    }

    /// What does not work, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.ledger_file.iter().filter_map(|file| file.problem()).collect()
    }
}
