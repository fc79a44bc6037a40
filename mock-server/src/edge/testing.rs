//! What tests of the edge share: a vendor behind it, and faults that do what a test wants.

use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backend::{BUDGET, Backend};
use super::line::Reset;
use super::{Shared, serve};
use crate::exchange::testing::{altering, clay_with};
use crate::fault::Fault;
use crate::ledger::{Entry, Ledger};
use crate::tls::Tls;
use crate::wire::Script;

/// Clay with faults in force from the beginning, in this order where they are of one kind.
pub(super) async fn with(faults: Vec<Fault>) -> Arc<Shared> {
    let vendor = clay_with(faults);
    let backend = Backend::start(vendor.shared_vendor(), BUDGET).await.unwrap();
    let tls = Arc::new(Tls::new(vendor.clock.date(Instant::now())).unwrap());
    Arc::new(Shared { vendor, backend, open: Arc::default(), tls })
}

impl Shared {
    /// Adds a fault that alters every answer.
    pub(super) fn alter(&self, name: &str, asks_vendor: bool, how: fn(&mut Script) -> bool) {
        self.vendor.set_active(self.vendor.active().with(altering(name, asks_vendor, how)));
    }

    pub(super) fn ledger(&self) -> &Ledger {
        self.vendor.ledger()
    }

    /// The only entry that there is.
    pub(super) fn entry(&self) -> Arc<Entry> {
        let entries = self.ledger().entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }
}

/// A connection without a socket, so that time can be paused, and the task that serves it.
pub(super) fn connect(shared: &Arc<Shared>) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let shared = shared.clone();
    let serving = tokio::spawn(async move { serve::serve(server, &Reset::default(), shared).await });
    (client, serving)
}
