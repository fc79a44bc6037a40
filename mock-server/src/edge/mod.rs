//! The edge: what a client connects to.
//!
//! wiremock cannot refuse or cut a connection, wait without holding up others, or forget what it has answered. So the edge
//! accepts connections, lets the active faults judge each request, hands the rest to a wiremock instance behind it, and
//! holds the answer back for as long as the vendor thinks.

mod adapter;
mod backend;
mod body;
mod connection;
mod gate;
mod judge;
mod line;
mod play;
mod record;
mod service;
mod stream_play;
mod streams;
mod to_the_end;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::task::JoinHandle;

use backend::Backend;
use gate::Gate;

use crate::counts::{Count, Counts};
use crate::fault::SimulatedVendor;
use crate::ledger::Ledger;
use crate::timetable::ActiveFaults;
use crate::tls::Tls;
use crate::vendor::Vendor;

/// One vendor behind one port.
pub(crate) struct Edge {
    shared: Arc<Shared>,
    gate: Gate,
    address: SocketAddr,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

/// What connections share.
pub(crate) struct Shared {
    vendor: Arc<dyn Vendor>,
    active: RwLock<ActiveFaults>,
    counts: Counts,
    backend: Backend,
    ledger: Arc<Ledger>,
    tls: Arc<Tls>,
    /// Held once by each open connection, and once by this.
    open: Arc<()>,
}

impl Shared {
    fn active(&self) -> ActiveFaults {
        self.active.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Edge {
    /// Serves `vendor` on 127.0.0.1 at `port`, 0 for any free one, and writes down every request in `ledger`.
    ///
    /// # Errors
    ///
    /// The port is taken, or the operating system has no more sockets or threads.
    pub(crate) async fn start(vendor: Arc<dyn Vendor>, port: u16, ledger: Arc<Ledger>, tls: Arc<Tls>) -> io::Result<Self> {
        let (gate, acceptor) = gate::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let address = acceptor.address();
        let shared = Arc::new(Shared {
            backend: Backend::start(vendor.clone(), backend::BUDGET).await?,
            vendor,
            active: RwLock::default(),
            counts: Counts::default(),
            ledger,
            tls,
            open: Arc::default(),
        });
        let acceptor = tokio::spawn(acceptor.run(shared.clone()));
        Ok(Self { shared, gate, address, acceptor: Mutex::new(Some(acceptor)) })
    }

    pub(crate) fn vendor(&self) -> SimulatedVendor {
        self.shared.vendor.vendor()
    }

    /// The base URL, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn counts(&self) -> Vec<Count> {
        self.shared.counts.list(self.vendor())
    }

    /// How many connections of clients are open.
    pub(crate) fn open_connections(&self) -> usize {
        Arc::strong_count(&self.shared.open) - 1
    }

    pub(crate) fn reset_counts(&self) {
        self.shared.counts.clear();
    }

    pub(crate) fn active(&self) -> ActiveFaults {
        self.shared.active()
    }

    /// Puts faults in force; when this returns, they are: a refused port is closed, or open again.
    pub(crate) async fn set_active(&self, active: ActiveFaults) {
        let open = !active.refuse_connections();
        let closes = active.closing().next().is_some();
        // First, so that a request which carries a new key does not meet a vendor that does not know it yet.
        self.shared.vendor.accept_also(active.new_keys());
        *self.shared.active.write().unwrap_or_else(PoisonError::into_inner) = active;
        self.gate.set(open, closes).await;
    }

    /// Closes the port and every connection, and waits until that is done.
    pub(crate) async fn shutdown(&self) {
        if let Some(acceptor) = self.end() {
            // It was aborted: that tells nothing.
            let _ = acceptor.await;
        }
    }

    fn end(&self) -> Option<JoinHandle<()>> {
        self.acceptor.lock().unwrap_or_else(PoisonError::into_inner).take().inspect(JoinHandle::abort)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
