//! Histories of a model that keeps every promise pass; the same history with one thing changed does not.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::ledgers::{Answered, VendorEffect};
use crate::outcome::Place;
use crate::resilience::idempotency_key;

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

/// The books of one history, before they are written.
#[derive(Debug, Clone, Default)]
struct History {
    driver: Vec<DriverEntry>,
    vendors: Vec<VendorEntry>,
    places: Vec<PlaceEntry>,
    now_us: u64,
    /// The service sends keys.
    keyed: bool,
}

fn op_key(lead: &str, kind: OperationKind) -> String {
    idempotency_key(kind, lead, &serde_json::json!({}))
}

fn effect(kind: OperationKind, user: &str, id: &str) -> VendorEffect {
    let what = ["row.added", "customer.identified", "event.recorded"][kind as usize];
    let id = (kind == OperationKind::Track).then(|| id.to_owned());
    let credits = if kind == OperationKind::Enrich { 6 } else { 0 };
    VendorEffect { what: what.to_owned(), subject: user.to_owned(), id, credits }
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
                Place::Delivered
            }
            End::DeliveredTwice => {
                self.request(&key, done.clone());
                self.request(&key, if kind == OperationKind::Identify { done } else { Vec::new() });
                Place::Delivered
            }
            End::Queued => Place::Queued,
            End::DeadLettered => {
                self.request(&key, Vec::new());
                Place::DeadLettered
            }
            End::Degraded => Place::Degraded,
            End::Rejected => Place::Rejected,
        };
        let (lead, user, operation) = (lead.to_owned(), user.to_owned(), kind.as_str().to_owned());
        self.places.push(PlaceEntry { key, lead, user, operation, place, attempts: 1, redrives: 0 });
    }

    fn write(&self, dir: &Path, with_places: bool) -> Books {
        fn lines<T: serde::Serialize>(entries: &[T]) -> String {
            entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
        }
        std::fs::write(dir.join(DRIVER), lines(&self.driver)).unwrap();
        std::fs::write(dir.join(VENDORS), lines(&self.vendors)).unwrap();
        if with_places {
            std::fs::write(dir.join(PLACES), lines(&self.places)).unwrap();
        }
        Books::in_dir(dir)
    }

    fn audit(&self) -> Audit {
        self.audit_as(true, &AuditOptions::default())
    }

    fn audit_as(&self, with_places: bool, options: &AuditOptions) -> Audit {
        let dir = tempfile::tempdir().unwrap();
        audit(&self.write(dir.path(), with_places), options).unwrap()
    }

    /// The place, in its book, of the operation of this kind of the lead of this number.
    fn place_of(&mut self, number: usize, kind: OperationKind) -> usize {
        let key = op_key(&format!("{number:064x}"), kind);
        self.places.iter().position(|place| place.key == key).unwrap()
    }

    fn request_of(&self, number: usize, kind: OperationKind) -> usize {
        let key = op_key(&format!("{number:064x}"), kind);
        self.vendors.iter().position(|entry| entry.idempotency_key.as_deref() == Some(&key)).unwrap()
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Acknowledged),
        1 => Just(Fate::AcknowledgedAgain),
        1 => Just(Fate::Refused),
        1 => Just(Fate::UncertainAndGone),
        1 => Just(Fate::UncertainAndKept),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        6 => Just(End::Delivered),
        2 => Just(End::DeliveredTwice),
        1 => Just(End::Queued),
        1 => Just(End::DeadLettered),
        1 => Just(End::Degraded),
        1 => Just(End::Rejected),
    ]
}

/// What waits holds up what comes behind it in its user's line.
fn in_line([enrich, identify, track]: [End; 3]) -> [End; 3] {
    [enrich, identify, if identify == End::Queued { End::Queued } else { track }]
}

