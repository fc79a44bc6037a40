//! Whether each user's operations were done in their order: a customer's event must not come before the customer, nor what is
//! old be written over what is new.
//!
//! Two requests that overlap have no order, at the vendor or in the driver's journal. So only what was over before the other
//! began is judged: a lead that was acknowledged before the next one was submitted, and an effect whose request had ended
//! before the other's came. An operation that was brought back from the dead letters comes when it comes, and
//! is not judged; nor is an effect of which it is not known which lead's it is.

use crate::outcome::RestingState;
use crate::resilience::OperationKind;

use super::finding::FindingKind;
use super::id::Id;
use super::join::{Case, Cases};
use super::state::{Acknowledgement, Op, State};

/// Finds what was done out of order.
pub(super) fn judge_order(state: &State, cases: &mut Cases) {
    for lead in 0..state.leads.len() as u32 {
        let identify = state.op_in(lead, OperationKind::Identify);
        if let (Some(first), Some(second)) = (identify, state.op_in(lead, OperationKind::Track)) {
            check(state, first, second, cases);
        }
    }
    let mut users: Vec<Id> = state.users_of_several().collect();
    // So that the examples are the same each time.
    users.sort_unstable();
    for user in users {
        for kind in OperationKind::ALL {
            judge_user(state, user, kind, cases);
        }
    }
}

/// Among the leads of a user, in the order of their submissions, each must come behind all that were acknowledged before it.
fn judge_user(state: &State, user: Id, kind: OperationKind, cases: &mut Cases) {
    let leads: Vec<u32> = state.leads_of(user).collect();
    let mut by_answer: Vec<(u64, u32)> = leads
        .iter()
        .filter(|&&lead| state.leads[lead as usize].acknowledgement() == Acknowledgement::Acknowledged)
        .filter_map(|&lead| state.leads[lead as usize].acknowledged_us.map(|at| (at, lead)))
        .collect();
    by_answer.sort_unstable();
    let mut answered = by_answer.into_iter().peekable();
    let mut latest: Option<u32> = None;
    for lead in leads {
        let submitted_us = state.leads[lead as usize].submitted_us;
        while let Some((_, earlier)) = answered.next_if(|&(at, _)| at < submitted_us) {
            let Some(op) = state.op_in(earlier, kind) else { continue };
            let comes = |op: u32| waits_or_began(&state.ops[op as usize]);
            if latest.is_none_or(|known| comes(op) > comes(known)) {
                latest = Some(op);
            }
        }
        if let (Some(first), Some(second)) = (latest, state.op_in(lead, kind)) {
            check(state, first, second, cases);
        }
    }
}

/// When an operation was done: later than anything where it still waits, and earlier where its time says nothing.
fn waits_or_began(op: &Op) -> u64 {
    match (op.redriven, op.effects, op.place) {
        (true, _, _) => 0,
        (false, 0, Some(RestingState::Queued)) => u64::MAX,
        (false, 0, _) => 0,
        (false, _, _) => op.began_us,
    }
}

fn check(state: &State, first: u32, second: u32, cases: &mut Cases) {
    let (earlier, later) = (&state.ops[first as usize], &state.ops[second as usize]);
    let guessed = earlier.guessed || later.guessed;
    if later.effects > 0 && !later.redriven && !guessed && later.ended_us < waits_or_began(earlier) {
        let vendor_lines = [earlier.effect_line, later.effect_line].into_iter().filter(|&line| line > 0).collect();
        cases.add(
            FindingKind::OutOfOrder,
            Case { op: Some(second), lead: Some(earlier.lead), vendor_lines, place_lines: Vec::new() },
        );
    }
}
