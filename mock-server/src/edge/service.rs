//! One request through the edge.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, request};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::body::AnswerBody;
use super::connection::{Connection, Fate, Serving};
use super::shared::Shared;
use super::stream_play::StreamPlay;
use super::to_the_end::ToTheEnd;
use crate::exchange::{Judged, LARGEST_BODY, Play, Record, Reply, without_body};
use crate::simulated::{self, Answer, own_limit};
use crate::wire::{End, Step};

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
    let client = Client {
        version: request.version(),
        is_head: request.method() == Method::HEAD,
        serving: connection.serve_request(),
        connection,
    };
    let (parts, body) = request.into_parts();
    let (method, path, query, headers) = (&parts.method, parts.uri.path(), parts.uri.query(), &parts.headers);
    let record = shared.vendor.record(method, path, headers, arrived);
    let error = |status, message| shared.vendor.vendor().error(status, message);
    let body = match read(body).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            return Ok(client
                .refuse(record, error(StatusCode::PAYLOAD_TOO_LARGE, "the payload is too large").refused_by(&own_limit::SIZE)));
        }
        Err(Unread::TooSlow) => {
            return Ok(client.refuse(record, error(StatusCode::REQUEST_TIMEOUT, "the request took too long")));
        }
        Err(Unread::Gone) => return Err(Closed),
    };
    let body = match shared.vendor.decoded(headers, body) {
        Ok(body) => body,
        Err(refusal) => return Ok(client.refuse(record, *refusal)),
    };
    let request = simulated::Request { method, path, query, headers, body: &body };
    let mut judged = shared.vendor.judge(record, &request, Instant::now());
    if judged.asks_vendor() {
        judged = ToTheEnd::new(forward(shared, judged, parts, body)).await;
    }
    if let Some(due) = judged.due() {
        sleep_until(due.checked_sub(TICK).unwrap_or(due)).await;
    }
    let reply = judged.reply(client.is_head, Instant::now());
    client.give(reply).await
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
        // Anything else is trailers, which no vendor reads.
        if let Ok(data) = frame.map_err(|_| Unread::Gone)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Lets the vendor carry the request out.
async fn forward(shared: Arc<Shared>, mut judged: Judged, parts: request::Parts, body: Bytes) -> Judged {
    let error = |status, message: &str| shared.vendor.vendor().error(status, message);
    let answer = if parts.uri.path().starts_with('/') {
        let asked = shared.backend.answer(judged.record.number, parts, body).await;
        let answer = match asked.response {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let delay = asked.aside.delay;
                Answer { status: head.status, headers: head.headers, body, delay, effects: Vec::new(), limit: None }
            }
            Err(failure) => error(StatusCode::BAD_GATEWAY, &failure.to_string()),
        };
        Answer { effects: asked.aside.effects, limit: asked.aside.limit, ..answer }
    } else {
        // "OPTIONS *" and CONNECT have targets that are not paths: no vendor has them, and wiremock panics on them.
        error(StatusCode::NOT_FOUND, "not found")
    };
    judged.answered(answer);
    judged
}

/// The client of a request, as far as its answer depends on it.
struct Client {
    version: Version,
    is_head: bool,
    serving: Serving,
    connection: Arc<Connection>,
}

impl Client {
    async fn give(self, reply: Reply) -> Result<Response<AnswerBody>, Closed> {
        match reply {
            Reply::Close => self.connection.meet(Fate::Close),
            Reply::Answer(answer, record) => return Ok(self.ordinary(answer, record)),
            Reply::Play(play) if self.version == Version::HTTP_2 => {
                return respond(play, self.serving, self.connection).await;
            }
            Reply::Play(play) => self.connection.meet(Fate::Play(Box::new(play), self.serving)),
        }
        // The connection's task takes it from here.
        pending().await
    }

    fn ordinary(self, mut answer: Answer, record: Record) -> Response<AnswerBody> {
        let mut body = std::mem::take(&mut answer.body);
        let (mut head, ()) = without_body(answer).into_parts();
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

/// Plays a script up to its head, which is the response.
///
/// # Errors
///
/// [`Closed`] where the script ends without a head: the stream is reset.
async fn respond(mut play: Play, serving: Serving, connection: Arc<Connection>) -> Result<Response<AnswerBody>, Closed> {
    while let Some(step) = play.next() {
        match &step {
            Step::Wait(pause) => sleep(*pause).await,
            Step::Head => {
                let head = play.head();
                play.played(&step);
                if head.status.is_informational() {
                    return leave(play, &connection, Fate::Close).await;
                }
                let rest = StreamPlay::new(play, serving, connection);
                return Ok(Response::from_parts(head, AnswerBody::Script(Box::pin(rest))));
            }
            Step::Body(_) | Step::Raw(_) => {
                play.played(&step);
                return leave(play, &connection, Fate::Close).await;
            }
        }
        play.played(&step);
    }
    match play.end {
        End::Close => {
            play.over();
            Err(Closed)
        }
        End::Reset => leave(play, &connection, Fate::Reset).await,
        End::Hang => pending().await,
    }
}

/// Ends the whole connection.
async fn leave<T>(mut play: Play, connection: &Connection, fate: Fate) -> T {
    play.over();
    connection.meet(fate);
    pending().await
}
