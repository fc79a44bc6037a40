//! The promises, checked against the joined journals when everything is at rest.

use std::collections::BTreeMap;

use crate::outcome::{Payload, RestingState};

use super::finding::{FindingKind, LeadTotals, OperationTotals};
use super::join::{Case, Joined};
use super::options::AuditOptions;
use super::state::{Acknowledgement, NO_LEAD, Op};

/// What is counted while judging.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) leads: LeadTotals,
    pub(super) operations: OperationTotals,
    /// Distinct effects of leads that were never acknowledged.
    pub(super) uncertain_effects: u64,
    /// Operations at the vendor that the service does not know to be there, by the state that it lists; they are harmless.
    pub(super) not_known: BTreeMap<&'static str, u64>,
}

/// Checks every lead and every operation against the promises.
pub(super) fn judge(joined: &mut Joined, options: &AuditOptions, has_places: bool) -> Judged {
    let mut judged = Judged::default();
    for lead in &joined.state.leads {
        judged.leads.submitted += 1;
        match lead.acknowledgement() {
            Acknowledgement::Acknowledged => judged.leads.acknowledged += 1,
            Acknowledgement::Refused => judged.leads.refused += 1,
            Acknowledgement::Uncertain => judged.leads.uncertain += 1,
        }
    }
    for number in 0..joined.state.ops.len() {
        let op = &joined.state.ops[number];
        if op.lead == NO_LEAD {
            continue;
        }
        let acknowledgement = joined.state.leads[op.lead as usize].acknowledgement();
        judged.count(op, acknowledgement);
        for kind in broken(op, acknowledgement, options, has_places).into_iter().flatten() {
            joined.cases.add(kind, case(number, op));
        }
    }
    judged
}

fn case(number: usize, op: &Op) -> Case {
    let known = |line: u32| if line == 0 { Vec::new() } else { vec![line] };
    Case { op: Some(number as u32), lead: None, vendor_lines: known(op.effect_line), place_lines: known(op.place_line) }
}

/// Which promises an operation breaks.
fn broken(op: &Op, acknowledgement: Acknowledgement, options: &AuditOptions, has_places: bool) -> [Option<FindingKind>; 3] {
    let done = op.effects > 0;
    let nowhere = match (acknowledgement, op.place, done) {
        (Acknowledgement::Acknowledged, None, false) => Some(FindingKind::Lost),
        (Acknowledgement::Acknowledged, None, true) if has_places => Some(FindingKind::Unrecorded),
        (Acknowledgement::Refused, place, done) if done || place.is_some() => Some(FindingKind::Phantom),
        _ => None,
    };
    let undone = (op.place == Some(RestingState::Delivered) && !done).then_some(FindingKind::DeliveredWithoutEffect);
    let again = matches!(op.place, Some(RestingState::Queued | RestingState::DeadLettered)) && done && !is_harmless(op, options);
    [nowhere, undone, again.then_some(FindingKind::WouldBeSentAgain)]
}

/// Whether the vendor would do nothing when it got the operation again: a customer written twice is the same customer, an
/// event with a ULID is recorded once, and a row is added once where the table dedupes.
fn is_harmless(op: &Op, options: &AuditOptions) -> bool {
    match op.kind.payload() {
        Payload::Data => true,
        Payload::Event => op.identified,
        Payload::Row => options.clay_deduplicates,
    }
}

impl Judged {
    fn count(&mut self, op: &Op, acknowledgement: Acknowledgement) {
        let done = op.effects > 0;
        if acknowledgement != Acknowledgement::Acknowledged {
            self.uncertain_effects += u64::from(done);
        } else {
            let totals = &mut self.operations;
            totals.acknowledged += 1;
            *match op.place {
                Some(RestingState::Delivered) => &mut totals.delivered,
                Some(RestingState::Queued) => &mut totals.queued,
                Some(RestingState::Degraded) => &mut totals.degraded,
                Some(RestingState::DeadLettered) => &mut totals.dead_lettered,
                Some(RestingState::Rejected) => &mut totals.rejected,
                None => &mut totals.nowhere,
            } += 1;
        }
        if let Some(place) = op.place.filter(|&place| done && place != RestingState::Delivered) {
            *self.not_known.entry(place.as_str()).or_default() += 1;
        }
    }

    /// Without resting states, an operation with an effect was delivered.
    pub(super) fn take_effects_for_places(&mut self, joined: &Joined) {
        let acknowledged = |op: &&Op| joined.state.leads[op.lead as usize].acknowledgement() == Acknowledgement::Acknowledged;
        let ops = joined.state.ops.iter().filter(|op| op.lead != NO_LEAD).filter(acknowledged);
        let delivered = ops.filter(|op| op.effects > 0).count() as u64;
        self.operations.delivered = delivered;
        self.operations.nowhere = self.operations.acknowledged - delivered;
    }
}
