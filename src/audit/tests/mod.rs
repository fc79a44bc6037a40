//! Journals made by hand, of a history that keeps every promise or breaks one.

mod cases;
mod mutations;
mod tampering;

use std::path::Path;

use super::*;
use crate::journal::{Answered, DRIVER, JournalLines, PLACES, VENDORS, VendorEffect};
use crate::outcome::RestingState;
use crate::resilience::{OperationKind, idempotency_key};

const KINDS: [OperationKind; 3] = [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track];

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Acknowledged,
    /// No answer, submitted again, and known already then.
    AcknowledgedAgain,
    Refused,
    /// No answer, and nothing was kept.
    UncertainAndGone,
    /// No answer, and it was kept.
    UncertainAndKept,
}

/// What became of an operation that was kept.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Delivered,
    /// Its answer was lost, and the vendor knew it the second time.
    DeliveredTwice,
    Queued,
    DeadLettered,
    Degraded,
    Rejected,
}

/// The journals of one history, before they are written.
#[derive(Debug, Clone, Default)]
struct History {
    driver: Vec<DriverEntry>,
    vendors: Vec<VendorEntry>,
    places: Vec<RestingEntry>,
    now_us: u64,
    /// The service sends keys.
    keyed: bool,
}

fn op_key(lead: &str, kind: OperationKind) -> String {
    idempotency_key(kind, lead, &serde_json::json!({}).into())
}

fn effect(kind: OperationKind, user: &str, id: &str) -> VendorEffect {
    let what = ["row.added", "customer.identified", "event.recorded"][kind as usize];
    let id = (kind == OperationKind::Track).then(|| id.to_owned());
    let credits = if kind == OperationKind::Enrich { 6 } else { 0 };
    VendorEffect { what: what.to_owned(), subject: user.to_owned(), names: Vec::new(), id, credits }
}

impl History {
    fn tick(&mut self) -> u64 {
        self.now_us += 1_000;
        self.now_us
    }

    fn submit(&mut self, key: &str, user: &str) {
        let at_us = self.tick();
        self.driver.push(DriverEntry::Submitted { key: key.to_owned(), user: user.to_owned(), what: "lead".to_owned(), at_us });
    }

    fn answer(&mut self, key: &str, answer: Answered) {
        let at_us = self.tick();
        self.driver.push(DriverEntry::Answered { key: key.to_owned(), at_us, answer });
    }

    fn request(&mut self, key: &str, effects: Vec<VendorEffect>) {
        let at_us = self.tick();
        let idempotency_key = self.keyed.then(|| key.to_owned());
        self.vendors.push(VendorEntry {
            at_us,
            took_us: 500,
            idempotency_key,
            effects,
            status: Some(200),
            ..VendorEntry::default()
        });
    }

    fn lead(&mut self, number: usize, user: &str, fate: Fate, ends: [End; 3]) {
        let key = format!("{number:064x}");
        self.submit(&key, user);
        match fate {
            Fate::Acknowledged => self.answer(&key, Answered::Acknowledged),
            Fate::AcknowledgedAgain => {
                self.answer(&key, Answered::Unknown);
                self.submit(&key, user);
                self.answer(&key, Answered::Duplicate);
            }
            Fate::Refused => self.answer(&key, Answered::Refused { status: Some(429), cause: None }),
            Fate::UncertainAndKept => self.answer(&key, Answered::Unknown),
            // As if the driver had died.
            Fate::UncertainAndGone => {}
        }
        if matches!(fate, Fate::Refused | Fate::UncertainAndGone) {
            return;
        }
        for (kind, end) in KINDS.into_iter().zip(ends) {
            self.operation(&key, user, kind, end);
        }
    }

    fn operation(&mut self, lead: &str, user: &str, kind: OperationKind, end: End) {
        let key = op_key(lead, kind);
        let done = vec![effect(kind, user, &key)];
        let place = match end {
            End::Delivered => {
                self.request(&key, done);
                RestingState::Delivered
            }
            End::DeliveredTwice => {
                self.request(&key, done.clone());
                self.request(&key, if kind == OperationKind::Identify { done } else { Vec::new() });
                RestingState::Delivered
            }
            End::Queued => RestingState::Queued,
            End::DeadLettered => {
                self.request(&key, Vec::new());
                RestingState::DeadLettered
            }
            End::Degraded => RestingState::Degraded,
            End::Rejected => RestingState::Rejected,
        };
        let (lead, user, operation) = (lead.to_owned(), user.to_owned(), kind.as_str().to_owned());
        self.places.push(RestingEntry { key, lead, user, operation, place, attempts: 1, redrives: 0 });
    }

    fn write(&self, dir: &Path, with_places: bool) -> Journals {
        fn lines<T: serde::Serialize>(entries: &[T]) -> Vec<u8> {
            let mut text = Vec::new();
            let mut lines = JournalLines::new(&mut text);
            entries.iter().for_each(|entry| lines.entry(entry).unwrap());
            lines.end().unwrap();
            text
        }
        std::fs::write(dir.join(DRIVER), lines(&self.driver)).unwrap();
        std::fs::write(dir.join(VENDORS), lines(&self.vendors)).unwrap();
        if with_places {
            std::fs::write(dir.join(PLACES), lines(&self.places)).unwrap();
        }
        Journals::in_dir(dir)
    }

    fn audit(&self) -> Audit {
        self.audit_as(true, &AuditOptions::default())
    }

    fn audit_as(&self, with_places: bool, options: &AuditOptions) -> Audit {
        let dir = tempfile::tempdir().unwrap();
        audit(&self.write(dir.path(), with_places), options).unwrap()
    }

    /// The index, among the resting states, of the operation of this kind of the lead of this number.
    fn place_of(&mut self, number: usize, kind: OperationKind) -> usize {
        let key = op_key(&format!("{number:064x}"), kind);
        self.places.iter().position(|place| place.key == key).unwrap()
    }

    fn request_of(&self, number: usize, kind: OperationKind) -> usize {
        let key = op_key(&format!("{number:064x}"), kind);
        self.vendors.iter().position(|entry| entry.idempotency_key.as_deref() == Some(&key)).unwrap()
    }
}
