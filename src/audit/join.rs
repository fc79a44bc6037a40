//! Joining the journals: each line finds its lead or its operation.
//!
//! An operation is identified by its key: the driver's journal has the lead's, the operations' follow from it (or are in the
//! resting states), and the vendors' ledger has the header `Idempotency-Key`. Your own service may use other keys, or none:
//! then an effect belongs to the lead whose user it names. Where a user has several leads, effects without a known key are
//! given to them in their order; what is left over when each has its own is one effect too many.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::journal::{Answered, DriverEntry, RestingEntry, VendorEffect, VendorEntry};
use crate::outcome::RestingState;
use crate::resilience::OperationKind;

use super::finding::{Charges, EffectTotals, FindingKind};
use super::id::Id;
use super::state::{LineNumber, NO_LEAD, Op, State, is_sure, line_number};

/// One case of a finding, by numbers; its evidence is read from the journals afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct Case {
    /// The operation, or the lead where there is none.
    pub(super) op: Option<u32>,
    pub(super) lead: Option<u32>,
    pub(super) vendor_lines: Vec<LineNumber>,
    pub(super) place_lines: Vec<LineNumber>,
}

/// Cases by kind: all counted, some kept.
#[derive(Debug, Default)]
pub(super) struct Cases {
    pub(super) by_kind: BTreeMap<FindingKind, (u64, Vec<Case>)>,
    most: usize,
}

impl Cases {
    pub(super) fn add(&mut self, kind: FindingKind, case: Case) {
        let (count, kept) = self.by_kind.entry(kind).or_default();
        *count += 1;
        if kept.len() < self.most {
            kept.push(case);
        }
    }
}

/// An effect whose key is not known.
#[derive(Debug)]
struct Stray {
    user: Id,
    kind: OperationKind,
    line: LineNumber,
    began_us: u64,
    ended_us: u64,
    credits: u64,
    identified: bool,
}

/// The journals, as far as they have been read: first the driver's, then the resting states, then the vendors' ledger.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) state: State,
    pub(super) cases: Cases,
    pub(super) effects: EffectTotals,
    pub(super) charges: Charges,
    /// Answers without a submission before them.
    pub(super) answers_alone: u64,
    pub(super) places: u64,
    /// Operations at rest of leads that are not in the driver's journal.
    pub(super) foreign_places: u64,
    pub(super) requests: u64,
    /// Gaps in the numbers of the ledger's entries.
    pub(super) gaps: u64,
    last_entry: u64,
    lead_kinds: Vec<OperationKind>,
    /// A place had a key that follows from its lead's: the service makes its keys as documented.
    keys_as_documented: bool,
    /// Places of known leads under keys that do not follow from the lead's.
    odd_places: Vec<(u32, LineNumber, OddPlace)>,
    strays: Vec<Stray>,
}

#[derive(Debug)]
struct OddPlace {
    key: Id,
    kind: OperationKind,
    place: RestingState,
    redriven: bool,
}

impl Joined {
    pub(super) fn new(lead_kinds: &[OperationKind], most_examples: usize) -> Self {
        let cases = Cases { most: most_examples, ..Cases::default() };
        Self { cases, lead_kinds: lead_kinds.to_vec(), ..Self::default() }
    }

    pub(super) fn driver(&mut self, entry: &DriverEntry) {
        match entry {
            DriverEntry::Submitted { key, user, what, at_us } => {
                let kinds = OperationKind::named(what).map(|kind| vec![kind]);
                let is_lead = kinds.is_none();
                let kinds = kinds.unwrap_or_else(|| self.lead_kinds.clone());
                let lead = self.state.submit(key, user, &kinds, is_lead, *at_us);
                self.state.leads[lead as usize].submissions += 1;
            }
            DriverEntry::Answered { key, at_us, answer } => {
                let Some(lead) = self.state.lead_of(Id::of(key)) else {
                    self.answers_alone += 1;
                    return;
                };
                let lead = &mut self.state.leads[lead as usize];
                match answer {
                    Answered::Acknowledged | Answered::Duplicate => drop(lead.acknowledged_us.get_or_insert(*at_us)),
                    Answered::Refused { status, cause } => lead.refusals += u32::from(is_sure(*status, *cause)),
                    Answered::Unknown => {}
                }
            }
        }
    }

    pub(super) fn place(&mut self, line: u64, entry: &RestingEntry) -> Result<(), String> {
        let kind = OperationKind::named(&entry.operation)
            .ok_or_else(|| format!("`{}` is not an operation: use enrich, identify or track", entry.operation))?;
        self.places += 1;
        let (key, line) = (Id::of(&entry.key), line_number(line));
        let redriven = entry.redrives > 0;
        let lead = self.state.lead_of(Id::of(&entry.lead));
        match (self.state.op_of(key), lead) {
            (Some(op), _) => {
                self.keys_as_documented |= self.state.ops[op as usize].lead != NO_LEAD;
                self.put(op, entry.place, redriven, line);
            }
            (None, Some(lead)) => self.odd_places.push((lead, line, OddPlace { key, kind, place: entry.place, redriven })),
            (None, None) => {
                self.foreign_places += 1;
                let op = self.state.insert(Op::new(NO_LEAD, key, kind));
                self.put(op, entry.place, redriven, line);
            }
        }
        Ok(())
    }