/// A history that keeps every promise. Leads 0 to 2 are there in each: one delivered, one refused, one that waits.
fn kept_promises() -> impl Strategy<Value = History> {
    let leads = prop::collection::vec((fate(), [end(), end(), end()]), 0..20);
    (leads, any::<bool>()).prop_map(|(leads, alone)| {
        let mut history = History { keyed: true, ..History::default() };
        history.lead(0, "zero@acme.test", Fate::Acknowledged, [End::Delivered; 3]);
        history.lead(1, "one@acme.test", Fate::Refused, [End::Queued; 3]);
        history.lead(2, "two@acme.test", Fate::Acknowledged, [End::Queued; 3]);
        history.lead(3, "three@acme.test", Fate::UncertainAndKept, [End::Delivered; 3]);
        for (number, (fate, ends)) in leads.into_iter().enumerate() {
            // Leads that share a user: nothing of theirs may wait, or it would hold up the next.
            let shared = !alone && number % 3 == 0 && !ends.contains(&End::Queued);
            let user = if shared { "shared@acme.test".to_owned() } else { format!("user-{number}@acme.test") };
            history.lead(4 + number, &user, fate, in_line(ends));
        }
        history
    })
}

/// One thing that is changed, and what must be found then.
#[derive(Debug, Clone, Copy)]
enum Mutation {
    DropEffect,
    DoubleRow,
    DoubleEvent,
    DoubleUnderANewKey,
    DoubleOfUncertain,
    ForgetDelivered,
    ForgetQueued,
    TwoPlaces,
    AcknowledgeNothing,
    DoRefused,
    KeepRefused,
    DoNeverSubmitted,
    EventBeforeCustomer,
    EventWhileCustomerWaits,
    ForgetDelivery,
}

const MUTATIONS: [(Mutation, FindingKind, u64); 15] = [
    (Mutation::DropEffect, FindingKind::DeliveredWithoutEffect, 1),
    (Mutation::DoubleRow, FindingKind::Duplicate, 1),
    (Mutation::DoubleEvent, FindingKind::Duplicate, 1),
    (Mutation::DoubleUnderANewKey, FindingKind::Duplicate, 1),
    (Mutation::DoubleOfUncertain, FindingKind::Duplicate, 1),
    (Mutation::ForgetDelivered, FindingKind::Unrecorded, 1),
    (Mutation::ForgetQueued, FindingKind::Lost, 1),
    (Mutation::TwoPlaces, FindingKind::TwoPlaces, 1),
    (Mutation::AcknowledgeNothing, FindingKind::Lost, 3),
    (Mutation::DoRefused, FindingKind::Phantom, 1),
    (Mutation::KeepRefused, FindingKind::Phantom, 1),
    (Mutation::DoNeverSubmitted, FindingKind::Phantom, 1),
    (Mutation::EventBeforeCustomer, FindingKind::OutOfOrder, 1),
    (Mutation::EventWhileCustomerWaits, FindingKind::OutOfOrder, 1),
    (Mutation::ForgetDelivery, FindingKind::WouldBeSentAgain, 1),
];

