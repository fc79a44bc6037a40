//! Joining the journals: each line finds its lead or its operation.
//!
//! An operation is identified by its key: the driver's journal has the lead's, the operations' follow from it (or are in the
//! resting states), and the vendors' ledger has the header `Idempotency-Key`. Your own service may use other keys, or none:
//! then an effect belongs to the lead whose user it names, as its subject or otherwise, or whom a customer of that identifier
//! was identified as. Where a user has several leads, effects without a known key are given to those that were acknowledged,
//! then to the others, in their order: that finds no loss that there was not, but proves nothing. What is left over when each
//! has its own is one effect too many.

use std::collections::{BTreeMap, HashMap};

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
    subject: Id,
    /// The first of its other names that is a user of the driver's.
    named: Option<Id>,
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
    /// The driver's journal is whole.
    pub(super) knows_every_lead: bool,
    /// Effects of leads that are not in it.
    pub(super) foreign_effects: u64,
    lead_kinds: Vec<OperationKind>,
    /// A place had a key that follows from its lead's: the service makes its keys as documented.
    keys_as_documented: bool,
    /// Places of known leads under keys that do not follow from the lead's.
    odd_places: Vec<(u32, LineNumber, OddPlace)>,
    strays: Vec<Stray>,
    /// The user whose name was in the request that identified this customer.
    identified_as: HashMap<Id, Id>,
    /// Effects of which it is not known which of their user's leads they are of.
    pub(super) guessed: u64,
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
        let key = entry.idempotency_key.as_deref().map(Id::of);
        for effect in &entry.effects {
            self.charges.credits += effect.credits;
            let Some(kind) = OperationKind::of_effect(&effect.what) else {
                self.effects.other += 1;
                continue;
            };
            let subject = Id::of_user(&effect.subject);
            let named = effect.names.iter().map(|name| Id::of_user(name)).find(|&name| self.state.is_user(name));
            if let (Some(user), OperationKind::Identify) = (named, kind) {
                self.identified_as.entry(subject).or_insert(user);
            }
            let stray = Stray {
                subject,
                named,
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

    /// The operation that a key is of: its own, or its lead's.
    fn by_key(&self, key: Id, kind: OperationKind) -> Option<u32> {
        let own = self.state.op_of(key).filter(|&op| self.state.ops[op as usize].kind == kind);
        own.or_else(|| self.state.lead_of(key).and_then(|lead| self.state.op_in(lead, kind)))
    }

    fn happened(&mut self, op: u32, effect: &Stray) {
        let known = &mut self.state.ops[op as usize];
        self.foreign_effects += u64::from(known.lead == NO_LEAD);
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
        let mut waiting = HashMap::new();
        for stray in std::mem::take(&mut self.strays) {
            let of = (self.user_of(&stray), stray.kind);
            let of = waiting.entry(of).or_insert_with(|| Waiting::new(&self.state, of));
            let Some(op) = of.next() else {
                if !self.knows_every_lead {
                    // Perhaps it is of a lead that was in the rest of the journal.
                    self.foreign_effects += 1;
                    self.charges.credits -= stray.credits;
                    continue;
                }
                self.cases.add(FindingKind::Phantom, Case { vendor_lines: vec![stray.line], ..Case::default() });
                continue;
            };
            self.guessed += u64::from(of.several);
            self.state.ops[op as usize].guessed |= of.several;
            self.happened(op, &stray);
        }
    }

    /// The user that it is about, as the driver knows them: its subject, or whom that was identified as, or whom it names.
    fn user_of(&self, effect: &Stray) -> Id {
        let subject = Some(effect.subject).filter(|&subject| self.state.is_user(subject));
        let known = subject.or_else(|| self.identified_as.get(&effect.subject).copied()).or(effect.named);
        known.unwrap_or(effect.subject)
    }
}

/// The operations of one kind and user that effects without a known key may be of.
struct Waiting {
    without_effect: std::vec::IntoIter<u32>,
    last: Option<u32>,
    several: bool,
}

impl Waiting {
    fn new(state: &State, (user, kind): (Id, OperationKind)) -> Self {
        let mut leads: Vec<u32> = state.leads_of(user).collect();
        leads.sort_by_key(|&lead| state.leads[lead as usize].acknowledgement());
        let ops: Vec<u32> = leads.into_iter().filter_map(|lead| state.op_in(lead, kind)).collect();
        let (several, last) = (ops.len() > 1, ops.last().copied());
        let without_effect: Vec<u32> = ops.into_iter().filter(|&op| state.ops[op as usize].effects == 0).collect();
        Self { without_effect: without_effect.into_iter(), last, several }
    }

    fn next(&mut self) -> Option<u32> {
        self.last = self.without_effect.next().or(self.last);
        self.last
    }
}

/// Clay's rows carry an id where the lead has one, but only a table that dedupes by it would know a repetition by it.
fn has_identity(effect: &VendorEffect) -> bool {
    effect.id.is_some() && OperationKind::of_effect(&effect.what) == Some(OperationKind::Track)
}
