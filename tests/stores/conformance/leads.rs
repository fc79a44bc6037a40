//! What is known about leads: enrichments, pages, and for how long.

use plimsoll::outcome::{FailureKind, RestingState, Vendor};
use plimsoll::resilience::{Backlog, CreditState, DeadLetters, FallbackQueue, OperationKind, Source};
use plimsoll::store::{Acceptance, Enrichment, LeadRecord, LeadStore, Recorded};
use serde_json::json;

use super::{BOTH, LEASE, ROOMY, Stand, accept, attempt, deliver, due, key, lead, lead_with, lease, operation, stand};

fn enrichment(at: u64, company: &str) -> Enrichment {
    Enrichment { at, source: Source::Vendor, data: json!({ "company": company, "size": 12 }).into() }
}

async fn record<S: LeadStore>(store: &S, number: u64) -> LeadRecord {
    store.lead(&key(number)).await.expect("a working store").expect("accepted")
}

pub(crate) async fn enrichments_are_kept_once_with_what_follows<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    accept(&store, lead_with(1, "ada", &[OperationKind::Enrich], json!({})), 5).await;
    let follows = || vec![operation(OperationKind::Identify, 1, "ada", json!({ "company": "Acme" }))];
    assert_eq!(store.enrich(&key(7), enrichment(10, "Acme"), follows()).await, Ok(Recorded::UnknownLead));
    assert_eq!(store.backlog(Vendor::CustomerIo).counts(), (0, 0), "of an unknown lead nothing is kept");
    assert_eq!(store.enrich(&key(1), enrichment(10, "Acme"), follows()).await, Ok(Recorded::New));
    // A callback that comes again comes at another time, and its fields in another order.
    let again = Enrichment { at: 11, source: Source::Vendor, data: json!({ "size": 12.0, "company": "Acme" }).into() };
    assert_eq!(store.enrich(&key(1), again, follows()).await, Ok(Recorded::Repeated));
    let guess = Enrichment { source: Source::Local, ..enrichment(12, "Acme") };
    assert_eq!(store.enrich(&key(1), guess.clone(), Vec::new()).await, Ok(Recorded::New), "another source says the same");
    assert_eq!(store.enrich(&key(1), enrichment(13, "Acme Ltd"), follows()).await, Ok(Recorded::New));
    let told = record(&store, 1).await;
    assert_eq!(told.enrichments, [enrichment(10, "Acme"), guess, enrichment(13, "Acme Ltd")]);
    assert_eq!(told.operations.len(), 2, "an operation that the lead has does not enter again");
    let backlog = store.backlog(Vendor::CustomerIo);
    assert_eq!(backlog.counts(), (1, 0));
    let leased = due(&backlog, 10).await;
    assert_eq!((leased.entry.operation, leased.entry.timestamp), (follows().remove(0), 10));
    deliver(&backlog, leased.id, 20).await;
    assert_eq!(store.enrich(&key(1), enrichment(21, "Acme plc"), follows()).await, Ok(Recorded::New));
    assert_eq!(backlog.counts(), (0, 0), "nor when it has been delivered");
}

pub(crate) async fn leads_are_read_page_by_page<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    assert_eq!(store.leads(None, 10).await, Ok(Vec::new()));
    // Handed in in another order than that of their keys.
    let numbers: Vec<u64> = (0..25).map(|number| number * 7 % 25).collect();
    store
        .accept(numbers.iter().map(|&number| lead(number, &format!("user-{number}"))).collect(), 5)
        .await
        .expect("a working store");
    let mut after: Option<String> = None;
    let mut read = Vec::new();
    loop {
        let page = store.leads(after.as_deref(), 10).await.expect("a working store");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 10);
        after = Some(last.key.clone());
        read.extend(page);
    }
    assert_eq!(read.iter().map(|record| record.key.clone()).collect::<Vec<_>>(), (0..25).map(key).collect::<Vec<_>>());
    assert_eq!(read[3], record(&store, 3).await, "a page tells what the lead itself tells");
    let between = format!("{}f", &key(3)[..63]);
    assert_eq!(store.leads(Some(&between), 1).await.expect("a working store")[0].key, key(16), "`after` need not be a lead's");
}

