//! Random histories of a correct service pass, and each with one thing changed is found out.

use proptest::prelude::*;

use super::*;

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
            let copy = RestingEntry { place: RestingState::DeadLettered, ..history.places[place].clone() };
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
            history.places[place].place = RestingState::Queued;
            let request = history.request_of(0, OperationKind::Identify);
            history.vendors[request].effects.clear();
        }
        Mutation::ForgetDelivery => {
            let place = history.place_of(0, OperationKind::Enrich);
            history.places[place].place = RestingState::DeadLettered;
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