fn mutate(history: &mut History, mutation: Mutation) {
    let again = |history: &mut History, number, kind| {
        let copy = history.vendors[history.request_of(number, kind)].clone();
        history.vendors.push(copy);
    };
    let key = |number: usize| format!("{number:064x}");
    match mutation {
        Mutation::DropEffect => {
            let request = history.request_of(0, OperationKind::Track);
            history.vendors[request].effects.clear();
        }
        Mutation::DoubleRow => again(history, 0, OperationKind::Enrich),
        Mutation::DoubleEvent => again(history, 0, OperationKind::Track),
        Mutation::DoubleUnderANewKey => {
            again(history, 0, OperationKind::Enrich);
            history.vendors.last_mut().unwrap().idempotency_key = Some("made anew".to_owned());
        }
        Mutation::DoubleOfUncertain => again(history, 3, OperationKind::Track),
        Mutation::ForgetDelivered => {
            let place = history.place_of(0, OperationKind::Identify);
            history.places.remove(place);
        }
        Mutation::ForgetQueued => {
            let place = history.place_of(2, OperationKind::Enrich);
            history.places.remove(place);
        }
        Mutation::TwoPlaces => {
            let place = history.place_of(2, OperationKind::Track);
            let copy = PlaceEntry { place: Place::DeadLettered, ..history.places[place].clone() };
            history.places.push(copy);
        }
        Mutation::AcknowledgeNothing => {
            history.submit(&key(1_000), "nobody@acme.test");
            history.answer(&key(1_000), Answered::Acknowledged);
        }
        Mutation::DoRefused => {
            history.request(&op_key(&key(1), OperationKind::Track), vec![effect(OperationKind::Track, "one@acme.test", "x")]);
        }
        Mutation::KeepRefused => history.operation(&key(1), "one@acme.test", OperationKind::Enrich, End::Queued),
        Mutation::DoNeverSubmitted => {
            history.request("nobody's", vec![effect(OperationKind::Identify, "nobody@acme.test", "x")]);
        }
        Mutation::EventBeforeCustomer => {
            let request = history.request_of(0, OperationKind::Track);
            (history.vendors[request].at_us, history.vendors[request].took_us) = (1, 1);
        }
        Mutation::EventWhileCustomerWaits => {
            let place = history.place_of(0, OperationKind::Identify);
            history.places[place].place = Place::Queued;
            let request = history.request_of(0, OperationKind::Identify);
            history.vendors[request].effects.clear();
        }
        Mutation::ForgetDelivery => {
            let place = history.place_of(0, OperationKind::Enrich);
            history.places[place].place = Place::DeadLettered;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_keeps_every_promise_passes(history in kept_promises()) {
        let audit = history.audit();
        prop_assert!(audit.passed(), "{audit}");
        let totals = audit.operations;
        let placed = totals.delivered + totals.queued + totals.degraded + totals.dead_lettered + totals.rejected + totals.nowhere;
        prop_assert_eq!(totals.acknowledged, placed);
        prop_assert_eq!(totals.acknowledged, 3 * audit.leads.acknowledged);
        prop_assert_eq!(audit.charges.credits, 6 * audit.charges.rows);
    }

    #[test]
    fn one_thing_changed_is_found(history in kept_promises(), (mutation, kind, times) in prop::sample::select(&MUTATIONS[..])) {
        let mut history = history;
        mutate(&mut history, mutation);
        let audit = history.audit();
        prop_assert_eq!(audit.verdict, Verdict::Failed, "{:?} was not seen:\n{}", mutation, audit);
        prop_assert_eq!(audit.count(kind), times, "{:?}:\n{}", mutation, audit);
        let example = audit.findings.iter().find(|finding| finding.kind == kind).map(|finding| &finding.examples[0]);
        prop_assert!(example.is_some_and(|example| !example.story.is_empty()), "{}", audit);
    }

    #[test]
    fn the_order_in_which_requests_ended_does_not_matter(history in kept_promises().prop_flat_map(|history| {
        let vendors = Just(history.vendors.clone()).prop_shuffle();
        (Just(history), vendors).prop_map(|(history, vendors)| History { vendors, ..history })
    })) {
        prop_assert!(history.audit().passed(), "{}", history.audit());
    }
}

#[test]
fn every_mutation_is_found_in_the_smallest_history() {
    for (mutation, kind, times) in MUTATIONS {
        let mut history = History { keyed: true, ..History::default() };
        history.lead(0, "zero@acme.test", Fate::Acknowledged, [End::Delivered; 3]);
        history.lead(1, "one@acme.test", Fate::Refused, [End::Queued; 3]);
        history.lead(2, "two@acme.test", Fate::Acknowledged, [End::Queued; 3]);
        history.lead(3, "three@acme.test", Fate::UncertainAndKept, [End::Delivered; 3]);
        assert!(history.audit().passed());
        mutate(&mut history, mutation);
        assert_eq!(history.audit().count(kind), times, "{mutation:?}:\n{}", history.audit());
    }
}

/// A service of one's own: no keys at the vendors, no places at rest.
fn foreign_service() -> History {
    let mut history = History::default();
    for number in 0..10 {
        let fate = if number % 5 == 4 { Fate::Refused } else { Fate::Acknowledged };
        history.lead(number, &format!("user-{number}@acme.test"), fate, [End::Delivered; 3]);
    }
    history
}

#[test]
fn a_service_without_keys_and_places_is_audited_by_its_users() {
    let options = AuditOptions::default();
    let history = foreign_service();
    let audit = history.audit_as(false, &options);
    assert!(audit.passed(), "{audit}");
    assert_eq!((audit.leads.acknowledged, audit.operations.delivered, audit.effects.distinct), (8, 24, 24));

    let mut lost = history.clone();
    lost.vendors.retain(|entry| entry.effects[0].subject != "user-3@acme.test" || entry.effects[0].what != "event.recorded");
    let audit = lost.audit_as(false, &options);
    assert_eq!((audit.count(FindingKind::Lost), audit.operations.nowhere), (1, 1), "{audit}");

    let mut doubled = history.clone();
    let row = doubled.vendors.iter().find(|entry| entry.effects[0].what == "row.added").unwrap().clone();
    doubled.vendors.push(row);
    assert_eq!(doubled.audit_as(false, &options).count(FindingKind::Duplicate), 1);

    let mut phantom = history;
    phantom.request("", vec![effect(OperationKind::Enrich, "user-4@acme.test", "x")]);
    assert_eq!(phantom.audit_as(false, &options).count(FindingKind::Phantom), 1);
}

#[test]
fn a_service_with_keys_of_its_own_is_joined_by_its_places() {
    let mut history = foreign_service();
    for place in &mut history.places {
        place.key = format!("{}-{}", place.operation, place.user);
    }
    assert!(history.audit().passed(), "{}", history.audit());
    let place = history.places.iter().position(|place| place.operation == "identify").unwrap();
    history.places.remove(place);
    assert_eq!(history.audit().count(FindingKind::Unrecorded), 1);
}

#[test]
fn operations_submitted_by_themselves_are_audited_one_by_one() {
    let mut history = History { keyed: true, ..History::default() };
    let key = "ab".repeat(32);
    let at_us = history.tick();
    let (user, what) = ("ada".to_owned(), "track".to_owned());
    history.driver.push(DriverEntry::Submitted { key: key.clone(), user, what, at_us });
    history.answer(&key, Answered::Acknowledged);
    assert_eq!(history.audit().count(FindingKind::Lost), 1);
    history.request(&key, vec![effect(OperationKind::Track, "ada", &key)]);
    let place = PlaceEntry {
        key: key.clone(),
        lead: key.clone(),
        user: "ada".to_owned(),
        operation: "track".to_owned(),
        place: Place::Delivered,
        attempts: 1,
        redrives: 0,
    };
    history.places.push(place);
    let audit = history.audit();
    assert!(audit.passed(), "{audit}");
    assert_eq!(audit.operations.acknowledged, 1);
    // Given up after its answer was lost: it may well have been done.
    let given_up = Answered::Refused { status: None, cause: Some(crate::outcome::FailureKind::Timeout) };
    history.driver.truncate(1);
    history.answer(&key, given_up);
    history.submit("other", "eve");
    history.answer("other", Answered::Acknowledged);
    let audit = history.audit();
    assert_eq!((audit.leads.uncertain, audit.count(FindingKind::Phantom)), (1, 0), "{audit}");
}

#[test]
fn what_follows_from_a_lead_is_audited_too() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    let follow_up = PlaceEntry { key: "of a callback".to_owned(), ..history.places[1].clone() };
    history.places.push(follow_up);
    assert_eq!(history.audit().count(FindingKind::DeliveredWithoutEffect), 1);
    history.request("of a callback", vec![effect(OperationKind::Identify, "ada", "")]);
    let audit = history.audit();
    assert!(audit.passed(), "{audit}");
    // It stands in for nothing: the lead's own identify is still missed.
    let own = history.place_of(0, OperationKind::Identify);
    history.places.remove(own);
    assert_eq!(history.audit().count(FindingKind::Unrecorded), 1);
}

#[test]
fn what_the_vendor_would_take_once_may_be_sent_again() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    history.places.iter_mut().for_each(|place| place.place = Place::Queued);
    let options = AuditOptions { clay_deduplicates: true, ..AuditOptions::default() };
    let audit = history.audit_as(true, &options);
    assert!(audit.passed() && audit.remarks[0].contains("3 operations are queued and done"), "{audit}");
    assert_eq!(history.audit().count(FindingKind::WouldBeSentAgain), 1, "Clay's table dedupes only when it is told to");
    history.vendors[2].effects[0].id = None;
    let audit = history.audit_as(true, &options);
    assert_eq!(audit.count(FindingKind::WouldBeSentAgain), 1, "an event without an id is recorded each time: {audit}");
}

