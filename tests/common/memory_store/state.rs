//! The leads of a store in memory, and where each of their operations is.

use std::collections::BTreeMap;

use mock_server::json::Json;

use plimsoll::outcome::{FailureKind, PerVendor, RestingState, Vendor};
use plimsoll::resilience::{Attempt, Entry, Operation, OperationKind, Settled, UnixMillis};
use plimsoll::store::{Acceptance, Bounds, Enrichment, LeadRecord, NewLead, OperationRecord, Recorded, Runs};

use super::vendor_backlog::VendorBacklog;

#[derive(Debug)]
pub(super) struct State {
    bounds: Bounds,
    leads: BTreeMap<String, Lead>,
    backlogs: PerVendor<VendorBacklog>,
    runs: Runs,
}

#[derive(Debug)]
struct Lead {
    user: String,
    data: Json,
    accepted_at: UnixMillis,
    operations: Vec<Tracked>,
    enrichments: Vec<Enrichment>,
}

/// An operation of a lead.
#[derive(Debug)]
struct Tracked {
    kind: OperationKind,
    key: String,
    whereabouts: Whereabouts,
}

/// Where an operation is. What waits or lies among the letters is there; only what has left both is kept here.
#[derive(Debug, Clone)]
enum Whereabouts {
    Queue(u64),
    Letters(u64),
    Settled { settled: Settled, attempts: Vec<Attempt>, redrives: u32 },
}

/// An operation that a vendor has not been asked for yet.
fn untried(operation: Operation, timestamp: UnixMillis) -> Entry {
    Entry { operation, timestamp, retry_count: 0, redrives: 0, attempts: Vec::new() }
}

