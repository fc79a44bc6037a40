//! What the active faults make of a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::FaultyVendor;
use super::play::Alteration;
use super::record::{Record, What};
use crate::fault::ActiveFault;
use crate::fault::effect::{Moment, Verdict};
use crate::simulated::{Answer, Request};
use crate::wire::Script;

/// A request that the faults have judged, all of them together.
pub(crate) struct Judged {
    pub(crate) record: Record,
    /// A fault closes the connection.
    pub(super) closes: bool,
    /// A fault's answer or the vendor's, where there is one.
    pub(super) answer: Option<Answer>,
    /// What faults delay the answer by.
    pub(super) delay: Duration,
    /// The vendor gets the request, unless a fault ends it.
    reaches_vendor: bool,
    /// Faults that alter the answer on its way, with their numbers in the record.
    pub(super) alterers: Vec<(usize, Arc<ActiveFault>)>,
}

impl FaultyVendor {
    /// Puts a request before every active fault in the order in which they compose. Faults that mean to hit it are noted in
    /// its record.
    pub(crate) fn judge(&self, record: Record, request: &Request<'_>, now: Instant) -> Judged {
        let mut judged =
            Judged { record, closes: false, answer: None, delay: Duration::ZERO, reaches_vendor: true, alterers: Vec::new() };
        let active = self.active();
        if active.0.is_empty() {
            return judged;
        }
        let moment = Moment { now, date: self.clock.date(now) };
        for fault in active.0.iter() {
            // An end is final, but for what happens to any answer, another fault's included.
            if !(fault.may_end() && judged.has_ended()) {
                let verdict = fault.judge(self.vendor(), judged.record.route, request, moment);
                judged.take(fault, verdict);
            }
        }
        judged
    }
}

impl Judged {
    fn has_ended(&self) -> bool {
        self.closes || self.answer.is_some()
    }

    fn take(&mut self, fault: &Arc<ActiveFault>, verdict: Verdict) {
        let mut intend = |what| self.record.intend(fault.name.clone(), what);
        match verdict {
            Verdict::Pass => {}
            Verdict::Delay(delay) => {
                intend(What::Delay);
                self.delay = self.delay.saturating_add(delay);
            }
            Verdict::Close => {
                intend(What::End);
                self.closes = true;
            }
            Verdict::Answer(answer) => {
                intend(What::End);
                self.record.will_answer(&answer, true);
                self.answer = Some(answer);
            }
            Verdict::Wire { asks_vendor } => {
                // The first of them decides: an answer that is lost had been given, whatever would have become of it.
                if self.alterers.is_empty() {
                    self.reaches_vendor = asks_vendor;
                }
                self.alterers.push((intend(What::Alter), fault.clone()));
            }
        }
    }

    /// Whether the vendor is to be asked, and its answer handed over.
    pub(crate) fn asks_vendor(&self) -> bool {
        self.reaches_vendor && !self.has_ended()
    }

    /// Hands the vendor's answer over. What the request has changed stays true whatever becomes of the answer.
    pub(crate) fn answered(&mut self, mut answer: Answer) {
        self.record.has_effects(std::mem::take(&mut answer.effects));
        self.record.will_answer(&answer, false);
        self.answer = Some(answer);
    }

    /// Alters an answer; returns where. Nothing where no fault found anything to alter.
    pub(super) fn alter(&self, script: &mut Script, now: Instant) -> Vec<Alteration> {
        let mut alterations = Vec::new();
        for (hit, fault) in &self.alterers {
            let before = script.clone();
            if fault.alter(script, now) {
                alterations.push(Alteration { hit: *hit, at: before.same_until(script) });
            }
        }
        alterations
    }
}
