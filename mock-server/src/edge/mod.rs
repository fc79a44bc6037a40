//! The edge: what a client connects to.
//!
//! wiremock cannot refuse or cut a connection, wait without holding up others, or forget what it has answered. So the edge
//! accepts connections, takes each request through an [`exchange`](crate::exchange), hands what is for the vendor to a wiremock
//! instance behind it, and plays the reply when it is due.

mod adapter;
mod backend;
mod body;
mod connection;
mod gate;
mod line;
mod play;
mod serve;
mod service;
mod shared;
mod stream_play;
mod streams;
mod to_the_end;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use backend::Backend;
use gate::Gate;
use shared::Shared;

use crate::exchange::FaultyVendor;
use crate::fault::{ActiveFaults, SimulatedVendor};
use crate::timetable::FaultTarget;
use crate::tls::Tls;

/// One vendor behind one port.
pub(crate) struct Edge {
    shared: Arc<Shared>,
    gate: Gate,
    address: SocketAddr,
    /// One task, which ends with this.
    acceptor: Mutex<JoinSet<()>>,
}

impl Edge {
    /// Serves `vendor` on 127.0.0.1 at `port`, 0 for any free one.
    ///
    /// # Errors
    ///
    /// The port is taken, or the operating system has no more sockets or threads.
    pub(crate) async fn start(vendor: Arc<FaultyVendor>, port: u16, tls: Arc<Tls>) -> io::Result<Self> {
        let (gate, acceptor) = gate::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let address = acceptor.address;
        let backend = Backend::start(vendor.shared_vendor(), backend::BUDGET).await?;
        let shared = Arc::new(Shared { vendor, backend, tls, open: Arc::default() });
        let acceptor = Mutex::new(JoinSet::from_iter([acceptor.run(shared.clone())]));
        Ok(Self { shared, gate, address, acceptor })
    }

    /// The base URL, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections of clients are open.
    pub(crate) fn open_connections(&self) -> usize {
        Arc::strong_count(&self.shared.open) - 1
    }

    /// Closes the port and every connection, and waits until that is done.
    pub(crate) async fn shutdown(&self) {
        let mut acceptor = std::mem::take(&mut *self.acceptor.lock());
        acceptor.shutdown().await;
    }
}

impl FaultTarget for Edge {
    fn name(&self) -> SimulatedVendor {
        self.shared.vendor.name()
    }

    /// When it is done, a refused port is closed, or open again.
    fn apply(&self, active: ActiveFaults) -> BoxFuture<'_, ()> {
        let open = !active.refuse_connections();
        let closes = active.closing().next().is_some();
        self.shared.vendor.set_active(active);
        self.gate.set(open, closes).boxed()
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
