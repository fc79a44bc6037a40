//! A lead comes in: once, whole, and as it was.

use mock_server::json::Json;
use plimsoll::outcome::{RestingState, Vendor};
use plimsoll::resilience::{Backlog, FallbackQueue, OperationKind};
use plimsoll::store::{Acceptance, Bounds, LeadStore};
use serde_json::json;

use super::{BOTH, KINDS, ROOMY, Stand, accept, deliver, due, key, lead, lead_with, lease, stand};

pub(crate) async fn a_lead_is_accepted_once<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let batch = vec![lead(1, "ada"), lead(2, "bob"), lead(1, "ada")];
    assert_eq!(store.accept(batch, 10).await, Ok(vec![Acceptance::New, Acceptance::New, Acceptance::Known]));
    let other = lead_with(1, "somebody else", &KINDS, json!({ "email": "else@acme.test" }));
    assert_eq!(store.accept(vec![other], 20).await, Ok(vec![Acceptance::Known]), "a key is known whatever comes with it");
    assert_eq!(store.accept(Vec::new(), 20).await, Ok(Vec::new()));
    assert_eq!(store.backlog(Vendor::Clay).counts(), (2, 0));
    assert_eq!(store.backlog(Vendor::CustomerIo).counts(), (4, 0));
    let record = store.lead(&key(1)).await.expect("a working store").expect("accepted");
    assert_eq!((record.user.as_str(), record.accepted_at), ("ada", 10));
    // Known it stays when everything has been done.
    for vendor in BOTH {
        let backlog = store.backlog(vendor);
        while let Some(leased) = lease(&backlog, 10).await {
            deliver(&backlog, leased.id, 11).await;
        }
    }
    assert_eq!(store.accept(vec![lead(1, "ada")], 30).await, Ok(vec![Acceptance::Known]));
    assert_eq!(store.backlog(Vendor::Clay).counts(), (0, 0));
}

pub(crate) async fn a_lead_enters_with_all_its_operations_or_with_none<S: Stand>() {
    let stand = stand!(S, Bounds { queue: 3, dead_letters: 3 });
    let store = stand.store();
    let small = lead_with(3, "eve", &[OperationKind::Identify], json!({}));
    // Two of Customer.io's each: the second lead does not fit, what is behind it does.
    let batch = vec![lead(1, "ada"), lead(2, "bob"), small, lead_with(4, "joe", &[OperationKind::Track], json!({}))];
    let expected = vec![Acceptance::New, Acceptance::Full, Acceptance::New, Acceptance::Full];
    assert_eq!(store.accept(batch, 10).await, Ok(expected));
    assert_eq!(store.backlog(Vendor::Clay).counts(), (1, 0), "nothing of what did not fit is kept");
    assert_eq!(store.backlog(Vendor::CustomerIo).counts(), (3, 0));
    assert_eq!(store.lead(&key(2)).await, Ok(None));
    assert_eq!(store.accept(vec![lead(1, "ada")], 11).await, Ok(vec![Acceptance::Known]), "full or not, it is known");
    // With room again it is taken.
    let backlog = store.backlog(Vendor::CustomerIo);
    for now in [10, 11] {
        let leased = due(&backlog, now).await;
        deliver(&backlog, leased.id, now).await;
    }
    accept(&store, lead(2, "bob"), 12).await;
}

pub(crate) async fn what_was_accepted_is_told_with_its_history<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    accept(&store, lead(1, "ada"), 10).await;
    let record = store.lead(&key(1)).await.expect("a working store").expect("accepted");
    assert_eq!((record.key.as_str(), record.user.as_str(), record.accepted_at), (key(1).as_str(), "ada", 10));
    assert_eq!(record.data, lead(1, "ada").data);
    assert!(record.enrichments.is_empty());
    assert_eq!(record.operations.iter().map(|operation| operation.kind).collect::<Vec<_>>(), KINDS);
    for (told, sent) in record.operations.iter().zip(lead(1, "ada").operations) {
        assert_eq!((&told.key, told.place, told.due), (&sent.key, RestingState::Queued, Some(10)));
        assert_eq!((told.attempts.len(), told.redrives, &told.settled), (0, 0, &None));
    }
    // What is leased is the operation as it was handed in, never tried.
    let leased = due(&store.backlog(Vendor::Clay), 10).await;
    assert_eq!(leased.entry.operation, lead(1, "ada").operations[0]);
    assert_eq!((leased.entry.timestamp, leased.entry.retry_count, leased.entry.redrives), (10, 0, 0));
    assert!(leased.entry.attempts.is_empty());
    assert_eq!(store.lead(&key(9)).await, Ok(None));
    assert_eq!(store.lead("no key at all").await, Ok(None));
}

pub(crate) async fn any_text_and_a_large_payload_come_back_as_they_were<S: Stand>() {
    let stand = stand!(S, ROOMY);
    let store = stand.store();
    let long = "long ".repeat(2_000);
    let users = ["", " ", "Zoë Ångström 🦀", "a:b{c}d", "line\nbreak\0nul", "' OR 1=1 --", "İıßﬀ", "e\u{301}", "\u{e9}", &long];
    for (number, user) in (1..).zip(users) {
        let numbers = "[9007199254740993,-0.1,1e300,12.50,89014103211118510721,1e999]";
        let text = format!(r#"{{"text":{},"numbers":{numbers},"none":null,"empty":[{{}},[]]}}"#, json!(user));
        let data: Json = serde_json::from_str(&text).expect("JSON");
        accept(&store, lead_with(number, user, &[OperationKind::Track], data.clone()), number).await;
        let record = store.lead(&key(number)).await.expect("a working store").expect("accepted");
        assert_eq!((record.user.as_str(), record.data.get()), (user, text.as_str()), "digit by digit");
    }
    let backlog = store.backlog(Vendor::CustomerIo);
    assert_eq!(backlog.counts().0, users.len() as u64);
    for (number, user) in (1..).zip(users) {
        assert_eq!(backlog.holds(user).await, Ok(true), "{user:?}");
        let leased = due(&backlog, 100).await;
        assert_eq!((leased.entry.operation.user.as_str(), leased.entry.timestamp), (user, number));
        assert_eq!(leased.entry.operation.data.text("text").as_deref(), Some(user));
        assert!(leased.entry.operation.data.get().contains("[9007199254740993,-0.1,1e300,12.50,89014103211118510721,1e999]"));
        deliver(&backlog, leased.id, 100).await;
        assert_eq!(backlog.holds(user).await, Ok(false), "{user:?}: each is a user of their own");
    }
    let large = json!({ "text": "0123456789abcde\u{1F980}".repeat(100_000) });
    accept(&store, lead_with(99, "large", &[OperationKind::Enrich], large.clone()), 200).await;
    assert_eq!(due(&store.backlog(Vendor::Clay), 200).await.entry.operation.data, large);
    assert_eq!(store.lead(&key(99)).await.expect("a working store").expect("accepted").data, large);
}
