//! What tests of the edge share: a vendor behind it, and faults that do what a test wants.

use std::sync::{Arc, RwLock};

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backend::{BUDGET, Backend};
use super::line::Reset;
use super::{Shared, connection};
use crate::counts::Counts;
use crate::fault::effect::{Effect, Moment, Verdict};
use crate::fault::{Fault, FaultKind};
use crate::ledger::{Entry, Ledger};
use crate::seed::Seed;
use crate::settings::ClaySettings;
use crate::timetable::{ActiveFault, ActiveFaults};
use crate::tls::Tls;
use crate::vendor::clay::Clay;
use crate::vendor::{Request, Vendor};
use crate::wire::Script;

/// A fault of both vendors, for ever, by the first word that describes it.
pub(super) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind.describe().split(' ').next().unwrap().to_owned(), kind)
}

/// Clay with faults in force from the beginning, in this order where they are of one kind.
pub(super) async fn with(faults: Vec<Fault>) -> Arc<Shared> {
    let vendor: Arc<dyn Vendor> = Arc::new(Clay::new(ClaySettings::default(), Seed(1)));
    let active = faults.iter().enumerate().fold(ActiveFaults::default(), |active, (index, fault)| {
        active.with(ActiveFault::begin(fault, index, Seed(1), vendor.vendor(), Instant::now()))
    });
    let backend = Backend::start(vendor.clone(), BUDGET).await.unwrap();
    Arc::new(Shared {
        vendor,
        active: RwLock::new(active),
        counts: Counts::default(),
        backend,
        ledger: Arc::new(Ledger::new()),
        open: Arc::default(),
        tls: Arc::new(Tls::new().unwrap()),
    })
}

/// A fault that alters every answer in some way.
struct Altering {
    asks_vendor: bool,
    how: fn(&mut Script) -> bool,
}

impl Effect for Altering {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Wire { asks_vendor: self.asks_vendor }
    }

    fn alter(&self, script: &mut Script) -> bool {
        (self.how)(script)
    }
}

impl Shared {
    /// Adds a fault that alters every answer.
    pub(super) fn alter(&self, name: &str, asks_vendor: bool, how: fn(&mut Script) -> bool) {
        let fault = ActiveFault::of_effect(name, Box::new(Altering { asks_vendor, how }));
        let mut active = self.active.write().unwrap();
        *active = active.with(fault);
    }

    /// The only entry that there is.
    pub(super) fn entry(&self) -> Arc<Entry> {
        let entries = self.ledger.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }
}

/// A connection without a socket, so that time can be paused, and the task that serves it.
pub(super) fn connect(shared: &Arc<Shared>) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let shared = shared.clone();
    let serving = tokio::spawn(async move { connection::serve(server, &Reset::default(), shared).await });
    (client, serving)
}
