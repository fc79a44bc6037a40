//! A script on its way to the client, and what it makes of the ledger's entry.
//!
//! Over HTTP/1.1 a script is played on the bare connection, because hyper writes no half answers and no garbage.

use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{StatusCode, response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{sleep, timeout};

use super::body::PIECE;
use super::connection::{IDLE, Serving};
use super::line::Reset;
use super::record::Record;
use crate::clock::wall_clock;
use crate::ledger::Sent;
use crate::wire::{End, Position, Script, Step};

/// A script that is being played.
pub(super) struct Play {
    steps: std::vec::IntoIter<Step>,
    end: End,
    head: response::Parts,
    content_length: u64,
    position: Position,
    has_head: bool,
    /// Bytes of the body that have been played.
    body: u64,
    /// Bytes that the answer's body had before anything was done to it.
    whole_body: u64,
    alterations: Vec<Alteration>,
    record: Option<Record>,
    _serving: Serving,
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
        serving: Serving,
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
            _serving: serving,
        }
    }

    /// What comes next; `None` at the end. Alterations that are reached with it have happened.
    pub(super) fn next(&mut self) -> Option<Step> {
        self.note();
        self.steps.next()
    }

    /// How it goes on after the last step.
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// The whole body has been played, whatever it has become.
    pub(super) fn is_complete(&self) -> bool {
        self.body >= self.content_length
    }

    /// This step has been played, or is about to be as the very last thing that the client sees of the request.
    pub(super) fn played(&mut self, step: &Step) {
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
    pub(super) fn is_last(&self) -> bool {
        self.steps.as_slice().is_empty()
    }

    /// The request is over.
    pub(super) fn over(&mut self) {
        self.note();
        self.record = None;
    }

    /// The status and the headers, for a version of HTTP that writes them by itself.
    pub(super) fn head(&self) -> response::Parts {
        let mut head = self.head.clone();
        if has_length(head.status) {
            head.headers.insert(CONTENT_LENGTH, self.content_length.into());
        }
        head
    }

    /// The status line and the headers as HTTP/1.1 writes them.
    fn written_head(&self) -> Vec<u8> {
        let head = self.head();
        let reason = head.status.canonical_reason().unwrap_or("Unknown");
        let mut text = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_u16()).into_bytes();
        let of_the_connection = [CONNECTION, TRANSFER_ENCODING, DATE];
        for (name, value) in head.headers.iter().filter(|(name, _)| !of_the_connection.contains(name)) {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        let date = httpdate::fmt_http_date(wall_clock());
        text.extend_from_slice(format!("date: {date}\r\nconnection: close\r\n\r\n").as_bytes());
        text
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

/// Answers with these statuses have no body and do not say how long it is (RFC 9110, 8.6).
fn has_length(status: StatusCode) -> bool {
    !(status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED)
}

/// The client has gone, or does not take what it is sent.
struct Lost;

/// Plays a script on a connection of HTTP/1.1, to the connection's end.
pub(super) async fn play<T: AsyncRead + AsyncWrite + Unpin>(line: T, mut play: Play, reset: &Reset) -> Option<T> {
    let (mut reader, mut writer) = tokio::io::split(line);
    if perform(&mut reader, &mut writer, &mut play).await.is_err() {
        return None;
    }
    match play.end() {
        End::Hang => until_gone(&mut reader).await,
        End::Reset => {
            // Before the client sees that it is over, the ledger tells.
            play.over();
            reset.set();
            return None;
        }
        End::Close => play.over(),
    }
    Some(reader.unsplit(writer))
}

async fn perform<T: AsyncRead + AsyncWrite + Unpin>(
    reader: &mut ReadHalf<T>,
    writer: &mut WriteHalf<T>,
    play: &mut Play,
) -> Result<(), Lost> {
    while let Some(step) = play.next() {
        let is_last = play.is_last() && play.end() != End::Hang && !matches!(step, Step::Wait(_));
        if is_last {
            // Whoever has read the answer finds it in the ledger.
            play.played(&step);
            play.over();
        }
        match &step {
            Step::Wait(pause) => wait(reader, *pause).await?,
            Step::Head => write(writer, &play.written_head()).await?,
            Step::Body(bytes) | Step::Raw(bytes) => write(writer, bytes).await?,
        }
        if !is_last {
            play.played(&step);
        }
    }
    Ok(())
}

async fn write<T: AsyncWrite + Unpin>(writer: &mut T, bytes: &[u8]) -> Result<(), Lost> {
    let writing = async {
        writer.write_all(bytes).await?;
        writer.flush().await
    };
    timeout(IDLE, writing).await.map_err(|_| Lost)?.map_err(|_| Lost)
}

/// Waits for as long as the client is there.
async fn wait<T: AsyncRead + Unpin>(reader: &mut T, pause: Duration) -> Result<(), Lost> {
    tokio::select! {
        () = sleep(pause) => Ok(()),
        () = until_gone(reader) => Err(Lost),
    }
}

/// Waits until the client closes the connection. What it still sends is not looked at.
async fn until_gone<T: AsyncRead + Unpin>(reader: &mut T) {
    let mut unread = [0; 4096];
    while reader.read(&mut unread).await.is_ok_and(|length| length > 0) {}
}

#[cfg(test)]
mod tests;
