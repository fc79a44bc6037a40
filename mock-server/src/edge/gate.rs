//! The listening socket, which an outage can close and open again.
//!
//! While connections are refused, the port stays bound by a socket that does not listen: the kernel refuses connections to
//! it, and does not hand the port out as a free one (this program's own wiremock instances ask for one). A program that asks
//! for this very port can take it; then the gate opens as soon as that one is gone.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::serve;
use super::shared::Shared;

/// Connections that the kernel holds while the acceptor is busy.
const BACKLOG: u32 = 4096;

/// Pause after a failed accept or bind (no file descriptors left, say): neither spins nor gives up.
const PAUSE: Duration = Duration::from_millis(20);

/// Opens and closes the port from outside.
pub(super) struct Gate(mpsc::UnboundedSender<Order>);

struct Order {
    open: bool,
    /// What is open is closed.
    close: bool,
    done: oneshot::Sender<()>,
}

/// Accepts connections while the gate is open.
pub(super) struct Acceptor {
    pub(super) address: SocketAddr,
    port: Port,
    orders: mpsc::UnboundedReceiver<Order>,
    connections: JoinSet<()>,
}

enum Port {
    Open(TcpListener),
    /// Bound by a socket that does not listen; `None` where that failed, and the port has to be bound to open again.
    Refusing(Option<TcpSocket>),
    /// It should be open, and another program has taken it: tried until it works.
    Reopening,
}

/// Binds the port, open.
///
/// # Errors
///
/// The port is taken.
pub(super) fn bind(address: SocketAddr) -> io::Result<(Gate, Acceptor)> {
    let listener = socket(address)?.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let (sender, orders) = mpsc::unbounded_channel();
    Ok((Gate(sender), Acceptor { address, port: Port::Open(listener), orders, connections: JoinSet::new() }))
}

impl Gate {
    /// Opens or closes the port, closes open connections where they have to go, and waits until that has been done.
    pub(super) async fn set(&self, open: bool, close: bool) {
        let (done, wait) = oneshot::channel();
        if self.0.send(Order { open, close, done }).is_ok() {
            // An error means that the acceptor has ended, and the port is closed for good.
            let _ = wait.await;
        }
    }
}

impl Acceptor {
    /// Runs until the gate is gone. Connections end with it.
    pub(super) async fn run(mut self, shared: Arc<Shared>) {
        loop {
            tokio::select! {
                // An order comes before the connections that it is about.
                biased;
                order = self.orders.recv() => match order {
                    Some(order) => {
                        self.apply(order.open).await;
                        if order.close {
                            self.connections.shutdown().await;
                        }
                        // An error means that the timetable has been dropped.
                        let _ = order.done.send(());
                    }
                    None => return,
                },
                accepted = self.port.accept(self.address) => {
                    // What an outage drops is closed here, before anything is read.
                    if let Some(stream) = accepted.filter(|_| !shared.vendor.active().drops_connection()) {
                        let (open, shared) = (shared.open.clone(), shared.clone());
                        self.connections.spawn(async move {
                            serve::serve_socket(stream, shared).await;
                            drop(open);
                        });
                    }
                }
                // Only to forget connections that have ended.
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    async fn apply(&mut self, open: bool) {
        match (&mut self.port, open) {
            (Port::Open(_) | Port::Reopening, false) => {
                // The listener has to be gone before another socket can take its port.
                self.port = Port::Refusing(None);
                self.port = Port::Refusing(socket(self.address).ok());
            }
            (Port::Refusing(reserved), true) => {
                let listener = reserved.take().map_or_else(|| socket(self.address), Ok).and_then(|socket| socket.listen(BACKLOG));
                self.port = listener.map_or(Port::Reopening, Port::Open);
            }
            (Port::Open(_) | Port::Reopening, true) | (Port::Refusing(_), false) => {}
        }
    }
}

impl Port {
    /// The next connection, or `None` where something else has changed or failed. Waits for ever while refusing.
    async fn accept(&mut self, address: SocketAddr) -> Option<TcpStream> {
        match self {
            Self::Open(listener) => match listener.accept().await {
                Ok((stream, _)) => return Some(stream),
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Self::Refusing(_) => std::future::pending().await,
            Self::Reopening => {
                tokio::time::sleep(PAUSE).await;
                if let Ok(listener) = socket(address).and_then(|socket| socket.listen(BACKLOG)) {
                    *self = Self::Open(listener);
                }
            }
        }
        None
    }
}

/// A bound socket. The address may be used again at once, although old connections linger on it.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
