//! What a connection's task and the requests on it share: what it is busy with, and what becomes of it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::exchange::Play;

/// How long a connection may be idle. Longer than the 90 s after which clients of the usual kind give an idle connection up,
/// so that it is they who close it, and no request is sent into a closing connection.
pub(super) const IDLE: Duration = Duration::from_secs(120);

/// How long a request's head, or a TLS handshake, may take from its first byte. As long as hyper gives it by default; no
/// client takes a tenth of it that means well.
pub(super) const HEAD_DEADLINE: Duration = Duration::from_secs(30);

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
    pub(super) wake: Notify,
    /// What had been handed to hyper when the task was last woken is on its way, as far as the peer takes it.
    pub(super) is_written: Notify,
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
        self.fate.lock().get_or_insert(fate);
        let mut activity = self.activity.lock();
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
        let mut activity = self.activity.lock();
        activity.requests += 1;
        Serving(self.clone())
    }

    pub(super) fn has_read(&self) {
        let mut activity = self.activity.lock();
        if activity.heads && activity.requests == 0 && !activity.in_head {
            activity.in_head = true;
            activity.deadline = Instant::now() + HEAD_DEADLINE;
        }
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    /// Until when it may stay as it is; `None` while a request is being served, which takes as long as it takes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let activity = self.activity.lock();
        (activity.requests == 0 || activity.is_leaving).then_some(activity.deadline)
    }

    pub(super) fn speaks_http2(&self) {
        let mut activity = self.activity.lock();
        activity.heads = false;
        activity.in_head = false;
        activity.deadline = Instant::now() + IDLE;
    }

    /// The fate, as soon as what hyper has written is on its way.
    pub(super) fn take_fate(&self) -> Option<Fate> {
        if self.blocked.load(Ordering::Relaxed) {
            return None;
        }
        self.fate.lock().take()
    }
}

/// A request is in the service's hands.
pub(super) struct Serving(Arc<Connection>);

impl Drop for Serving {
    fn drop(&mut self) {
        let mut activity = self.0.activity.lock();
        activity.requests -= 1;
        activity.in_head = false;
        activity.deadline = Instant::now() + IDLE;
    }
}