    fn put(&mut self, op: u32, place: RestingState, redriven: bool, line: LineNumber) {
        let known = &mut self.state.ops[op as usize];
        if known.place.is_some() {
            let place_lines = vec![known.place_line, line];
            self.cases.add(FindingKind::TwoPlaces, Case { op: Some(op), place_lines, ..Case::default() });
            return;
        }
        (known.place, known.place_line, known.redriven) = (Some(place), line, redriven);
    }

    /// Places under keys of the service's own making are those of the lead's own operations, unless the service makes its
    /// keys as documented: then they follow from others (a callback's data that is written to Customer.io).
    pub(super) fn places_end(&mut self) {
        for (lead, line, odd) in std::mem::take(&mut self.odd_places) {
            let op = match self.state.op_of(odd.key) {
                // A second place under the same key.
                Some(op) => op,
                None => match self.own_without_place(lead, odd.kind) {
                    Some(op) => {
                        self.state.rename(op, odd.key);
                        op
                    }
                    None => self.state.insert(Op::new(lead, odd.key, odd.kind)),
                },
            };
            self.put(op, odd.place, odd.redriven, line);
        }
    }

    fn own_without_place(&self, lead: u32, kind: OperationKind) -> Option<u32> {
        let op = self.state.op_in(lead, kind).filter(|_| !self.keys_as_documented)?;
        self.state.ops[op as usize].place.is_none().then_some(op)
    }

    pub(super) fn vendor(&mut self, line: u64, entry: &VendorEntry) {
        self.requests += 1;
        self.number(entry.entry);
        let key = entry.idempotency_key.as_deref().map(Id::of);
        for effect in &entry.effects {
            self.charges.credits += effect.credits;
            let Some(kind) = OperationKind::of_effect(&effect.what) else {
                self.effects.other += 1;
                continue;
            };
            let stray = Stray {
                user: Id::of(&effect.subject),
                kind,
                line: line_number(line),
                began_us: entry.at_us,
                ended_us: entry.at_us.saturating_add(entry.took_us),
                credits: effect.credits,
                identified: has_identity(effect),
            };
            match key.and_then(|key| self.by_key(key, kind)) {
                Some(op) => self.happened(op, &stray),
                None => self.strays.push(stray),
            }
        }
    }

    /// Numbers go on one by one, or begin anew with a simulator that does. Between others, somebody took lines out.
    fn number(&mut self, number: Option<u64>) {
        let Some(number) = number else { return };
        self.gaps += u64::from(number != self.last_entry + 1 && number != 1);
        self.last_entry = number;
    }

    /// The operation that a key is of: its own, or its lead's.
    fn by_key(&self, key: Id, kind: OperationKind) -> Option<u32> {
        let own = self.state.op_of(key).filter(|&op| self.state.ops[op as usize].kind == kind);
        own.or_else(|| self.state.lead_of(key).and_then(|lead| self.state.op_in(lead, kind)))
    }

    fn happened(&mut self, op: u32, effect: &Stray) {
        let known = &mut self.state.ops[op as usize];
        known.effects = known.effects.saturating_add(1);
        known.identified |= effect.identified;
        if known.effects == 1 {
            (known.effect_line, known.began_us, known.ended_us) = (effect.line, effect.began_us, effect.ended_us);
            self.effects.distinct += 1;
            self.charges.distinct += effect.credits;
            self.charges.rows += u64::from(effect.kind == OperationKind::Enrich);
        } else if known.duplicates() == 0 {
            self.effects.repeated += 1;
        } else {
            self.effects.duplicates += 1;
            let vendor_lines = vec![known.effect_line, effect.line];
            self.cases.add(FindingKind::Duplicate, Case { op: Some(op), vendor_lines, ..Case::default() });
        }
    }

    /// Gives the effects without a known key to the leads of their users.
    pub(super) fn vendors_end(&mut self) {
        let mut taken = HashMap::<(Id, OperationKind), u32>::new();
        let mut exhausted = HashSet::<(Id, OperationKind)>::new();
        for stray in std::mem::take(&mut self.strays) {
            let of = (stray.user, stray.kind);
            let waiting = if exhausted.contains(&of) { None } else { self.without_effect(of, taken.get(&of).copied()) };
            let last = || self.state.leads_of(stray.user).filter_map(|lead| self.state.op_in(lead, stray.kind)).last();
            if let Some((lead, op)) = waiting {
                taken.insert(of, lead);
                self.happened(op, &stray);
            } else if let Some(op) = taken.get(&of).and_then(|&lead| self.state.op_in(lead, stray.kind)).or_else(last) {
                exhausted.insert(of);
                self.happened(op, &stray);
            } else {
                self.cases.add(FindingKind::Phantom, Case { vendor_lines: vec![stray.line], ..Case::default() });
            }
        }
    }

    /// The first lead of a user, from `after` on, whose operation of this kind has no effect yet.
    fn without_effect(&self, (user, kind): (Id, OperationKind), after: Option<u32>) -> Option<(u32, u32)> {
        let first = after.or_else(|| self.state.leads_of(user).next());
        self.state
            .from(first)
            .filter_map(|lead| self.state.op_in(lead, kind).map(|op| (lead, op)))
            .find(|&(_, op)| self.state.ops[op as usize].effects == 0)
    }
}

/// Clay's rows carry an id where the lead has one, but only a table that dedupes by it would know a repetition by it.
fn has_identity(effect: &VendorEffect) -> bool {
    effect.id.is_some() && OperationKind::of_effect(&effect.what) == Some(OperationKind::Track)
}
