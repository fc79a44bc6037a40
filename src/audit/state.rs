//! What the journals hold about each lead and its operations, joined: about half a kilobyte for a lead of three operations.

use std::collections::HashMap;

use crate::outcome::{FailureKind, RestingState};
use crate::resilience::{OperationKind, idempotency_key};

use super::id::Id;

/// No lead.
pub(super) const NO_LEAD: u32 = u32::MAX;

/// The number of a line; 0 for none.
pub(super) type LineNumber = u32;

/// A line number in 32 bits; beyond four thousand million lines it stays at the last.
pub(super) fn line_number(line: u64) -> LineNumber {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// A lead, or an operation that was submitted by itself.
#[derive(Debug)]
pub(super) struct Lead {
    pub(super) id: Id,
    /// Of its whole key and its user: another lead under the same key is not this one.
    whole: Id,
    /// When it was submitted first.
    pub(super) submitted_us: u64,
    /// When it was acknowledged first.
    pub(super) acknowledged_us: Option<u64>,
    pub(super) submissions: u32,
    /// Answers that make sure that nothing was kept.
    pub(super) refusals: u32,
    /// Its operations: this many from that on.
    pub(super) operations: (u32, u8),
    /// The next lead of the same user.
    pub(super) next_of_user: u32,
}

/// What the driver knows of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Acknowledgement {
    Acknowledged,
    Uncertain,
    Refused,
}

impl Lead {
    pub(super) fn acknowledgement(&self) -> Acknowledgement {
        match self.acknowledged_us {
            Some(_) => Acknowledgement::Acknowledged,
            None if self.refusals >= self.submissions => Acknowledgement::Refused,
            None => Acknowledgement::Uncertain,
        }
    }

    pub(super) fn own_operations(&self) -> std::ops::Range<usize> {
        let (first, count) = self.operations;
        first as usize..first as usize + usize::from(count)
    }
}

/// Whether a refusal makes sure that nothing was done. A status of 4xx says so; a server that failed may have failed behind its
/// commit, and so may a pipeline that gave up after its request had reached the vendor.
pub(super) fn is_sure(status: Option<u16>, cause: Option<FailureKind>) -> bool {
    let open = matches!(
        cause,
        Some(
            FailureKind::ConnectionLost
                | FailureKind::Timeout
                | FailureKind::BadAnswer
                | FailureKind::ServerError
                | FailureKind::Panicked
                | FailureKind::Interrupted
        )
    );
    !open && status.is_none_or(|status| status < 500)
}

/// An operation.
#[derive(Debug)]
pub(super) struct Op {
    /// The lead's number, or [`NO_LEAD`] for one that was at rest without a submission in the driver's journal.
    pub(super) lead: u32,
    pub(super) id: Id,
    pub(super) kind: OperationKind,
    pub(super) place: Option<RestingState>,
    pub(super) place_line: LineNumber,
    pub(super) redriven: bool,
    pub(super) effects: u32,
    /// The line of the first effect; when its request came, and when it was over.
    pub(super) effect_line: LineNumber,
    pub(super) began_us: u64,
    pub(super) ended_us: u64,
    /// Its effect names a user with several such operations, and has no key: it may be another's.
    pub(super) guessed: bool,
    /// The vendor was given an identity by which it knows a repetition.
    pub(super) identified: bool,
}

impl Op {
    pub(super) fn new(lead: u32, id: Id, kind: OperationKind) -> Self {
        Self {
            lead,
            id,
            kind,
            place: None,
            place_line: 0,
            redriven: false,
            effects: 0,
            effect_line: 0,
            began_us: 0,
            ended_us: 0,
            guessed: false,
            identified: false,
        }
    }

    /// Effects that should not be. To write a customer again with the same attributes changes nothing.
    pub(super) fn duplicates(&self) -> u32 {
        if self.kind == OperationKind::Identify { 0 } else { self.effects.saturating_sub(1) }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) leads: Vec<Lead>,
    pub(super) ops: Vec<Op>,
    by_lead: HashMap<Id, u32>,
    by_key: HashMap<Id, u32>,
    /// First and last lead of each user.
    by_user: HashMap<Id, (u32, u32)>,
    /// Submissions under the key of another lead.
    pub(super) keys_reused: u64,
}

impl State {
    /// The number of the lead of this key, made where there is none.
    pub(super) fn submit(&mut self, key: &str, user: &str, kinds: &[OperationKind], is_lead: bool, at_us: u64) -> u32 {
        let (id, whole) = (Id::of(key), Id::of_whole(key, user));
        if let Some(&known) = self.by_lead.get(&id) {
            self.keys_reused += u64::from(self.leads[known as usize].whole != whole);
            return known;
        }
        let number = self.leads.len() as u32;
        let user = Id::of_user(user);
        self.by_lead.insert(id, number);
        let first = self.ops.len() as u32;
        for &kind in kinds {
            let of_lead = || Id::of(&idempotency_key(kind, key, &serde_json::json!({}).into()));
            self.insert(Op::new(number, if is_lead { of_lead() } else { id }, kind));
        }
        self.leads.push(Lead {
            id,
            whole,
            submitted_us: at_us,
            acknowledged_us: None,
            submissions: 0,
            refusals: 0,
            operations: (first, kinds.len() as u8),
            next_of_user: NO_LEAD,
        });
        let ends = self.by_user.entry(user).or_insert((number, number));
        if ends.1 != number {
            self.leads[ends.1 as usize].next_of_user = number;
            ends.1 = number;
        }
        number
    }

    /// Adds an operation; gives its number.
    pub(super) fn insert(&mut self, op: Op) -> u32 {
        let number = self.ops.len() as u32;
        self.by_key.insert(op.id, number);
        self.ops.push(op);
        number
    }

    /// From now on, the operation is known by this key.
    pub(super) fn rename(&mut self, op: u32, key: Id) {
        self.ops[op as usize].id = key;
        self.by_key.insert(key, op);
    }

    pub(super) fn lead_of(&self, key: Id) -> Option<u32> {
        self.by_lead.get(&key).copied()
    }

    pub(super) fn op_of(&self, key: Id) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    /// The operation of this kind that the lead itself is made of.
    pub(super) fn op_in(&self, lead: u32, kind: OperationKind) -> Option<u32> {
        self.leads[lead as usize].own_operations().find(|&op| self.ops[op].kind == kind).map(|op| op as u32)
    }

    /// The leads of a user, in the order of their first submissions.
    pub(super) fn leads_of(&self, user: Id) -> impl Iterator<Item = u32> + '_ {
        self.from(self.by_user.get(&user).map(|&(first, _)| first))
    }

    /// A lead and those of its user behind it.
    pub(super) fn from(&self, lead: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(lead, |&lead| {
            let next = self.leads[lead as usize].next_of_user;
            (next != NO_LEAD).then_some(next)
        })
    }

    /// Whether it is the user of a lead.
    pub(super) fn is_user(&self, user: Id) -> bool {
        self.by_user.contains_key(&user)
    }

    /// Users with more than one lead.
    pub(super) fn users_of_several(&self) -> impl Iterator<Item = Id> + '_ {
        self.by_user.iter().filter(|(_, (first, last))| first != last).map(|(user, _)| *user)
    }
}
