//! The listener and its connections: bounded in number, in time, and in what they may hold.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_io_timeout::TimeoutWriter;

use crate::service::Limits;

/// Pause after a failed accept (no file descriptors left, say): neither spins nor gives up.
const PAUSE: Duration = Duration::from_millis(20);
/// Most bytes of a request's head.
const LARGEST_HEAD: usize = 64 * 1024;
/// How long, and how many bytes of, a request that was answered before it had come whole is read and dropped. Closing at once
/// would reset the connection, and the client might never see the answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 64 * 1024 * 1024;

/// A server. Dropping it closes every connection.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    closing: watch::Sender<bool>,
    acceptor: JoinHandle<()>,
}

impl Server {
    /// Takes the port.
    pub(super) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind(address).await
    }

    /// Serves.
    pub(super) fn serve(listener: TcpListener, router: Router, limits: Limits) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let closing = watch::Sender::new(false);
        let acceptor = tokio::spawn(accept(listener, router, limits, closing.subscribe()));
        Ok(Self { address, closing, acceptor })
    }

    /// Closes the port, lets requests in flight end, and closes each connection after its answer. What is still open after
    /// `within` is cut off; then false.
    pub(super) async fn close(mut self, within: Duration) -> bool {
        let _ = self.closing.send(true);
        tokio::time::timeout(within, &mut self.acceptor).await.is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, router: Router, limits: Limits, mut closing: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    // Aborted with this task, which is how connections end with the server.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = async {
                // Never closed.
                let permit = permits.clone().acquire_owned().await;
                (permit, listener.accept().await)
            } => accepted,
        };
        match accepted {
            (Ok(permit), Ok((stream, _))) => {
                let (router, closing) = (router.clone(), closing.clone());
                // Answers are to go at once. A connection that refuses the option is dead already.
                let _ = stream.set_nodelay(true);
                connections.spawn(async move {
                    serve(stream, router, &limits, closing).await;
                    drop(permit);
                });
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
        // Only to forget connections that have ended.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve<T>(stream: T, router: Router, limits: &Limits, mut closing: watch::Receiver<bool>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(LARGEST_HEAD);
    // A client that requests every lead and reads nothing would hold its connection for ever, although its request arrived in
    // time. So a write fails when the client has read nothing for some time; an idle connection may stay silent.
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(limits.body_timeout));
    let mut connection = http.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    let mut shutting_down = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            _ = closing.wait_for(|closing| *closing), if !shutting_down => {
                shutting_down = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    // An error is a client that went away or did not speak HTTP; there is nothing left to send it.
    if ended.is_ok() {
        linger(connection.into_parts().io.into_inner()).await;
    }
}

/// Closes our side, and reads what the client still sends until it closes its own.
async fn linger<T: AsyncRead + AsyncWrite + Unpin>(mut stream: T) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut rest = stream.take(LINGER_BYTES);
    let mut buffer = vec![0; 16 * 1024];
    let read = async { while rest.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {} };
    let _ = tokio::time::timeout(LINGER, read).await;
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_is_given_up() {
        let (mut client, server) = tokio::io::duplex(1024);
        let (_open, closing) = watch::channel(false);
        let serving = tokio::spawn(async move { serve(server, Router::new(), &Limits::default(), closing).await });
        client.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        let start = Instant::now();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        drop(client);
        serving.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 30);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_when_the_server_closes() {
        let (mut client, server) = tokio::io::duplex(1024);
        let (closes, closing) = watch::channel(false);
        let serving = tokio::spawn(async move { serve(server, Router::new(), &Limits::default(), closing).await });
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        client.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 404");
        closes.send(true).unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        drop(client);
        serving.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_is_given_up() {
        let (mut client, server) = tokio::io::duplex(1024);
        let (_open, closing) = watch::channel(false);
        let router = Router::new().fallback(|| async { vec![b'x'; 1 << 20] });
        let serving = tokio::spawn(async move { serve(server, router, &Limits::default(), closing).await });
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let start = Instant::now();
        // Slowly is not never.
        let mut some = [0; 1024];
        for _ in 0..10 {
            client.read_exact(&mut some).await.unwrap();
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        tokio::time::timeout(Duration::from_secs(3_600), serving).await.expect("an end").unwrap();
        assert_eq!(start.elapsed().as_secs(), 9 * 20 + 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_given_up_before_and_between_requests() {
        for begins in [&b""[..], b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
            let (mut client, server) = tokio::io::duplex(1024);
            let (_open, closing) = watch::channel(false);
            let serving = tokio::spawn(async move { serve(server, Router::new(), &Limits::default(), closing).await });
            client.write_all(begins).await.unwrap();
            let start = Instant::now();
            let mut answer = Vec::new();
            let end = tokio::time::timeout(Duration::from_secs(3_600), client.read_to_end(&mut answer)).await;
            end.expect("an end").unwrap();
            drop(client);
            serving.await.unwrap();
            assert_eq!(start.elapsed().as_secs(), 30);
        }
    }
}