pub(crate) async fn only_what_is_settled_is_forgotten<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let (clay, backlog) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    let kinds = [OperationKind::Enrich, OperationKind::Track];
    for number in 1..=5 {
        accept(&store, lead_with(number, &format!("user-{number}"), &kinds, json!({})), number).await;
        assert_eq!(due(&clay, 50).await.entry.operation.lead, Some(key(number)));
        assert_eq!(due(&backlog, 50).await.entry.operation.lead, Some(key(number)));
    }
    // 1 and 2 delivered, 2 later; 3 half delivered; 4 among the letters; 5 waits.
    let (mut enrich, mut track) = (Vec::new(), Vec::new());
    for _ in 1..=5 {
        enrich.push(due(&clay, 50 + LEASE).await.id);
        track.push(due(&backlog, 50 + LEASE).await.id);
    }
    for (number, at) in [(1, 100), (2, 200)] {
        deliver(&clay, enrich[number - 1], at).await;
        deliver(&backlog, track[number - 1], 100).await;
    }
    deliver(&clay, enrich[2], 100).await;
    deliver(&clay, enrich[3], 100).await;
    assert_eq!(backlog.bury(track[3], attempt(60)).await, Ok(true));
    assert_eq!(store.forget_settled(100).await, Ok(0), "settled at 100 is not before 100");
    assert_eq!(store.forget_settled(101).await, Ok(1));
    assert_eq!(store.lead(&key(1)).await, Ok(None));
    assert_eq!(store.forget_settled(u64::MAX >> 12).await, Ok(1));
    for number in [3, 4, 5] {
        assert!(store.lead(&key(number)).await.expect("a working store").is_some(), "{number}");
    }
    assert_eq!(store.leads(None, 10).await.map(|page| page.len()), Ok(3));
    assert_eq!(
        store.accept(vec![lead_with(1, "user-1", &kinds, json!({}))], 999).await,
        Ok(vec![Acceptance::New]),
        "it is forgotten"
    );
    // What became of a letter counts when it has been removed.
    let letter = backlog.page(0, 1).await.expect("a working store").remove(0);
    assert_eq!(backlog.remove(letter.id).await, Ok(true));
    for vendor in BOTH {
        let backlog = store.backlog(vendor);
        while let Some(leased) = lease(&backlog, 5_000).await {
            deliver(&backlog, leased.id, 5_001).await;
        }
    }
    assert_eq!(store.forget_settled(6_000).await, Ok(4));
    assert_eq!((store.leads(None, 10).await, backlog.counts()), (Ok(Vec::new()), (0, 0)));
}

pub(crate) async fn credits_are_kept_for_each_vendor<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let (clay, customer_io) = (stand.store().backlog(Vendor::Clay), stand.store().backlog(Vendor::CustomerIo));
    assert_eq!(clay.credits().await, Ok(None));
    let spent = CreditState { day: 20_600, spent: u64::MAX, settled: 7, carried: 9, refused_by_vendor: true };
    clay.keep_credits(CreditState { day: -1, spent: 3, ..CreditState::default() }).await.expect("a working store");
    clay.keep_credits(spent).await.expect("a working store");
    assert_eq!((clay.credits().await, customer_io.credits().await), (Ok(Some(spent)), Ok(None)));
    let stand = stand.reopen().await;
    assert_eq!(stand.store().backlog(Vendor::Clay).credits().await, Ok(Some(spent)));
}

