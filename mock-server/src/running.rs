//! What runs, as everybody sees it who can change or read it: the library's handle and the admin API.

use std::sync::Arc;

use crate::callback::Callbacks;
use crate::counts::Count;
use crate::edge::Edge;
use crate::fault::SimulatedVendor;
use crate::ledger::{FileStatus, Ledger};
use crate::timetable::Faults;
use crate::vendor::Vendor;
use crate::vendor::clay::Clay;
use crate::vendor::customer_io::CustomerIo;

/// A running simulation.
pub(crate) struct Simulation {
    pub(crate) clay: Arc<Clay>,
    pub(crate) customer_io: Arc<CustomerIo>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clay_edge: Arc<Edge>,
    pub(crate) customer_io_edge: Arc<Edge>,
    /// Makes Clay's callbacks for as long as it lives.
    pub(crate) _callbacks: Callbacks,
    pub(crate) faults: Faults,
    /// The certificate authority's certificate.
    pub(crate) ca_pem: String,
    pub(crate) ledger_file: Option<Arc<FileStatus>>,
}

/// What a reset forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// Faults that were added by hand; the timetable's own are left as they are.
    pub faults: bool,
    /// What requests have changed at the vendors: customers, rows, credits, limits.
    pub state: bool,
    /// The ledger's entries; their numbers go on.
    pub ledger: bool,
    /// The counters of answers.
    pub counts: bool,
}

impl Default for Reset {
    /// Everything.
    fn default() -> Self {
        Self { faults: true, state: true, ledger: true, counts: true }
    }
}

impl Simulation {
    /// The vendor as plain code.
    pub(crate) fn vendor(&self, vendor: SimulatedVendor) -> &dyn Vendor {
        match vendor {
            SimulatedVendor::Clay => self.clay.as_ref(),
            SimulatedVendor::CustomerIo => self.customer_io.as_ref(),
        }
    }

    /// What its clients connect to.
    pub(crate) fn edge(&self, vendor: SimulatedVendor) -> &Edge {
        match vendor {
            SimulatedVendor::Clay => &self.clay_edge,
            SimulatedVendor::CustomerIo => &self.customer_io_edge,
        }
    }

    pub(crate) fn counts(&self) -> Vec<Count> {
        let mut counts = self.clay_edge.counts();
        counts.extend(self.customer_io_edge.counts());
        counts
    }

    pub(crate) async fn reset(&self, what: Reset) {
        if what.faults {
            self.faults.remove_by_hand().await;
        }
        if what.state {
            self.clay.reset();
            self.customer_io.reset();
        }
        if what.ledger {
            self.ledger.clear();
        }
        if what.counts {
            self.clay_edge.reset_counts();
            self.customer_io_edge.reset_counts();
        }
    }

    /// What does not work, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.ledger_file.iter().filter_map(|file| file.problem()).collect()
    }
}
