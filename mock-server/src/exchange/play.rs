//! A script on its way to the client, and what it makes of the ledger's entry.

use http::header::CONTENT_LENGTH;
use http::response;

use super::record::Record;
use crate::ledger::Sent;
use crate::wire::{End, Position, Script, Step, has_body};

/// The longest piece of a body that is handed to the connection at once, in bytes, so that "whole" is not said of an answer of
/// which most still waits for a client that does not read.
pub(crate) const PIECE: usize = 64 * 1024;

/// A script that is being played.
pub(crate) struct Play {
    steps: std::vec::IntoIter<Step>,
    pub(crate) end: End,
    head: response::Parts,
    pub(super) content_length: u64,
    position: Position,
    pub(super) has_head: bool,
    /// Bytes of the body that have been played.
    body: u64,
    /// Bytes that the answer's body had before anything was done to it.
    whole_body: u64,
    alterations: Vec<Alteration>,
    record: Option<Record>,
}

/// Where a fault has altered the script.
pub(super) struct Alteration {
    /// Its number in the record.
    pub(super) hit: usize,
    /// From where on the script is another one.
    pub(super) at: Position,
}

impl Play {
    /// `script` was made of an answer with this head and a body of `whole_body` bytes.
    pub(super) fn new(
        script: Script,
        head: response::Parts,
        whole_body: u64,
        alterations: Vec<Alteration>,
        record: Record,
    ) -> Self {
        Self {
            content_length: script.said_length(),
            steps: in_pieces(script.steps).into_iter(),
            end: script.end,
            head,
            has_head: false,
            position: Position::default(),
            body: 0,
            whole_body,
            alterations,
            record: Some(record),
        }
    }

    /// What comes next; `None` at the end. Alterations that are reached with it have happened.
    pub(crate) fn next(&mut self) -> Option<Step> {
        self.note();
        self.steps.next()
    }

    /// The whole body has been played, whatever it has become.
    pub(crate) fn is_complete(&self) -> bool {
        self.body >= self.content_length
    }

    /// This step has been played, or is about to be as the very last thing that the client sees of the request.
    pub(crate) fn played(&mut self, step: &Step) {
        self.position = self.position.after(step);
        match step {
            Step::Wait(_) | Step::Raw(_) => return,
            Step::Head => self.has_head = true,
            Step::Body(bytes) => self.body += bytes.len() as u64,
        }
        let is_whole = self.has_head && self.body >= self.whole_body;
        let sent = if is_whole { Sent::Whole } else { Sent::Partly };
        if let Some(record) = &mut self.record {
            record.has_sent(sent);
        }
    }

    /// Nothing is left to be played.
    pub(crate) fn is_last(&self) -> bool {
        self.steps.as_slice().is_empty()
    }

    /// The request is over, before anything else shows that it is.
    pub(crate) fn over(&mut self) {
        self.note();
        self.record = None;
    }

    /// The status and the headers.
    pub(crate) fn head(&self) -> response::Parts {
        let mut head = self.head.clone();
        if has_body(head.status) {
            head.headers.insert(CONTENT_LENGTH, self.content_length.into());
        }
        head
    }

    fn note(&mut self) {
        let (Some(record), position) = (&mut self.record, self.position) else { return };
        self.alterations.retain(|alteration| {
            let reached = position.has_reached(alteration.at);
            if reached {
                record.happened(alteration.hit);
            }
            !reached
        });
    }
}

/// The same steps with large pieces of the body in smaller ones: see [`PIECE`].
fn in_pieces(steps: Vec<Step>) -> Vec<Step> {
    let is_large = |step: &Step| matches!(step, Step::Body(bytes) if bytes.len() > PIECE);
    if !steps.iter().any(is_large) {
        return steps;
    }
    let mut pieces = Vec::new();
    for step in steps {
        let Step::Body(mut bytes) = step else {
            pieces.push(step);
            continue;
        };
        while bytes.len() > PIECE {
            pieces.push(Step::Body(bytes.split_to(PIECE)));
        }
        pieces.push(Step::Body(bytes));
    }
    pieces
}
