//! What the active faults make of a request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request;
use tokio::time::Instant;

use super::Shared;
use super::play::Alteration;
use super::record::{Record, What};
use crate::clock::wall_clock;
use crate::fault::effect::{Moment, Verdict};
use crate::timetable::ActiveFault;
use crate::vendor::{Answer, Request};
use crate::wire::Script;

/// What is to happen to a request, all faults together.
pub(super) struct Judgement {
    /// A fault's answer or its end.
    pub(super) end: Option<Ending>,
    /// The answer comes so much later.
    pub(super) delay: Duration,
    /// The vendor gets the request, unless a fault ends it.
    pub(super) asks_vendor: bool,
    /// Faults that alter the answer on its way, with their numbers in the record.
    alterers: Vec<(usize, Arc<ActiveFault>)>,
}

/// How a fault ends a request.
pub(super) enum Ending {
    Close,
    Answer(Answer),
}

/// Puts the request before every active fault in the order in which they compose. Faults that mean to hit it are noted in
/// `record`.
pub(super) fn judge(shared: &Shared, parts: &request::Parts, body: &Bytes, record: &mut Record) -> Judgement {
    let active = shared.active();
    let mut judgement = Judgement { end: None, delay: Duration::ZERO, asks_vendor: true, alterers: Vec::new() };
    if active.0.is_empty() {
        return judgement;
    }
    let (path, query) = (parts.uri.path(), parts.uri.query());
    let request = Request { method: &parts.method, path, query, headers: &parts.headers, body };
    let moment = Moment { now: Instant::now(), date: wall_clock() };
    for fault in active.0.iter() {
        // An end is final, but for what happens to any answer, another fault's included.
        let is_due = !fault.may_end || judgement.end.is_none();
        if is_due {
            let verdict = fault.judge(shared.vendor.as_ref(), record.route, &request, moment);
            judgement.take(fault, verdict, record);
        }
    }
    judgement
}

impl Judgement {
    fn take(&mut self, fault: &Arc<ActiveFault>, verdict: Verdict, record: &mut Record) {
        let mut intend = |what| record.intend(fault.name.clone(), what);
        match verdict {
            Verdict::Pass => {}
            Verdict::Delay(delay) => {
                intend(What::Delay);
                self.delay = self.delay.saturating_add(delay);
            }
            Verdict::Close => {
                intend(What::End);
                self.end = Some(Ending::Close);
            }
            Verdict::Answer(answer) => {
                intend(What::End);
                self.end = Some(Ending::Answer(answer));
            }
            Verdict::Wire { asks_vendor } => {
                // The first of them decides: an answer that is lost had been given, whatever would have become of it.
                if self.alterers.is_empty() {
                    self.asks_vendor = asks_vendor;
                }
                self.alterers.push((intend(What::Alter), fault.clone()));
            }
        }
    }

    /// Whether the answer may be altered on its way.
    pub(super) fn alters(&self) -> bool {
        !self.alterers.is_empty()
    }

    /// Alters an answer; tells where. Nothing where no fault found anything to alter.
    pub(super) fn alter(&self, script: &mut Script) -> Vec<Alteration> {
        let mut alterations = Vec::new();
        for (hit, fault) in &self.alterers {
            let before = script.clone();
            if fault.alter(script) {
                alterations.push(Alteration { hit: *hit, at: before.same_until(script) });
            }
        }
        alterations
    }
}
