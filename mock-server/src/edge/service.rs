//! One request through the edge.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, request};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout};

use super::Shared;
use super::body::AnswerBody;
use super::connection::{Connection, Fate, Serving};
use super::judge::{Ending, Judgement, judge};
use super::play::Play;
use super::record::{Record, What};
use super::stream_play;
use super::to_the_end::ToTheEnd;
use crate::vendor::Answer;
use crate::wire::{Script, Step};

/// The largest body that is read at all, in bytes. Ten times what most routes take and a little more than the largest
/// (a message with 2 MB of attachments in base 64), so that routes give their own answers, and bounded, so that memory is.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// How long a body may take from the end of its head: three times as long as the slowest of the known clients waits for an
/// answer at all.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(90);

/// tokio's timer is late, never early: up to a millisecond by its own ticks, and up to another by the system call that waits
/// for the next. An answer that aims a millisecond early is on time on average, and never off by more than that.
const TICK: Duration = Duration::from_millis(1);

/// The connection or the stream is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(super) struct Closed;

/// Why a body was not read.
enum Unread {
    TooLarge,
    TooSlow,
    Gone,
}

/// Answers one request, late if need be.
///
/// # Errors
///
/// [`Closed`], by a fault or because the client went away.
pub(super) async fn answer(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Closed> {
    let arrived = Instant::now();
    let exchange = Exchange {
        version: request.version(),
        is_head: request.method() == Method::HEAD,
        serving: connection.serve_request(),
        connection,
    };
    let (parts, body) = request.into_parts();
    let mut record = Record::begin(shared.clone(), &parts, arrived);
    let body = match read(body).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            return Ok(exchange.refuse(record, shared.vendor.error(StatusCode::PAYLOAD_TOO_LARGE, "the payload is too large")));
        }
        Err(Unread::TooSlow) => {
            return Ok(exchange.refuse(record, shared.vendor.error(StatusCode::REQUEST_TIMEOUT, "the request took too long")));
        }
        Err(Unread::Gone) => return Err(Closed),
    };
    let mut judgement = judge(&shared, &parts, &body, &mut record);
    let given = match judgement.end.take() {
        Some(Ending::Close) => {
            record.all_happened(What::End);
            drop(record);
            exchange.connection.meet(Fate::Close);
            return pending().await;
        }
        Some(Ending::Answer(answer)) => {
            record.will_answer(&answer, true);
            Some(answer)
        }
        None if judgement.asks_vendor => {
            let answer;
            (record, answer) = ToTheEnd::new(forward(shared, record, parts, body)).await;
            Some(answer)
        }
        None => None,
    };
    hold_back(&judgement, given.as_ref(), &mut record).await;
    exchange.give(given, &judgement, record).await
}

/// The request's body.
async fn read(body: Incoming) -> Result<Bytes, Unread> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(Unread::TooLarge);
    }
    timeout(BODY_DEADLINE, collect(body)).await.unwrap_or(Err(Unread::TooSlow))
}

/// The pieces of a body in one. Pieces of a byte each cost no more memory than others.
async fn collect(mut body: Incoming) -> Result<Bytes, Unread> {
    let first = next_piece(&mut body).await?.unwrap_or_default();
    let Some(second) = next_piece(&mut body).await? else { return Ok(first) };
    let mut whole = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        whole.extend_from_slice(&piece);
        if whole.len() > LARGEST_BODY {
            return Err(Unread::TooLarge);
        }
        next = next_piece(&mut body).await?;
    }
    Ok(whole.freeze())
}