#[test]
fn leads_of_one_user_keep_their_order_unless_they_were_under_way_together() {
    let history = |together: bool| {
        let mut history = History { keyed: true, ..History::default() };
        history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
        history.lead(1, "ada", Fate::Acknowledged, [End::Delivered; 3]);
        let (first, second) = (history.request_of(0, OperationKind::Identify), history.request_of(1, OperationKind::Identify));
        let late = history.vendors[second].at_us;
        history.vendors[second].at_us = history.vendors[first].at_us;
        history.vendors[first].at_us = late;
        history.vendors.retain(|entry| entry.effects[0].what != "event.recorded");
        history.places.iter_mut().filter(|place| place.operation == "track").for_each(|place| place.place = Place::Queued);
        if together {
            history.driver.swap(1, 2);
            let (DriverEntry::Answered { at_us, .. }, DriverEntry::Submitted { at_us: submitted, .. }) =
                (history.driver[2].clone(), history.driver[1].clone())
            else {
                panic!("an answer behind a submission")
            };
            assert!(at_us < submitted);
            history.driver[2] =
                DriverEntry::Answered { key: format!("{:064x}", 0), at_us: submitted + 1, answer: Answered::Acknowledged };
        }
        history
    };
    assert_eq!(history(false).audit().count(FindingKind::OutOfOrder), 1, "{}", history(false).audit());
    assert!(history(true).audit().passed(), "{}", history(true).audit());
    let mut redriven = history(false);
    redriven.places.iter_mut().for_each(|place| place.redrives = 1);
    assert!(redriven.audit().passed());
    let any_order = AuditOptions { in_order: false, ..AuditOptions::default() };
    assert!(history(false).audit_as(true, &any_order).passed());
}