pub(crate) async fn a_jump_of_the_clock_makes_nothing_older<S: Stand>() {
    const MINUTE: u64 = 60_000;
    const MONTH: u64 = 30 * 24 * 60 * MINUTE;
    let stand = stand!(S, ROOMY);
    for tick in 0..=6 {
        let since = stand.store().ran(MONTH + tick * 10 * MINUTE, 30 * MINUTE).await.expect("a working store");
        assert_eq!(since, if tick < 3 { 0 } else { MONTH + (tick - 3) * 10 * MINUTE }, "{tick}");
    }
    // One start a month ahead, and the next with the clock mended.
    let stand = stand.reopen().await;
    assert_eq!(stand.store().ran(2 * MONTH, 30 * MINUTE).await, Ok(MONTH + 30 * MINUTE));
    let stand = stand.reopen().await;
    assert_eq!(stand.store().ran(MONTH + 70 * MINUTE, 30 * MINUTE).await, Ok(MONTH + 30 * MINUTE));
    // Running is what counts.
    assert_eq!(stand.store().ran(2 * MONTH + 20 * MINUTE, 30 * MINUTE).await, Ok(MONTH + 50 * MINUTE));
}

/// Leases all that is due; gives whose it is.
async fn leased_users<B: Backlog>(backlog: &B, now: u64) -> Vec<String> {
    let mut users = Vec::new();
    while let Some(leased) = lease(backlog, now).await {
        users.push(leased.entry.operation.user);
    }
    users.sort();
    users
}

pub(crate) async fn all_of_it_is_there_when_the_store_is_opened_again<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    store.check().await.expect("a working store");
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    for number in 1..=4 {
        accept(&store, lead(number, &format!("user-{number}")), number).await;
    }
    deliver(&customer_io, due(&customer_io, 10).await.id, 11).await;
    let second = due(&customer_io, 10).await;
    customer_io.fail(second.id, attempt(12), 5_000).await.expect("a working store");
    let third = due(&customer_io, 10).await;
    assert_eq!(customer_io.bury(third.id, attempt(13)).await, Ok(true));
    let mut before_lease = store.leads(None, 10).await.expect("a working store");
    let leased = due(&customer_io, 10).await;
    store.enrich(&key(1), enrichment(14, "Acme"), Vec::new()).await.expect("a working store");
    let before = store.leads(None, 10).await.expect("a working store");
    let letters = customer_io.page(0, 10).await.expect("a working store");
    let counts = (clay.counts(), customer_io.counts());
    store.close().await.expect("a working store");
    drop((store, clay, customer_io));

    let stand = stand.reopen().await;
    let store = stand.store();
    store.check().await.expect("a working store");
    let (clay, customer_io) = (store.backlog(Vendor::Clay), store.backlog(Vendor::CustomerIo));
    if !S::LEASES_OUTLIVE_PROCESSES {
        before_lease[0].enrichments.clone_from(&before[0].enrichments);
    }
    assert_eq!(store.leads(None, 10).await, Ok(if S::LEASES_OUTLIVE_PROCESSES { before } else { before_lease }));
    assert_eq!(customer_io.page(0, 10).await, Ok(letters.clone()));
    assert_eq!((clay.counts(), customer_io.counts()), counts);
    assert_eq!(store.accept(vec![lead(2, "user-2")], 20).await, Ok(vec![Acceptance::Known]));
    // A lease outlives the process that had it, and then comes back; or it ended with the process.
    let at = if S::LEASES_OUTLIVE_PROCESSES { 10 + LEASE } else { 2 };
    let users = |number: u64| format!("user-{number}");
    let mut got = Vec::new();
    if S::LEASES_OUTLIVE_PROCESSES {
        got.extend(leased_users(&customer_io, at - 1).await);
    }
    assert_eq!(due(&customer_io, at).await.entry, leased.entry);
    got.extend(leased_users(&customer_io, 10).await);
    assert_eq!(got, [users(3), users(4)]);
    // Ids go on where they ended.
    assert_eq!(customer_io.redrive(letters[0].id, 6_000).await, Ok(true));
    let entry = plimsoll::resilience::Entry::new(operation(OperationKind::Track, 77, "eve", json!({})), attempt(9));
    assert_eq!(customer_io.put(entry, FailureKind::Timeout, 9).await, Ok(true));
    let page = customer_io.page(0, 10).await.expect("a working store");
    assert_eq!((page.len(), page[0].entry.operation.user.as_str()), (1, "eve"));
    let places: Vec<_> = record(&store, 2).await.operations.iter().map(|operation| operation.place).collect();
    assert_eq!(places, [RestingState::Queued; 3]);
}