async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, Unread> {
    while let Some(frame) = body.frame().await {
        // What is no data is trailers, which nobody asks for.
        if let Ok(data) = frame.map_err(|_| Unread::Gone)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Lets the vendor carry the request out.
async fn forward(shared: Arc<Shared>, mut record: Record, parts: request::Parts, body: Bytes) -> (Record, Answer) {
    let answer = if parts.uri.path().starts_with('/') {
        let asked = shared.backend.answer(record.number, parts, body).await;
        record.has_effects(asked.aside.effects);
        match asked.response {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Answer { status: head.status, headers: head.headers, body, delay: asked.aside.delay, effects: Vec::new() }
            }
            Err(error) => shared.vendor.error(StatusCode::BAD_GATEWAY, &error.to_string()),
        }
    } else {
        // "OPTIONS *" and CONNECT have targets that are no path: no vendor has them, and wiremock panics on them.
        shared.vendor.error(StatusCode::NOT_FOUND, "not found")
    };
    record.will_answer(&answer, false);
    (record, answer)
}

/// Waits for as long as the vendor thinks and faults want, from the request's arrival.
async fn hold_back(judgement: &Judgement, answer: Option<&Answer>, record: &mut Record) {
    if !judgement.delay.is_zero() {
        record.all_happened(What::Delay);
    }
    let delay = judgement.delay.saturating_add(answer.map_or(Duration::ZERO, |answer| answer.delay));
    if delay.is_zero() {
        return;
    }
    match record.arrived.checked_add(delay) {
        Some(due) => tokio::time::sleep_until(due.checked_sub(TICK).unwrap_or(due)).await,
        None => pending().await,
    }
}

/// What an answer has to know of its request.
struct Exchange {
    version: Version,
    is_head: bool,
    serving: Serving,
    connection: Arc<Connection>,
}

impl Exchange {
    /// Gives the answer, altered by faults or as it is. Where there is none, faults play what they have in its place.
    async fn give(
        self,
        answer: Option<Answer>,
        judgement: &Judgement,
        mut record: Record,
    ) -> Result<Response<AnswerBody>, Closed> {
        if !judgement.alters() {
            // Only what alters an answer keeps a request from the vendor.
            let answer = answer.ok_or(Closed)?;
            record.all_happened(What::End);
            return Ok(self.ordinary(answer, record));
        }
        let is_given = answer.is_some();
        let mut answer = answer.unwrap_or_else(|| Answer::text(StatusCode::NO_CONTENT, Bytes::new()));
        if self.is_head {
            // Its answer has no body that faults could alter.
            answer.body = Bytes::new();
        }
        let mut script = Script::answer(answer.body.clone());
        let alterations = judgement.alter(&mut script);
        record.all_happened(What::End);
        if alterations.is_empty() {
            return Ok(self.ordinary(answer, record));
        }
        if (is_given || script.steps.contains(&Step::Head)) && !script.is_faithful_to(&answer.body) {
            record.will_answer(&answer, true);
        }
        let whole_body = answer.body.len() as u64;
        let head = head_of(answer).into_parts().0;
        let play = Play::new(script, head, whole_body, alterations, record, self.serving);
        if self.version == Version::HTTP_2 {
            return stream_play::respond(play, self.connection).await;
        }
        self.connection.meet(Fate::Play(Box::new(play)));
        pending().await
    }

    fn ordinary(self, mut answer: Answer, record: Record) -> Response<AnswerBody> {
        let mut body = std::mem::take(&mut answer.body);
        let (mut head, ()) = head_of(answer).into_parts();
        if self.is_head && self.version == Version::HTTP_2 {
            // Over HTTP/1.1 hyper leaves it out by itself.
            head.headers.insert(CONTENT_LENGTH, body.len().into());
            body = Bytes::new();
        }
        Response::from_parts(head, AnswerBody::new(body, record, !self.is_head))
    }

    /// Answers a request whose body was not read to its end. So the connection cannot be used again.
    fn refuse(self, mut record: Record, mut answer: Answer) -> Response<AnswerBody> {
        record.will_answer(&answer, false);
        if self.version != Version::HTTP_2 {
            answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.ordinary(answer, record)
    }
}

/// The answer without its body.
fn head_of(answer: Answer) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    // It says itself how long it is.
    response.headers_mut().remove(CONTENT_LENGTH);
    response
}

#[cfg(test)]
mod tests;
