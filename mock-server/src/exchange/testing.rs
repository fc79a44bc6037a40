//! What tests of exchanges share: a vendor with faults, and faults that do what a test wants.

use std::sync::Arc;

use tokio::time::Instant;

use super::FaultyVendor;
use crate::clock::DayClock;
use crate::fault::effect::{Effect, Moment, Verdict};
use crate::fault::{ActiveFault, ActiveFaults, Fault, FaultKind, SimulatedVendor};
use crate::ledger::Ledger;
use crate::seed::Seed;
use crate::settings::ClaySettings;
use crate::simulated::clay::Clay;
use crate::simulated::{Request, Vendor};
use crate::wire::Script;

/// A fault of both vendors, for ever, by the first word that describes it.
pub(crate) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind.describe().split(' ').next().unwrap().to_owned(), kind)
}

/// Clay with faults in force from the beginning, in this order where they are of one kind.
pub(crate) fn clay_with(faults: Vec<Fault>) -> Arc<FaultyVendor> {
    let clock = DayClock::machine();
    let clay = Arc::new(Clay::new(ClaySettings::default(), Seed(1), clock));
    let vendor = FaultyVendor::new(SimulatedVendor::Clay, clay, Arc::new(Ledger::new()), clock);
    vendor.set_active(faults.iter().enumerate().fold(ActiveFaults::default(), |active, (index, fault)| {
        active.with(ActiveFault::begin(fault, index, Seed(1), SimulatedVendor::Clay, Instant::now()))
    }));
    Arc::new(vendor)
}

struct Altering {
    asks_vendor: bool,
    how: fn(&mut Script) -> bool,
}

impl Effect for Altering {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Wire { asks_vendor: self.asks_vendor }
    }

    fn alter(&self, script: &mut Script, _now: Instant) -> bool {
        (self.how)(script)
    }
}

/// A fault that alters every answer in some way.
pub(crate) fn altering(name: &str, asks_vendor: bool, how: fn(&mut Script) -> bool) -> ActiveFault {
    ActiveFault::of_effect(name, Box::new(Altering { asks_vendor, how }))
}
