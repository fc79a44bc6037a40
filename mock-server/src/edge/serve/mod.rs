//! One connection, from its first byte to its end.
//!
//! Plain and TLS connections come to the same port and are distinguished by their first byte, HTTP/1.1 and HTTP/2 by
//! the latter's preface, so ALPN and prior knowledge come to the same. hyper speaks both. What hyper would not do, a fault does:
//! it leaves a [`Fate`], and the connection is taken out of hyper's hands.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::{Connection, Fate, HEAD_DEADLINE, IDLE};
use super::line::{Line, Reset, Socket};
use super::shared::Shared;
use super::streams::Streams;
use super::{play, service};

/// The longest head of a request that is read, in bytes; what is longer gets 431. Twice what common servers take, so that
/// they are not what is more generous. Also the longest piece that is held of an answer.
const LONGEST_HEAD: usize = 64 * 1024;

/// Streams of one HTTP/2 connection at a time: what nginx and others allow.
const STREAMS: u32 = 128;

/// How long a connection that has been closed goes on being read, and how much, so that a client which is still sending
/// gets the answer: a close with unread bytes becomes a RST that may overtake it.
const FAREWELL: Duration = Duration::from_secs(2);
const FAREWELL_BYTES: u64 = 256 * 1024;

/// A TLS record that is a handshake begins so; no method of HTTP does.
const TLS_HANDSHAKE: u8 = 0x16;

/// How HTTP/2 begins. No method of HTTP/1.1 begins so.
const PREFACE: &[u8] = b"PRI ";

/// Serves a TCP connection to its end, plain or TLS.
pub(super) async fn serve_socket(stream: TcpStream, shared: Arc<Shared>) {
    // Without it an answer may wait 40 ms for an acknowledgement. A connection that refuses the option is dead already.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    let Ok(Ok(1)) = timeout(IDLE, stream.peek(&mut first)).await else { return };
    let reset = Reset::default();
    let socket = Socket::new(stream, reset.clone());
    // What a connection does only at its end or only sometimes is boxed, here and below: an idle one is to be small.
    if first[0] != TLS_HANDSHAKE {
        return Box::pin(serve(socket, &reset, shared)).await;
    }
    let handshake = Box::pin(timeout(HEAD_DEADLINE, shared.tls.acceptor.accept(socket)));
    if let Ok(Ok(stream)) = handshake.await {
        Box::pin(serve(stream, &reset, shared)).await;
    }
}

/// Serves a connection of HTTP/1.1 or HTTP/2 to its end. `reset` makes it end with a RST.
pub(super) async fn serve<T>(mut io: T, reset: &Reset, shared: Arc<Shared>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = Connection::new();
    let Some((beginning, http2)) = beginning(&mut io).await else { return };
    let line = Line::new(io, beginning, connection.clone());
    if http2 {
        return Box::pin(serve_http2(line, connection, shared, reset)).await;
    }
    let clock = shared.vendor.clock;
    match serve_http1(line, connection, shared).await {
        End::Gone => {}
        End::Over(line) => Box::pin(farewell(line)).await,
        End::Fate(line, Fate::Close) => Box::pin(farewell(line)).await,
        End::Fate(line, Fate::Reset) => {
            reset.set();
            drop(line);
        }
        End::Fate(line, Fate::Play(play, _serving)) => {
            if let Some(line) = Box::pin(play::play(line, *play, reset, clock)).await {
                Box::pin(farewell(line)).await;
            }
        }
    }
}

/// The first bytes, and whether they begin HTTP/2. `None` where none have come in time.
async fn beginning<T: AsyncRead + Unpin>(io: &mut T) -> Option<(Bytes, bool)> {
    let mut bytes = [0; PREFACE.len()];
    let mut length = timeout(IDLE, io.read(&mut bytes)).await.ok()?.ok().filter(|&length| length > 0)?;
    let deadline = Instant::now() + HEAD_DEADLINE;
    while length < PREFACE.len() && PREFACE.starts_with(&bytes[..length]) {
        let read = tokio::time::timeout_at(deadline, io.read(&mut bytes[length..])).await.ok()?.ok()?;
        if read == 0 {
            break;
        }
        length += read;
    }
    Some((Bytes::copy_from_slice(&bytes[..length]), bytes == *PREFACE))
}

