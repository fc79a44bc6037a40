//! The auditor finds what it is for. Each known way to lose a lead, or to do it twice, is built here on purpose; the auditor must
//! report it, and must pass the same history when the flaw is mended. An auditor that passes everything would pass the rest
//! of the tests too.

mod flaws;
#[path = "../common/memory_store/mod.rs"]
mod memory_store;
mod world;

use std::collections::HashSet;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use flaws::{Flawed, Flaws};
use memory_store::MemoryStore;
use plimsoll::audit::{Audit, FindingKind};
use plimsoll::store::Bounds;
use world::{Service, Vendors, World};

fn world(flaws: Flaws, vendors: Vendors, service: Service) -> World<MemoryStore> {
    World::new(Flawed::new(MemoryStore::new(Bounds::default()), flaws), vendors, service)
}

/// The process dies right after it has acknowledged the fifth of ten leads, and is started again.
async fn dies_after_an_acknowledgement(acknowledges_before_commit: bool) -> Audit {
    let flaws = Flaws { acknowledges_before_commit, ..Flaws::default() };
    let mut world = world(flaws, Vendors::default(), Service::default());
    for number in 0..10 {
        world.submit(&format!("user-{number}@acme.test")).await;
        if number == 4 {
            world.crash();
        }
        if number % 3 == 0 {
            world.store.commit_later(0).await.expect("a working store");
            world.work().await;
        }
    }
    world.audit().await
}

#[tokio::test(start_paused = true)]
async fn to_acknowledge_before_the_commit_loses_leads() {
    let audit = dies_after_an_acknowledgement(true).await;
    // The fifth, which was acknowledged since the last commit, with its three operations.
    assert_eq!(audit.count(FindingKind::Lost), 3, "{audit}");
    let story = audit.to_string();
    assert!(story.contains("user-4@acme.test") && story.contains("vendors.ndjson: no request"), "{story}");
    let audit = dies_after_an_acknowledgement(false).await;
    assert!(audit.passed() && audit.operations.delivered == 30, "{audit}");
}

/// A vendor refuses one user for good, and the process dies while the operation moves to the dead letters.
async fn dies_in_a_burial(buries_in_two_steps: bool) -> Audit {
    let flaws = Flaws { buries_in_two_steps, deaths_in_burial: AtomicU32::new(1), ..Flaws::default() };
    let vendors = Vendors { refused: HashSet::from(["user-3@acme.test".to_owned()]), ..Vendors::default() };
    let mut world = world(flaws, vendors, Service::default());
    for number in 0..6 {
        world.submit(&format!("user-{number}@acme.test")).await;
    }
    assert!(world.work().await, "it dies");
    world.crash();
    world.audit().await
}

#[tokio::test(start_paused = true)]
async fn a_move_to_the_dead_letters_in_two_steps_loses_leads() {
    let audit = dies_in_a_burial(true).await;
    assert_eq!((audit.count(FindingKind::Lost), audit.operations.dead_lettered), (1, 2), "{audit}");
    let story = audit.to_string();
    assert!(story.contains("enrich for user-3@acme.test") && story.contains("answered 400: nothing done"), "{story}");
    let audit = dies_in_a_burial(false).await;
    assert!(audit.passed() && audit.operations.dead_lettered == 3, "{audit}");
}

/// What was delivered cannot be taken out of the queue at first, and comes back when its lease is over.
async fn cannot_write_what_was_delivered(remembers: Duration) -> Audit {
    // Two leases and a half: each worker holds on to what it delivered for as long as its lease lasts.
    let flaws = Flaws { no_acks_for: Duration::from_secs(250), ..Flaws::default() };
    let mut world = world(flaws, Vendors::default(), Service { remembers: Some(remembers), ..Service::default() });
    for number in 0..4 {
        world.submit(&format!("user-{number}@acme.test")).await;
    }
    world.audit().await
}

#[tokio::test(start_paused = true)]
async fn to_forget_what_was_delivered_before_the_last_retry_does_it_twice() {
    let audit = cannot_write_what_was_delivered(Duration::from_secs(10)).await;
    assert_eq!((audit.count(FindingKind::Duplicate), audit.effects.duplicates), (2, 2), "{audit}");
    let audit = cannot_write_what_was_delivered(Duration::from_secs(3_600)).await;
    assert!(audit.passed() && audit.effects.duplicates == 0, "{audit}");
}

/// Every first answer is lost; the vendors know what they have done by its key.
async fn retries_after_lost_answers(rekeys: bool) -> Audit {
    let vendors = Vendors { know_keys: true, lose_first_answers: true, ..Vendors::default() };
    let mut world = world(Flaws::default(), vendors, Service { rekeys, ..Service::default() });
    for number in 0..4 {
        world.submit(&format!("user-{number}@acme.test")).await;
    }
    world.audit().await
}

#[tokio::test(start_paused = true)]
async fn a_key_made_anew_on_retry_does_it_twice() {
    let audit = retries_after_lost_answers(true).await;
    // Each row and each event; a customer written twice is the same customer.
    assert_eq!(audit.count(FindingKind::Duplicate), 8, "{audit}");
    let audit = retries_after_lost_answers(false).await;
    assert!(audit.passed() && audit.operations.delivered == 12, "{audit}");
}
