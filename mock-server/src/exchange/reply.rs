//! What is sent in answer to a judged request, and when.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use tokio::time::Instant;

use super::judge::Judged;
use super::play::Play;
use super::record::{Record, What};
use crate::simulated::Answer;
use crate::wire::{Script, Step};

/// What is sent.
pub(crate) enum Reply {
    /// Nothing: the connection is closed. The request is over.
    Close,
    /// An ordinary answer.
    Answer(Answer, Record),
    /// A script, played in place of an ordinary answer.
    Play(Play),
}

impl Judged {
    /// When the reply begins, `None` for at once: after the time that the vendor takes and faults add, from the request's
    /// arrival. From here on the faults that add to it have happened.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        if self.closes {
            return None;
        }
        if !self.delay.is_zero() {
            self.record.all_happened(What::Delay);
        }
        let delay = self.delay.saturating_add(self.answer.as_ref().map_or(Duration::ZERO, |answer| answer.delay));
        // Each delay is bounded and so is the number of faults, so that the clock does not end before.
        Some(delay).filter(|delay| !delay.is_zero()).and_then(|delay| self.record.arrived.checked_add(delay))
    }

    /// The reply at `now`, when it is due: the answer, altered by faults or as it is. Where there is no answer, faults play
    /// what they have in its place. A `HEAD` has an answer without a body, which faults cannot alter.
    pub(crate) fn reply(mut self, is_head: bool, now: Instant) -> Reply {
        if self.closes {
            self.record.all_happened(What::End);
            return Reply::Close;
        }
        let answer = self.answer.take();
        let is_given = answer.is_some();
        let mut answer = answer.unwrap_or_else(|| Answer::text(StatusCode::NO_CONTENT, Bytes::new()));
        // No server library gives an answer that is none: it is played.
        let is_final = !answer.status.is_informational();
        if self.alterers.is_empty() && is_final {
            self.record.all_happened(What::End);
            return Reply::Answer(answer, self.record);
        }
        if is_head {
            answer.body = Bytes::new();
        }
        let mut script = Script::answer(answer.body.clone());
        let alterations = self.alter(&mut script, now);
        self.record.all_happened(What::End);
        if alterations.is_empty() && is_final {
            return Reply::Answer(answer, self.record);
        }
        if (is_given || script.steps.contains(&Step::Head)) && !script.is_faithful_to(&answer.body) {
            self.record.will_answer(&answer, true);
        }
        let whole_body = answer.body.len() as u64;
        let (head, _) = without_body(answer).into_parts();
        Reply::Play(Play::new(script, head, whole_body, alterations, self.record))
    }
}

/// The answer without its body.
pub(crate) fn without_body(answer: Answer) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    // The body says itself how long it is.
    response.headers_mut().remove(CONTENT_LENGTH);
    response
}
