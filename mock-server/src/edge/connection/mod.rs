//! One connection, from its first byte to its end.
//!
//! Plain and TLS connections come to the same port and are told apart by their first byte, HTTP/1.1 and HTTP/2 by the
//! latter's preface, so ALPN and prior knowledge come to the same. hyper speaks both. What hyper would not do, a fault does:
//! it leaves a [`Fate`] here, and the connection is taken out of hyper's hands.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::line::{Line, Reset, Socket};
use super::streams::Streams;
use super::{Shared, play, service};
use crate::exchange::Play;

/// How long a connection may be idle. Longer than the 90 s after which clients of the usual kind give an idle connection up,
/// so that it is they who close it, and no request is sent into a closing connection.
pub(super) const IDLE: Duration = Duration::from_secs(120);

/// How long a request's head, or a TLS handshake, may take from its first byte. As long as hyper gives it by default; no
/// client takes a tenth of it that means well.
pub(super) const HEAD_DEADLINE: Duration = Duration::from_secs(30);

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

/// What becomes of a connection that is taken out of hyper's hands.
pub(super) enum Fate {
    /// It is closed in order.
    Close,
    /// It is reset.
    Reset,
    /// A script is played on it. Over HTTP/1.1 only: an HTTP/2 stream plays for itself.
    Play(Box<Play>, Serving),
}

/// What a connection's task and the requests on it share.
pub(super) struct Connection {
    fate: Mutex<Option<Fate>>,
    /// Wakes the connection's task.
    wake: Notify,
    /// What had been handed to hyper when the task was last woken is on its way, as far as the peer takes it.
    is_written: Notify,
    /// The peer does not take what is written.
    blocked: AtomicBool,
    activity: Mutex<Activity>,
}

/// What a connection is busy with.
struct Activity {
    /// Requests in the service's hands.
    requests: u32,
    /// Otherwise: how long it may go on, and whether a head has begun.
    deadline: Instant,
    in_head: bool,
    /// Bytes that come begin a head. Over HTTP/2 they need not.
    heads: bool,
    /// It has a fate, which waits for the peer to take what was written before it.
    is_leaving: bool,
}

impl Connection {
    pub(super) fn new() -> Arc<Self> {
        let activity = Activity { requests: 0, deadline: Instant::now() + IDLE, in_head: false, heads: true, is_leaving: false };
        Arc::new(Self {
            fate: Mutex::default(),
            wake: Notify::new(),
            is_written: Notify::new(),
            blocked: AtomicBool::new(false),
            activity: Mutex::new(activity),
        })
    }

    /// Takes the connection out of hyper's hands. The first fate counts.
    pub(super) fn meet(&self, fate: Fate) {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fate);
        let mut activity = self.activity();
        (activity.is_leaving, activity.deadline) = (true, Instant::now() + IDLE);
        drop(activity);
        self.wake.notify_one();
    }

    /// Waits until what has been handed to hyper over HTTP/2 is on its way, as far as the peer takes it.
    pub(super) async fn written(self: Arc<Self>) {
        let mut written = pin!(self.is_written.notified());
        written.as_mut().enable();
        self.wake.notify_one();
        written.await;
    }

    /// A request is in the service's hands from now on, for as long as what this returns is kept.
    pub(super) fn serve_request(self: &Arc<Self>) -> Serving {
        let mut activity = self.activity();
        activity.requests += 1;
        Serving(self.clone())
    }

    pub(super) fn has_read(&self) {
        let mut activity = self.activity();
        if activity.heads && activity.requests == 0 && !activity.in_head {
            activity.in_head = true;
            activity.deadline = Instant::now() + HEAD_DEADLINE;
        }
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    fn activity(&self) -> std::sync::MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when it may stay as it is; `None` while a request is being served, for nobody knows how long that takes.
    fn deadline(&self) -> Option<Instant> {
        let activity = self.activity();
        (activity.requests == 0 || activity.is_leaving).then_some(activity.deadline)
    }

    fn speaks_http2(&self) {
        let mut activity = self.activity();
        activity.heads = false;
        activity.in_head = false;
        activity.deadline = Instant::now() + IDLE;
    }

    /// The fate, as soon as what hyper has written is on its way.
    fn take_fate(&self) -> Option<Fate> {
        if self.blocked.load(Ordering::Relaxed) {
            return None;
        }
        self.fate.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A request is in the service's hands.
pub(super) struct Serving(Arc<Connection>);

impl Drop for Serving {
    fn drop(&mut self) {
        let mut activity = self.0.activity();
        activity.requests -= 1;
        activity.in_head = false;
        activity.deadline = Instant::now() + IDLE;
    }
}

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
    let handshake = Box::pin(timeout(HEAD_DEADLINE, shared.tls.acceptor().accept(socket)));
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
    let clock = shared.vendor.clock();
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
