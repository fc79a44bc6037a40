//! An answer on its way to the client, and what faults make of it.
//!
//! A [`Script`] is what the edge plays on a connection in place of an ordinary answer: which bytes, with which pauses, and how
//! it ends. Faults alter it one after another (cut it, slow it, break it), so they compose without knowing each other.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

/// Whether an answer with this status has a body and says how long it is (RFC 9110, 6.4.1 and 8.6).
pub(crate) fn has_body(status: StatusCode) -> bool {
    !(status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED)
}

/// What is played. Without a fault it is the head, the body in one piece, and an orderly close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// What is written, and when.
    pub(crate) steps: Vec<Step>,
    /// What comes after the last step.
    pub(crate) end: End,
    /// What the head says the body's length is, where that is not the truth: the sum of the body's steps. A cut that the
    /// client is to notice says the length that the body had.
    pub(crate) content_length: Option<u64>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The status line and the headers.
    Head,
    /// A piece of the body.
    Body(Bytes),
    /// Bytes that are not part of an answer. Over HTTP/2, where there is no such thing, the connection is closed instead.
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

    /// Bytes of the body that are played.
    pub(crate) fn body_length(&self) -> u64 {
        let length = |step: &Step| if let Step::Body(bytes) = step { bytes.len() as u64 } else { 0 };
        self.steps.iter().map(length).sum()
    }

    /// What the head says the body's length is.
    pub(crate) fn said_length(&self) -> u64 {
        self.content_length.unwrap_or_else(|| self.body_length())
    }

    /// Whether a client gets this body, late perhaps, and nothing else.
    pub(crate) fn is_faithful_to(&self, body: &Bytes) -> bool {
        let spoken = self.steps.iter().filter(|step| !matches!(step, Step::Wait(_)));
        let spoken = Self { steps: spoken.cloned().collect(), ..self.clone() };
        let whole = Position::default().having_said(1 + body.len() as u64);
        self.end == End::Close && spoken.position_of_end() == whole && spoken.same_until(&Self::answer(body.clone())) == whole
    }

    fn position_of_end(&self) -> Position {
        self.steps.iter().fold(Position::default(), Position::after)
    }

    /// How far two scripts are the same for a client.
    pub(crate) fn same_until(&self, other: &Self) -> Position {
        let (mut ours, mut theirs) = (Rest::of(self), Rest::of(other));
        let mut position = Position::default();
        loop {
            match (ours.next_step(), theirs.next_step()) {
                (Some(Step::Head), Some(Step::Head)) if self.said_length() == other.said_length() => {
                    position = position.after(&Step::Head);
                    ours.skip_step();
                    theirs.skip_step();
                }
                (Some(Step::Wait(pause)), Some(Step::Wait(other))) if pause == other => {
                    position = position.after(&Step::Wait(*pause));
                    ours.skip_step();
                    theirs.skip_step();
                }
                (Some(Step::Body(_)), Some(Step::Body(_))) | (Some(Step::Raw(_)), Some(Step::Raw(_))) => {
                    let (left, right) = (ours.bytes(), theirs.bytes());
                    let shorter = left.len().min(right.len());
                    let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
                    position = position.having_said(same as u64);
                    if same < shorter {
                        return position;
                    }
                    ours.skip_bytes(same);
                    theirs.skip_bytes(same);
                }
                _ => return position,
            }
        }
    }
}

/// How far a script has been played: what has been said, and how long it has been waited. Faults that alter what is never
/// reached have not happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// One for a head, and one for each byte of a body or of anything else.
    said: u64,
    waited: Duration,
}

impl Position {
    /// The position when this step has been played too.
    pub(crate) fn after(self, step: &Step) -> Self {
        match step {
            Step::Head => self.having_said(1),
            Step::Body(bytes) | Step::Raw(bytes) => self.having_said(bytes.len() as u64),
            Step::Wait(pause) => Self { waited: self.waited.saturating_add(*pause), ..self },
        }
    }

    /// Whether a script that has been played so far is past another position.
    pub(crate) fn has_reached(self, other: Self) -> bool {
        self.said >= other.said && self.waited >= other.waited
    }

    fn having_said(self, more: u64) -> Self {
        Self { said: self.said + more, ..self }
    }
}

