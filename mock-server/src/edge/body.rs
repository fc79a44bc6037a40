//! The body of an answer, which notes in the record how far it got.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::stream_play::{Cut, StreamPlay};
use crate::exchange::{PIECE, Record};
use crate::ledger::Sent;

/// What hyper sends.
#[expect(clippy::large_enum_variant, reason = "nearly all are ordinary, and a box would cost each of them an allocation")]
pub(super) enum AnswerBody {
    /// An ordinary answer's.
    Ordinary(Ordinary),
    /// A script's, over HTTP/2.
    Script(Pin<Box<StreamPlay>>),
}

/// An ordinary answer's body, with the record until all of it has been handed to the connection.
pub(super) struct Ordinary {
    rest: Bytes,
    record: Option<Record>,
}

impl AnswerBody {
    /// A body that hyper sends in full. Where `has_body` says that it sends none, all of the answer is its head.
    pub(super) fn new(body: Bytes, mut record: Record, has_body: bool) -> Self {
        if has_body && !body.is_empty() {
            return Self::Ordinary(Ordinary { rest: body, record: Some(record) });
        }
        record.has_sent(Sent::Whole);
        Self::Ordinary(Ordinary { rest: body, record: None })
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Ordinary(body) => Poll::Ready(body.next().map(|piece| Ok(Frame::data(piece)))),
            Self::Script(play) => Poll::Ready(ready!(play.as_mut().poll_piece(cx)).map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Ordinary(body) if body.rest.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ordinary(body) => SizeHint::with_exact(body.rest.len() as u64),
            // The head says what it says.
            Self::Script(_) => SizeHint::default(),
        }
    }
}

impl Ordinary {
    fn next(&mut self) -> Option<Bytes> {
        if self.rest.is_empty() {
            return None;
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        if let Some(record) = &mut self.record {
            record.has_sent(if self.rest.is_empty() { Sent::Whole } else { Sent::Partly });
        }
        if self.rest.is_empty() {
            // The entry is written before the client can have read the end.
            self.record = None;
        }
        Some(piece)
    }
}