#[test]
fn books_that_lack_entries_or_hold_nothing_prove_nothing() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    let dir = tempfile::tempdir().unwrap();
    let books = history.write(dir.path(), true);
    for (book, whose) in [(DRIVER, "driver"), (VENDORS, "vendors"), (PLACES, "places")] {
        let path = dir.path().join(book);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"missed\":7}}\n")).unwrap();
        let audit = audit(&books, &AuditOptions::default()).unwrap();
        assert_eq!(audit.verdict, Verdict::NotProven, "{audit}");
        assert!(audit.to_string().contains("NOT PROVEN: 7 entries are missing from the") && audit.missing[0].contains(whose));
        std::fs::write(&path, whole).unwrap();
    }
    assert!(audit(&books, &AuditOptions::default()).unwrap().passed());

    let nothing = History::default().audit();
    assert_eq!((nothing.verdict, nothing.missing.len()), (Verdict::NotProven, 2), "{nothing}");
    let mut refused = History { keyed: true, ..History::default() };
    refused.lead(0, "ada", Fate::Refused, [End::Queued; 3]);
    refused.request("other", Vec::new());
    assert!(refused.audit().to_string().starts_with("NOT PROVEN: no lead was acknowledged"), "{}", refused.audit());
    history.driver.remove(0);
    assert!(!history.audit().passed(), "an answer to what was never submitted");
}

#[test]
fn a_key_given_to_two_leads_hides_what_became_of_the_second() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    history.submit(&format!("{:064x}", 0), "bob");
    history.answer(&format!("{:064x}", 0), Answered::Duplicate);
    let audit = history.audit();
    assert_eq!(audit.verdict, Verdict::NotProven, "bob is nowhere: {audit}");
    assert!(audit.missing[0].contains("1 submission has the key of another lead"), "{audit}");
}

