//! Connections to one wiremock instance.
//!
//! A client for the open network looks up hosts, follows protocols and retries. Here there is one peer on this machine that
//! never closes a connection of its own accord, so a stack of idle connections is all that it takes, at a third of the cost.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use crate::text::with_causes;

/// Idle connections that are kept. Beyond them a connection is closed after its request, so that a storm of requests leaves
/// no more behind than this.
const MOST_IDLE: usize = 256;

/// The backend itself failed: no descriptors or threads are left, say.
#[derive(Debug, thiserror::Error)]
#[error("the simulator could not carry a request to the simulated vendor: {0}")]
pub(in crate::edge) struct BackendError(String);

/// The idle ones, the one used last on top.
pub(super) struct Pool {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Pool {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::default() }
    }

    /// Sends a request and reads the answer to its end.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, BackendError> {
        let mut sender = self.ready().await?;
        let (parts, body) = sender.send_request(request).await.map_err(failure)?.into_parts();
        let body = body.collect().await.map_err(failure)?.to_bytes();
        self.keep(sender);
        Ok(Response::from_parts(parts, body))
    }

    /// An idle connection, or a new one where there is none.
    async fn ready(&self) -> Result<SendRequest<Full<Bytes>>, BackendError> {
        while let Some(mut sender) = self.idle() {
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        self.connect().await
    }

    fn idle(&self) -> Option<SendRequest<Full<Bytes>>> {
        self.idle.lock().pop()
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, BackendError> {
        let stream = TcpStream::connect(self.address).await.map_err(failure)?;
        // Without it a request may wait 40 ms for an acknowledgement. A connection that refuses the option fails by itself.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(failure)?;
        // It ends with its sender, which reports errors.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock();
        if idle.len() < MOST_IDLE {
            idle.push(sender);
        }
    }
}

fn failure(error: impl std::error::Error) -> BackendError {
    BackendError(with_causes(&error))
}