impl State {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, leads: BTreeMap::new(), backlogs: PerVendor::default(), runs: Runs::default() }
    }

    pub(super) fn backlog(&self, vendor: Vendor) -> &VendorBacklog {
        &self.backlogs[vendor]
    }

    pub(super) fn backlog_mut(&mut self, vendor: Vendor) -> &mut VendorBacklog {
        &mut self.backlogs[vendor]
    }

    fn room(&self, vendor: Vendor) -> usize {
        self.bounds.queue.saturating_sub(self.backlog(vendor).waiting.len())
    }

    fn room_for_letter(&self, vendor: Vendor) -> bool {
        self.backlog(vendor).letters.len() < self.bounds.dead_letters
    }

    pub(super) fn accept(&mut self, lead: NewLead, now: UnixMillis) -> Acceptance {
        if self.leads.contains_key(&lead.key) {
            return Acceptance::Known;
        }
        for vendor in Vendor::ALL {
            let wanted = lead.operations.iter().filter(|operation| operation.kind.vendor() == vendor).count();
            if wanted > self.room(vendor) {
                return Acceptance::Full;
            }
        }
        let NewLead { key, user, data, operations } = lead;
        self.leads.insert(key, Lead { user, data, accepted_at: now, operations: Vec::new(), enrichments: Vec::new() });
        self.enter(operations, now);
        Acceptance::New
    }

    /// Puts operations into the queues of their vendors, except those that their lead has already.
    fn enter(&mut self, operations: Vec<Operation>, now: UnixMillis) {
        for operation in operations {
            if self.tracked(&operation).is_none() {
                self.put_in_line(untried(operation, now), now);
            }
        }
    }

    fn put_in_line(&mut self, entry: Entry, due: UnixMillis) {
        let operation = entry.operation.clone();
        let id = self.backlog_mut(operation.kind.vendor()).push(entry, due);
        self.moved(&operation, Whereabouts::Queue(id));
    }

    pub(super) fn push(&mut self, vendor: Vendor, entry: Entry, due: UnixMillis) -> bool {
        let queued = self.backlog(vendor).queued(&entry.operation.key).is_some();
        if !queued && self.room(vendor) == 0 {
            return false;
        }
        let operation = entry.operation.clone();
        let id = self.backlog_mut(vendor).push(entry, due);
        self.moved(&operation, Whereabouts::Queue(id));
        true
    }

    pub(super) fn ack(&mut self, vendor: Vendor, id: u64, mut settled: Settled) {
        let Some(entry) = self.backlog_mut(vendor).remove(id) else { return };
        let (at, follow_up) = (settled.at, std::mem::take(&mut settled.follow_up));
        let Entry { operation, attempts, redrives, .. } = entry;
        self.moved(&operation, Whereabouts::Settled { settled, attempts, redrives });
        self.enter(follow_up, at);
    }

    pub(super) fn bury(&mut self, vendor: Vendor, id: u64, attempt: Attempt) -> bool {
        if !self.room_for_letter(vendor) {
            return false;
        }
        let Some(mut entry) = self.backlog_mut(vendor).remove(id) else { return false };
        entry.retry_count += 1;
        entry.remember(attempt);
        self.give_up(vendor, entry, attempt.cause, attempt.at);
        true
    }

    pub(super) fn put_letter(&mut self, vendor: Vendor, entry: Entry, cause: FailureKind, at: UnixMillis) -> bool {
        let fits = self.room_for_letter(vendor);
        if fits {
            self.give_up(vendor, entry, cause, at);
        }
        fits
    }

    fn give_up(&mut self, vendor: Vendor, entry: Entry, cause: FailureKind, at: UnixMillis) {
        let operation = entry.operation.clone();
        let id = self.backlog_mut(vendor).put_letter(entry, cause, at);
        self.moved(&operation, Whereabouts::Letters(id));
    }

    pub(super) fn redrive(&mut self, vendor: Vendor, letter: u64, due: UnixMillis) -> bool {
        if self.room(vendor) == 0 {
            return false;
        }
        let Some(letter) = self.backlog_mut(vendor).letters.remove(&letter) else { return false };
        let mut entry = letter.entry;
        entry.retry_count = 0;
        entry.redrives += 1;
        self.push(vendor, entry, due)
    }

    pub(super) fn remove_letter(&mut self, vendor: Vendor, id: u64) -> bool {
        let Some(letter) = self.backlog_mut(vendor).letters.remove(&id) else { return false };
        let Entry { operation, attempts, redrives, .. } = letter.entry;
        let stands_for_it = matches!(self.tracked(&operation), Some(Whereabouts::Letters(at)) if *at == id);
        if stands_for_it {
            let status = attempts.last().and_then(|attempt| attempt.status);
            let settled = Settled {
                at: letter.at,
                place: RestingState::Rejected,
                source: None,
                cause: Some(letter.cause),
                status,
                follow_up: Vec::new(),
            };
            self.moved(&operation, Whereabouts::Settled { settled, attempts, redrives });
        }
        true
    }

    fn tracked(&self, operation: &Operation) -> Option<&Whereabouts> {
        let lead = self.leads.get(operation.lead.as_deref()?)?;
        lead.operations.iter().find(|known| known.key == operation.key).map(|known| &known.whereabouts)
    }

    /// Notes where an operation of a lead is now. Of an operation by itself nothing is noted.
    fn moved(&mut self, operation: &Operation, whereabouts: Whereabouts) {
        let Some(lead) = operation.lead.as_ref().and_then(|key| self.leads.get_mut(key)) else { return };
        match lead.operations.iter_mut().find(|known| known.key == operation.key) {
            Some(known) => known.whereabouts = whereabouts,
            None => lead.operations.push(Tracked { kind: operation.kind, key: operation.key.clone(), whereabouts }),
        }
    }

    pub(super) fn enrich(&mut self, key: &str, enrichment: Enrichment, follow_up: Vec<Operation>) -> Recorded {
        let Some(lead) = self.leads.get_mut(key) else { return Recorded::UnknownLead };
        let same = |known: &Enrichment| known.source == enrichment.source && known.data == enrichment.data;
        if lead.enrichments.iter().any(same) {
            return Recorded::Repeated;
        }
        let at = enrichment.at;
        lead.enrichments.push(enrichment);
        self.enter(follow_up, at);
        Recorded::New
    }

    pub(super) fn lead(&self, key: &str) -> Option<LeadRecord> {
        self.leads.get(key).map(|lead| self.record(key, lead))
    }

    pub(super) fn leads(&self, after: Option<&str>, limit: usize) -> Vec<LeadRecord> {
        use std::ops::Bound::{Excluded, Unbounded};
        let behind = (after.map_or(Unbounded, Excluded), Unbounded);
        self.leads.range::<str, _>(behind).take(limit).map(|(key, lead)| self.record(key, lead)).collect()
    }

    fn record(&self, key: &str, lead: &Lead) -> LeadRecord {
        LeadRecord {
            key: key.to_owned(),
            user: lead.user.clone(),
            data: lead.data.clone(),
            accepted_at: lead.accepted_at,
            operations: lead.operations.iter().map(|tracked| self.operation(tracked)).collect(),
            enrichments: lead.enrichments.clone(),
            unreadable: 0,
        }
    }

    fn operation(&self, tracked: &Tracked) -> OperationRecord {
        let backlog = self.backlog(tracked.kind.vendor());
        let (place, due, attempts, redrives, settled) = match &tracked.whereabouts {
            Whereabouts::Queue(id) => {
                let waiting = backlog.waiting.get(id);
                let (attempts, redrives) = history(waiting.map(|waiting| &waiting.entry));
                (RestingState::Queued, waiting.map(|waiting| waiting.due), attempts, redrives, None)
            }
            Whereabouts::Letters(id) => {
                let (attempts, redrives) = history(backlog.letters.get(id).map(|letter| &letter.entry));
                (RestingState::DeadLettered, None, attempts, redrives, None)
            }
            Whereabouts::Settled { settled, attempts, redrives } => {
                (settled.place, None, attempts.clone(), *redrives, Some(settled.clone()))
            }
        };
        OperationRecord { kind: tracked.kind, key: tracked.key.clone(), place, due, attempts, redrives, settled }
    }

    pub(super) fn ran(&mut self, now: UnixMillis, age: u64) -> UnixMillis {
        self.runs.note(now);
        self.runs.since(age)
    }

    pub(super) fn forget_settled(&mut self, before: UnixMillis) -> u64 {
        let kept = self.leads.len();
        self.leads.retain(|_, lead| !lead.settled_before(before));
        (kept - self.leads.len()) as u64
    }
}

impl Lead {
    fn settled_before(&self, before: UnixMillis) -> bool {
        let settled =
            |tracked: &Tracked| matches!(&tracked.whereabouts, Whereabouts::Settled { settled, .. } if settled.at < before);
        self.accepted_at < before && self.operations.iter().all(settled)
    }
}

fn history(entry: Option<&Entry>) -> (Vec<Attempt>, u32) {
    entry.map(|entry| (entry.attempts.clone(), entry.redrives)).unwrap_or_default()
}