#[test]
fn keys_that_the_vendors_cut_to_the_same_prove_nothing() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    for end in ["1", "2"] {
        let key = format!("{}{end}", "k".repeat(128));
        history.submit(&key, "bob");
        history.answer(&key, Answered::Acknowledged);
        for kind in KINDS.into_iter().filter(|_| end == "1") {
            history.request(&key, vec![effect(kind, "bob", &key)]);
        }
    }
    let audit = history.audit_as(false, &AuditOptions::default());
    assert!(!audit.passed(), "the second is nowhere: {audit}");
}

#[test]
fn a_gap_in_the_numbers_of_the_vendors_entries_is_seen() {
    let mut history = History { keyed: true, ..History::default() };
    for number in 0..3 {
        history.lead(number, &format!("user-{number}"), Fate::Acknowledged, [End::Delivered; 3]);
    }
    // The second time that an event was recorded; and a line that changed nothing.
    history.request("of nobody", Vec::new());
    history.request("of nobody", Vec::new());
    for (entry, number) in history.vendors.iter_mut().zip(1..) {
        entry.entry = Some(number);
    }
    assert!(history.audit().passed(), "{}", history.audit());
    let twice = history.vendors.clone();
    history.vendors.extend(twice.into_iter().map(|entry| VendorEntry { effects: Vec::new(), ..entry }));
    assert!(history.audit().passed(), "a simulator that was started again counts from 1: {}", history.audit());
    history.vendors.remove(9);
    let audit = history.audit();
    assert_eq!((audit.verdict, audit.missing.len()), (Verdict::NotProven, 1), "{audit}");
    assert!(audit.missing[0].contains("1 gap in the numbers"), "{audit}");
}

#[test]
fn rows_charged_beyond_the_distinct_ones_are_found() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    let charged = |rows| AuditOptions { charged_rows: Some(rows), ..AuditOptions::default() };
    assert!(history.audit_as(true, &charged(1)).passed());
    assert_eq!(history.audit_as(true, &charged(2)).count(FindingKind::Overcharged), 1);
}

#[test]
fn the_story_of_a_lost_lead_names_the_lines_that_tell_it() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada@acme.test", Fate::Acknowledged, [End::Delivered; 3]);
    history.lead(1, "bob@acme.test", Fate::AcknowledgedAgain, [End::DeadLettered; 3]);
    let lost = history.place_of(1, OperationKind::Enrich);
    history.places.remove(lost);
    let audit = history.audit();
    let key = format!("{:064x}", 1);
    let expected = format!(
        "1 operation acknowledged and lost: at no place and not at the vendor
  enrich for bob@acme.test, lead {key}
    submitted.ndjson:3: lead submitted at 0.006000 s
    submitted.ndjson:4: no answer at 0.007000 s
    submitted.ndjson:5: lead submitted at 0.008000 s
    submitted.ndjson:6: acknowledged again, as known already, at 0.009000 s
    vendors.ndjson:4: request  at 0.010000 s by the vendors' clock, answered 200: nothing done
    places.ndjson: at no place that was told"
    );
    assert_eq!(audit.findings[0].to_string(), expected);
    assert!(audit.to_string().starts_with("FAILED: 1 operation acknowledged and lost"));
}

#[test]
fn examples_are_bounded_and_all_are_counted() {
    let mut history = History { keyed: true, ..History::default() };
    for number in 0..20 {
        history.lead(number, &format!("user-{number}"), Fate::Acknowledged, [End::Delivered; 3]);
    }
    history.vendors.retain(|entry| entry.effects[0].what != "event.recorded");
    let audit = history.audit_as(true, &AuditOptions { examples: 2, ..AuditOptions::default() });
    assert_eq!((audit.count(FindingKind::DeliveredWithoutEffect), audit.findings[0].examples.len()), (20, 2));
    assert!(audit.to_string().contains("and 18 more"), "{audit}");
}

#[test]
fn a_place_of_no_known_operation_is_named_by_its_line() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    history.places[1].operation = "telephone".to_owned();
    let dir = tempfile::tempdir().unwrap();
    let error = audit(&history.write(dir.path(), true), &AuditOptions::default()).unwrap_err().to_string();
    assert!(error.contains("places.ndjson:2:1: `telephone` is no operation"), "{error}");
}
