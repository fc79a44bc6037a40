//! One history a case: how journals are joined, what an audit reports, and when they prove nothing.

use super::*;

/// A service with neither keys at the vendors nor resting states.
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
fn whom_a_request_names_otherwise_is_found() {
    let mut history = foreign_service();
    for entry in &mut history.vendors {
        let effect = &mut entry.effects[0];
        let address = std::mem::replace(&mut effect.subject, "acme.test".to_owned()).to_uppercase();
        if effect.what != "row.added" {
            effect.subject = format!("c-{address}");
        }
        // The event has the customer's id alone, which only the identification has with the address.
        if effect.what != "event.recorded" {
            effect.names = vec!["sales@acme.test".to_owned(), address];
        }
    }
    let audit = history.audit_as(false, &AuditOptions::default());
    assert!(audit.passed() && audit.operations.delivered == 24, "{audit}");
    // A customer whom no identification names belongs to no lead.
    history
        .vendors
        .retain(|entry| entry.effects[0].what != "customer.identified" || !entry.effects[0].subject.contains("USER-3"));
    let audit = history.audit_as(false, &AuditOptions::default());
    assert_eq!((audit.count(FindingKind::Lost), audit.count(FindingKind::Phantom)), (2, 1), "{audit}");
}

/// Leads of one user at a service without keys: the first without an answer, each of the others acknowledged.
fn leads_of_one_user(ends: &[bool]) -> Audit {
    let mut history = History::default();
    for (number, &done) in ends.iter().enumerate() {
        let fate = if number == 0 { Fate::UncertainAndKept } else { Fate::Acknowledged };
        history.lead(number, "ada@acme.test", if done { fate } else { Fate::UncertainAndGone }, [End::Delivered; 3]);
        if !done && number > 0 {
            history.answer(&format!("{number:064x}"), Answered::Acknowledged);
        }
    }
    history.audit_as(false, &AuditOptions::default())
}

#[test]
fn without_keys_no_lead_of_a_user_with_several_is_called_lost_for_what_was_done() {
    // What was done may be of any of them.
    for ends in [[true, true, true], [false, true, true], [true, false, true]] {
        let audit = leads_of_one_user(&ends);
        assert_eq!((audit.verdict, audit.findings.len()), (Verdict::NotProven, 0), "{ends:?}: {audit}");
        assert!(audit.missing[0].contains("users with several leads: which lead's they are is not known"), "{audit}");
    }
    // Fewer than were acknowledged: one is lost, and the evidence has what there is of its user.
    let audit = leads_of_one_user(&[false, true, false]);
    assert_eq!((audit.verdict, audit.count(FindingKind::Lost)), (Verdict::Failed, 3), "{audit}");
    assert!(audit.to_string().contains("row.added for ada@acme.test") && !audit.to_string().contains("places.ndjson"), "{audit}");
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
    let place = RestingEntry {
        key: key.clone(),
        lead: key.clone(),
        user: "ada".to_owned(),
        operation: "track".to_owned(),
        place: RestingState::Delivered,
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
    let follow_up = RestingEntry { key: "of a callback".to_owned(), ..history.places[1].clone() };
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
    history.places.iter_mut().for_each(|place| place.place = RestingState::Queued);
    let options = AuditOptions { clay_deduplicates: true, ..AuditOptions::default() };
    let audit = history.audit_as(true, &options);
    assert!(audit.passed() && audit.remarks[0].contains("3 operations are queued and done"), "{audit}");
    assert_eq!(history.audit().count(FindingKind::WouldBeSentAgain), 1, "Clay's table dedupes only when that is set");
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
        history.places.iter_mut().filter(|place| place.operation == "track").for_each(|place| place.place = RestingState::Queued);
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
fn journals_that_lack_entries_or_are_empty_prove_nothing() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    let dir = tempfile::tempdir().unwrap();
    let journals = history.write(dir.path(), true);
    for (journal, whose) in [(DRIVER, "driver"), (VENDORS, "vendors"), (PLACES, "resting states")] {
        let path = dir.path().join(journal);
        let whole = std::fs::read_to_string(&path).unwrap();
        let (entries, count) = whole.trim_end().rsplit_once("{\"entries\":").unwrap();
        let count = count.trim_end_matches('}').parse::<u64>().unwrap() + 7;
        std::fs::write(&path, format!("{entries}{{\"missed\":7}}\n{{\"entries\":{count}}}\n")).unwrap();
        let audit = audit(&journals, &AuditOptions::default()).unwrap();
        assert_eq!(audit.verdict, Verdict::NotProven, "{audit}");
        assert!(audit.to_string().contains("NOT PROVEN: 7 entries are missing from the") && audit.missing[0].contains(whose));
        std::fs::write(&path, whole).unwrap();
    }
    assert!(audit(&journals, &AuditOptions::default()).unwrap().passed());

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
fn rows_charged_beyond_the_distinct_ones_are_found() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada", Fate::Acknowledged, [End::Delivered; 3]);
    let charged = |rows| AuditOptions { charged_rows: Some(rows), ..AuditOptions::default() };
    assert!(history.audit_as(true, &charged(1)).passed());
    assert_eq!(history.audit_as(true, &charged(2)).count(FindingKind::Overcharged), 1);
}

#[test]
fn the_evidence_of_a_lost_lead_names_its_lines() {
    let mut history = History { keyed: true, ..History::default() };
    history.lead(0, "ada@acme.test", Fate::Acknowledged, [End::Delivered; 3]);
    history.lead(1, "bob@acme.test", Fate::AcknowledgedAgain, [End::DeadLettered; 3]);
    let lost = history.place_of(1, OperationKind::Enrich);
    history.places.remove(lost);
    let audit = history.audit();
    let key = format!("{:064x}", 1);
    let expected = format!(
        "1 operation acknowledged and lost: in no resting state and not at the vendor
  enrich for bob@acme.test, lead {key}
    submitted.ndjson:3: lead submitted at 0.006000 s
    submitted.ndjson:4: no answer at 0.007000 s
    submitted.ndjson:5: lead submitted at 0.008000 s
    submitted.ndjson:6: acknowledged again, as known already, at 0.009000 s
    vendors.ndjson:4: request  at 0.010000 s by the vendors' clock, answered 200: nothing done
    places.ndjson: in no listed state"
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
    assert!(error.contains("places.ndjson:2:1: `telephone` is not an operation"), "{error}");
}
