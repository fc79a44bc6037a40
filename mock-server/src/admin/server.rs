//! The admin API's listener and connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::guard::RULES;
use super::router;
use crate::guard::Guard;
use crate::running::Simulation;
use crate::settings::AdminSettings;

/// How long a request's head may take to come, and a connection be idle.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Connections at one time; more of them wait. A few people and scripts use this API, and each follower of the ledger is one.
const CONNECTIONS: usize = 256;

/// Pause after a failed accept (no file descriptors left, say): neither spins nor gives up.
const PAUSE: Duration = Duration::from_millis(20);

/// The admin API, listening. Dropped, it is gone with every connection.
pub(crate) struct AdminServer {
    address: SocketAddr,
    /// One task, which ends with this.
    acceptor: JoinSet<()>,
}

impl AdminServer {
    /// Listens. It serves from [`serve`](Bound::serve) on.
    ///
    /// # Errors
    ///
    /// The port is taken, or the address is none of this machine's.
    pub(crate) async fn bind(settings: AdminSettings) -> io::Result<Bound> {
        let listener = TcpListener::bind((settings.address, settings.port)).await?;
        Ok(Bound { address: listener.local_addr()?, listener, settings })
    }

    /// The base URL, without a trailing slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and every connection, and waits until that is done.
    pub(crate) async fn shutdown(mut self) {
        self.acceptor.shutdown().await;
    }
}

/// A port that is taken, so that nothing else has to be undone when it can't be had.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    settings: AdminSettings,
}

impl Bound {
    /// Serves.
    pub(crate) fn serve(self, simulation: Arc<Simulation>) -> AdminServer {
        let guard = Guard::new(&RULES, self.address.ip(), self.settings.token.as_ref().map(|token| token.0.as_str()));
        let router = router(simulation, guard);
        AdminServer { address: self.address, acceptor: JoinSet::from_iter([accept(self.listener, router)]) }
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // Aborted with this task, which is how connections end with the server.
    let mut connections = JoinSet::new();
    loop {
        // Never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                // Lines of the ledger are to come at once. A connection that refuses the option is dead already.
                let _ = stream.set_nodelay(true);
                connections.spawn(async move {
                    serve(stream, router).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        // Only to forget connections that have ended.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(64 * 1024);
    // An error is a client that went away or spoke no HTTP.
    let _ = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_is_given_up() {
        let (mut client, server) = tokio::io::duplex(1024);
        let serving = tokio::spawn(serve(server, Router::new()));
        client.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        let start = Instant::now();
        serving.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), HEAD_WITHIN.as_secs());
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    }
}