/// How hyper's part of a connection ended.
enum End<T> {
    /// Nothing is left of it.
    Gone,
    /// Everything has been said, and the connection was shut down in order.
    Over(Line<T>),
    /// A fault takes it.
    Fate(Line<T>, Fate),
}

async fn serve_http1<T>(line: Line<T>, connection: Arc<Connection>, shared: Arc<Shared>) -> End<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = {
        let connection = connection.clone();
        service_fn(move |request| service::answer(shared.clone(), connection.clone(), request))
    };
    let mut http = http1::Builder::new();
    // Heads have a deadline here already: see `Activity`.
    http.header_read_timeout(None).max_buf_size(LONGEST_HEAD);
    let mut hyper = http.serve_connection(TokioIo::new(line), service);
    let ended = drive(&mut hyper, &connection, false).await;
    let line = hyper.into_parts().io.into_inner();
    match ended {
        Ended::Over => End::Over(line),
        Ended::Late => End::Gone,
        Ended::Fate(fate) => End::Fate(line, fate),
    }
}

async fn serve_http2<T>(line: Line<T>, connection: Arc<Connection>, shared: Arc<Shared>, reset: &Reset)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    connection.speaks_http2();
    let service = {
        let connection = connection.clone();
        service_fn(move |request| service::answer(shared.clone(), connection.clone(), request))
    };
    let streams = Streams::default();
    let mut http = http2::Builder::new(streams.clone());
    http.max_concurrent_streams(STREAMS).max_header_list_size(LONGEST_HEAD as u32).max_send_buf_size(LONGEST_HEAD);
    let mut hyper = http.serve_connection(TokioIo::new(line), service);
    if let Ended::Fate(Fate::Reset) = drive(&mut hyper, &connection, true).await {
        reset.set();
    }
    // Requests end with their connection.
    streams.end();
}

/// How [`drive`] ended.
enum Ended {
    Over,
    Late,
    Fate(Fate),
}

/// Lets hyper serve the connection until it is over, takes too long, or a fault takes it.
async fn drive<C: Future + Unpin>(hyper: &mut C, connection: &Connection, http2: bool) -> Ended {
    let mut wake = pin!(connection.wake.notified());
    let mut alarm = pin!(sleep_until(Instant::now() + HEAD_DEADLINE));
    std::future::poll_fn(|cx| {
        if Pin::new(&mut *hyper).poll(cx).is_ready() {
            return Poll::Ready(Ended::Over);
        }
        // Over HTTP/1.1 it was hyper who polled the request; over HTTP/2 it is a task of its own.
        while http2 && wake.as_mut().poll(cx).is_ready() {
            wake.set(connection.wake.notified());
            connection.is_written.notify_waiters();
        }
        if let Some(fate) = connection.take_fate() {
            return Poll::Ready(Ended::Fate(fate));
        }
        let due = connection.deadline();
        if due.is_some_and(|due| due < alarm.deadline()) {
            alarm.as_mut().reset(due.unwrap_or_else(Instant::now));
        }
        while alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            match connection.deadline() {
                Some(due) if due <= now => return Poll::Ready(Ended::Late),
                due => alarm.as_mut().reset(due.unwrap_or(now + HEAD_DEADLINE)),
            }
        }
        Poll::Pending
    })
    .await
}

/// Closes a connection so that the peer gets what it was sent, even where it is still sending itself.
async fn farewell<T: AsyncRead + AsyncWrite + Unpin>(mut line: Line<T>) {
    let leave = async {
        // An error is a peer that has gone: all the better.
        let _ = line.shutdown().await;
        let _ = tokio::io::copy(&mut line.take(FAREWELL_BYTES), &mut tokio::io::sink()).await;
    };
    let _ = timeout(FAREWELL, leave).await;
}

#[cfg(test)]
mod tests;
