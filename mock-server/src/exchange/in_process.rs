//! Requests to a simulated vendor without a socket, in tokio's time: what a simulated network sends, and what comes back.
//!
//! A client gets here what it would get over HTTP/1.1 on a connection of its own. Dropping the future is a client that hangs
//! up.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, response};
use tokio::time::{Instant, sleep, sleep_until};

use super::reply::{Reply, without_body};
use super::{FaultyVendor, Play, Record};
use crate::ledger::Sent;
use crate::simulated::{self, Answer};
use crate::wire::{End, Step};

/// An answer that came whole.
#[derive(Debug)]
pub struct Answered {
    /// The status and the headers.
    pub head: response::Parts,
    /// When they came. The body's end came when the request was answered.
    pub head_at: Instant,
    /// The body, as long as the head says.
    pub body: Bytes,
}

/// Why no answer came, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The port is closed.
    #[error("connection refused")]
    Refused,
    /// The connection was closed before the request was read.
    #[error("connection closed before the request was read")]
    Dropped,
    /// The connection was closed before an answer.
    #[error("connection closed before an answer")]
    Closed,
    /// The connection was reset.
    #[error("connection reset")]
    Reset,
    /// The connection was closed within the answer.
    #[error("connection closed within the answer")]
    Incomplete,
    /// What came is not HTTP.
    #[error("the answer is not HTTP")]
    Malformed,
}

impl FaultyVendor {
    /// Sends a request and waits for its answer. A request that hangs never ends by itself.
    ///
    /// # Errors
    ///
    /// A fault kept the answer, or a part of it, from the client.
    pub async fn send(self: &Arc<Self>, request: Request<Bytes>) -> Result<Answered, NoAnswer> {
        let mut closing = pin!(self.closing.notified());
        // From here on no fault that closes connections is missed.
        closing.as_mut().enable();
        let active = self.active();
        if active.refuse_connections() {
            return Err(NoAnswer::Refused);
        }
        if active.drops_connection() {
            return Err(NoAnswer::Dropped);
        }
        tokio::select! {
            // A connection that closes at the moment of its answer is closed.
            biased;
            () = closing => Err(NoAnswer::Closed),
            answered = self.answer(request) => answered,
        }
    }

    async fn answer(self: &Arc<Self>, request: Request<Bytes>) -> Result<Answered, NoAnswer> {
        let arrived = Instant::now();
        let (parts, body) = request.into_parts();
        let (method, path, query, headers) = (&parts.method, parts.uri.path(), parts.uri.query(), &parts.headers);
        let mut record = self.record(method, path, headers, arrived);
        let body = match self.decoded(headers, body) {
            Ok(body) => body,
            Err(refusal) => {
                record.will_answer(&refusal, false);
                return Ok(whole(*refusal, record, arrived));
            }
        };
        let request = simulated::Request { method, path, query, headers, body: &body };
        let mut judged = self.judge(record, &request, arrived);
        if judged.asks_vendor() {
            judged.answered(self.vendor.answer(&request, arrived));
        }
        if let Some(due) = judged.due() {
            sleep_until(due).await;
        }
        let now = Instant::now();
        match judged.reply(parts.method == Method::HEAD, now) {
            Reply::Close => Err(NoAnswer::Closed),
            Reply::Answer(answer, record) => Ok(whole(answer, record, now)),
            Reply::Play(play) => read(play).await,
        }
    }
}

/// An answer that is sent whole.
fn whole(mut answer: Answer, mut record: Record, now: Instant) -> Answered {
    record.has_sent(Sent::Whole);
    let body = std::mem::take(&mut answer.body);
    Answered { head: without_body(answer).into_parts().0, head_at: now, body }
}

/// Plays a script to its end, and reads it as a client does.
async fn read(mut play: Play) -> Result<Answered, NoAnswer> {
    let (mut head_at, mut body) = (None, BytesMut::new());
    while let Some(step) = play.next() {
        match &step {
            Step::Wait(pause) => sleep(*pause).await,
            Step::Head => head_at = Some(Instant::now()),
            Step::Body(bytes) => body.extend_from_slice(bytes),
            Step::Raw(_) => {}
        }
        play.played(&step);
        if matches!(step, Step::Raw(_)) {
            play.over();
            return Err(NoAnswer::Malformed);
        }
    }
    // After an answer that is none a client waits for the one that is.
    let head_at = head_at.filter(|_| play.is_complete() && !play.head().status.is_informational());
    match (head_at, play.end) {
        // A client that has read all that the head promises waits for no more.
        (Some(head_at), _) => {
            body.truncate(usize::try_from(play.content_length).unwrap_or(usize::MAX));
            Ok(Answered { head: play.head(), head_at, body: body.freeze() })
        }
        (None, End::Hang) => pending().await,
        (None, End::Reset) => Err(NoAnswer::Reset),
        (None, End::Close) if play.has_head => Err(NoAnswer::Incomplete),
        (None, End::Close) => Err(NoAnswer::Closed),
    }
}