/// What is left of a script's steps.
struct Rest<'a> {
    steps: &'a [Step],
    /// Bytes of the first step that are gone.
    gone: usize,
}

impl<'a> Rest<'a> {
    fn of(script: &'a Script) -> Self {
        Self { steps: &script.steps, gone: 0 }
    }

    /// The next step that is more than nothing.
    fn next_step(&mut self) -> Option<&'a Step> {
        while let Some(step) = self.steps.first() {
            let is_nothing = match step {
                Step::Head => false,
                Step::Body(bytes) | Step::Raw(bytes) => bytes.len() == self.gone,
                Step::Wait(pause) => pause.is_zero(),
            };
            if !is_nothing {
                return Some(step);
            }
            self.skip_step();
        }
        None
    }

    fn bytes(&self) -> &'a [u8] {
        match self.steps.first() {
            Some(Step::Body(bytes) | Step::Raw(bytes)) => &bytes[self.gone..],
            _ => &[],
        }
    }

    fn skip_bytes(&mut self, bytes: usize) {
        self.gone += bytes;
    }

    fn skip_step(&mut self) {
        self.steps = &self.steps[1..];
        self.gone = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Script {
        Script::answer(Bytes::from_static(b"0123456789"))
    }

    fn body(text: &'static str) -> Step {
        Step::Body(Bytes::from_static(text.as_bytes()))
    }

    fn wait(seconds: u64) -> Step {
        Step::Wait(Duration::from_secs(seconds))
    }

    fn position(said: u64, waited: u64) -> Position {
        Position { said, waited: Duration::from_secs(waited) }
    }

    #[test]
    fn pieces_make_no_difference() {
        let pieces = Script { steps: vec![Step::Head, body("01"), body(""), body("23456789")], ..answer() };
        assert_eq!(answer().same_until(&pieces), position(11, 0));
    }

    #[test]
    fn a_cut_is_where_the_bytes_end() {
        let cut = Script { steps: vec![Step::Head, body("0123")], content_length: Some(10), ..answer() };
        assert_eq!(answer().same_until(&cut), position(5, 0));
        // A head that says another length is another head.
        assert_eq!(answer().same_until(&Script { content_length: None, ..cut }), position(0, 0));
    }

    #[test]
    fn a_wait_or_other_bytes_are_where_they_are() {
        let slow = Script { steps: vec![wait(1), Step::Head, body("01"), wait(2), body("23456789")], ..answer() };
        assert_eq!(answer().same_until(&slow), position(0, 0));
        let other = Script { steps: vec![wait(1), Step::Head, body("01"), wait(2), body("2x456789")], ..answer() };
        assert_eq!(slow.same_until(&other), position(4, 3));
        let raw = Script { steps: vec![Step::Raw(Bytes::from_static(b"\0"))], ..answer() };
        assert_eq!(answer().same_until(&raw), position(0, 0));
    }

    #[test]
    fn a_late_answer_is_faithful_and_another_is_not() {
        let text = Bytes::from_static(b"0123456789");
        let late = Script { steps: vec![wait(1), Step::Head, body("01"), wait(2), body("23456789")], ..answer() };
        assert!(answer().is_faithful_to(&text) && late.is_faithful_to(&text));
        let more = Step::Raw(Bytes::from_static(b"x"));
        for other in [
            Script { content_length: Some(9), ..answer() },
            Script { end: End::Reset, ..answer() },
            Script { steps: vec![Step::Head, body("012345678x")], ..answer() },
            Script { steps: vec![Step::Head, body("0123")], ..answer() },
            Script { steps: vec![Step::Head, body("0123456789"), more], ..answer() },
            Script { steps: vec![body("0123456789")], ..answer() },
        ] {
            assert!(!other.is_faithful_to(&text), "{other:?}");
        }
    }

    #[test]
    fn a_position_is_reached_when_all_is_said_and_waited() {
        let steps = [wait(1), Step::Head, body("01")];
        let mut now = Position::default();
        let reached = steps.map(|step| {
            now = now.after(&step);
            [position(0, 1), position(2, 0), position(3, 1)].map(|other| now.has_reached(other))
        });
        assert_eq!(reached, [[true, false, false], [true, false, false], [true, true, true]]);
    }
}
