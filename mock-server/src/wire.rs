//! An answer on its way to the client, and what faults make of it.
//!
//! A [`Script`] is what the edge plays on a connection in place of an ordinary answer: which bytes, with which pauses, and how
//! it ends. Faults alter it one after another (cut it, slow it, break it), so they compose without knowing each other.

use std::time::Duration;

use bytes::Bytes;

/// What is played. Without a fault it is the head, the body in one piece, and an orderly close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// What is written, and when.
    pub(crate) steps: Vec<Step>,
    /// What comes after the last step.
    pub(crate) end: End,
    /// What the head says the body's length is, where that is not the truth.
    pub(crate) content_length: Option<u64>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The status line and the headers.
    Head,
    /// A piece of the body.
    Body(Bytes),
    /// Bytes that are no part of an answer. Over HTTP/2, where there is no such thing, the connection is closed instead.
    Raw(Bytes),
    /// A pause.
    Wait(Duration),
}

/// How a connection goes on after its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is closed in order. Over HTTP/2 a stream whose body is not complete is reset, the connection stays.
    Close,
    /// It is reset: a TCP RST, also over HTTP/2, where every stream of the connection goes with it.
    Reset,
    /// Nothing more comes. The connection stays until the client gives up.
    Hang,
}

impl Script {
    /// An ordinary answer with this body.
    pub(crate) fn answer(body: Bytes) -> Self {
        let mut steps = vec![Step::Head];
        if !body.is_empty() {
            steps.push(Step::Body(body));
        }
        Self { steps, end: End::Close, content_length: None }
    }
}
