//! A record that cannot be read harms itself alone: it is set aside and named, and everything else is delivered.

use plimsoll::outcome::{RestingState, Vendor};
use plimsoll::resilience::{Backlog, DeadLetters, FallbackQueue, OperationKind};
use plimsoll::store::LeadStore;
use plimsoll::store::redis::RedisStore;
use serde_json::json;

use super::Server;
use crate::conformance::{accept, attempt, deliver, due, key, lead, lead_with, lease, operation};

/// The key of the entry of an operation of a lead, on the server.
async fn entry_of(server: &Server, number: u64, kind: OperationKind) -> String {
    let operation = operation(kind, number, "ada", json!({})).key;
    let id = server.by_hand(&[&["HGET", &format!("{{test}}:lead:{}:operations", key(number)), &operation]]).await;
    let redis::Value::BulkString(id) = id else { panic!("an entry: {id:?}") };
    format!("{{test}}:entry:{}", String::from_utf8(id).expect("a number"))
}

async fn open(server: &Server) -> RedisStore {
    RedisStore::open(&server.settings()).await.expect("a working server")
}

#[tokio::test]
async fn an_entry_of_any_shape_is_set_aside_and_the_others_are_delivered() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    let backlog = store.backlog(Vendor::CustomerIo);
    let shapes: [(&str, &[&[&str]]); 11] = [
        ("cut off", &[&["HSET", "ENTRY", "operation", "{"]]),
        ("of another version", &[&["HSET", "ENTRY", "operation", "{\"kind\":\"juggle\"}"]]),
        ("without its payload", &[&["HDEL", "ENTRY", "operation"]]),
        ("not a text", &[&["HSET", "ENTRY", "operation", "\0\u{1}"]]),
        ("without a date", &[&["HSET", "ENTRY", "timestamp", "soon"]]),
        ("without a count", &[&["HSET", "ENTRY", "retry_count", "-1"]]),
        ("without its history", &[&["RPUSH", "ENTRY:attempts", "often"]]),
        ("with a history of another kind", &[&["SET", "ENTRY:attempts", "often"]]),
        ("without its user", &[&["HSET", "ENTRY", "operation", ""], &["HDEL", "ENTRY", "user", "key"]]),
        ("gone", &[&["DEL", "ENTRY"]]),
        ("of another kind", &[&["DEL", "ENTRY"], &["SET", "ENTRY", "a text"]]),
    ];
    for ((shape, by_hand), round) in shapes.into_iter().zip(1..) {
        let (poisoned, other, at) = (round * 10, round * 10 + 1, round * 10_000);
        for (number, user) in [(poisoned, format!("ada-{round}")), (other, format!("bob-{round}"))] {
            accept(&store, lead_with(number, &user, &[OperationKind::Identify, OperationKind::Track], json!({})), at).await;
        }
        let entry = entry_of(&server, poisoned, OperationKind::Identify).await;
        for words in by_hand {
            let words: Vec<String> = words.iter().map(|word| word.replace("ENTRY", &entry)).collect();
            server.by_hand(&[&words.iter().map(String::as_str).collect::<Vec<_>>()]).await;
        }
        let mut sent = Vec::new();
        while let Some(leased) = lease(&backlog, at).await {
            sent.push((leased.entry.operation.user.clone(), leased.entry.operation.kind));
            deliver(&backlog, leased.id, at + 1).await;
        }
        sent.sort_by_key(|sent| format!("{sent:?}"));
        let (ada, bob) = (format!("ada-{round}"), format!("bob-{round}"));
        let expected = [(ada, OperationKind::Track), (bob.clone(), OperationKind::Identify), (bob, OperationKind::Track)];
        assert_eq!(sent, expected, "{shape}: the others, and what waited behind it");
        assert_eq!((backlog.counts(), store.quarantined()), ((0, 0), round), "{shape}");
        assert_eq!(backlog.next_due().await, Ok(None), "{shape}");
        let record = store.lead(&key(poisoned)).await.expect("the lead itself can be read").expect("it was accepted");
        assert_eq!((record.operations.len(), record.unreadable), (1, 1), "{shape}");
        assert_eq!(record.operations[0].place, RestingState::Delivered, "{shape}");
        // Listed with what is there, by another process too.
        let summary = open(&server).await.summary().await.expect("it can be listed");
        let id = entry.rsplit(':').next().expect("a number");
        let listed: Vec<_> = summary.quarantined.iter().filter(|found| found.id == id).collect();
        assert_eq!((listed.len(), summary.quarantined.len() as u64), (1, round), "{shape}: {:?}", summary.quarantined);
        assert_eq!((listed[0].record, listed[0].vendor), ("operation", Some(Vendor::CustomerIo)), "{shape}");
        assert!(listed[0].reason.contains("did another program write there?"), "{shape}: {}", listed[0].reason);
        assert!(listed[0].found_at.is_some(), "{shape}");
        assert_eq!(listed[0].fields.is_empty(), shape == "gone", "{shape}: {:?}", listed[0].fields);
        assert_eq!(summary.open_leads, round, "{shape}: its lead is not forgotten as settled");
    }
    let pages = store.leads(None, 3).await.expect("a working server");
    assert_eq!(pages.len(), 3, "leads are listed");
    assert_eq!(store.forget_settled(u64::MAX >> 12).await, Ok(11), "the others are settled");
}

#[tokio::test]
async fn a_lead_a_letter_and_an_enrichment_that_cannot_be_read_are_named_and_the_others_listed() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    let backlog = store.backlog(Vendor::Clay);
    for number in 1..=4 {
        accept(&store, lead(number, &format!("user-{number}")), 10).await;
        let leased = due(&backlog, 10).await;
        assert_eq!(backlog.bury(leased.id, attempt(20)).await, Ok(true));
    }
    let entry = entry_of(&server, 2, OperationKind::Enrich).await;
    let lead_key = |number: u64| format!("{{test}}:lead:{}", key(number));
    server
        .by_hand(&[
            &["HSET", &entry, "cause", "bad luck"],
            &["HSET", &lead_key(1), "data", "{not json"],
            &["RPUSH", &format!("{}:enriched", lead_key(3)), "{}"],
        ])
        .await;
    // One by one, so that a page of nothing but what cannot be read is no end.
    let mut letters = Vec::new();
    while let Some(letter) = backlog.page(letters.last().copied().unwrap_or(0), 1).await.expect("a working server").first() {
        letters.push(letter.id);
    }
    assert_eq!((letters.len(), backlog.counts().1), (3, 3), "the other letters");
    let (mut after, mut leads) = (None, Vec::new());
    while let Some(lead) = store.leads(after.as_deref(), 1).await.expect("a working server").pop() {
        after = Some(lead.key.clone());
        leads.push((lead.key, lead.unreadable));
    }
    assert_eq!(leads, [(key(2), 1), (key(3), 1), (key(4), 0)], "the other leads");
    assert!(store.lead(&key(1)).await.is_err(), "it is not unknown");
    assert_eq!(store.quarantined(), 3);
    assert_eq!(
        backlog.by_cause().await.expect("a working server").into_iter().collect::<Vec<_>>(),
        [("server_error".to_owned(), 3)]
    );
    let summary = store.summary().await.expect("it can be listed");
    let named: Vec<_> = summary.quarantined.iter().map(|found| (found.record, found.lead.clone())).collect();
    assert_eq!(named, [("enrichment", Some(key(3))), ("lead", Some(key(1))), ("operation", None)]);
    assert_eq!(summary.quarantined[0].fields["enrichment"], "{}");
    assert_eq!(summary.quarantined[1].fields["data"], "{not json");
    assert_eq!(summary.quarantined[2].fields["cause"], "bad luck");
    // The operations of the lead go on.
    let customer_io = store.backlog(Vendor::CustomerIo);
    for _ in 0..8 {
        deliver(&customer_io, due(&customer_io, 30).await.id, 31).await;
    }
}

#[tokio::test]
async fn a_predecessor_is_acknowledged_whatever_waits_behind_it() {
    let Some(server) = Server::start() else { return };
    let store = open(&server).await;
    let backlog = store.backlog(Vendor::CustomerIo);
    accept(&store, lead_with(1, "ada", &[OperationKind::Identify, OperationKind::Track], json!({})), 10).await;
    accept(&store, lead_with(2, "ada", &[OperationKind::Track], json!({})), 11).await;
    let first = due(&backlog, 20).await;
    let entry = entry_of(&server, 1, OperationKind::Track).await;
    server.by_hand(&[&["DEL", &entry], &["DEL", &format!("{{test}}:lead:{}", key(1))]]).await;
    deliver(&backlog, first.id, 21).await;
    assert_eq!(due(&backlog, 22).await.entry.operation.lead, Some(key(2)));
    assert_eq!((backlog.counts(), store.quarantined()), ((1, 0), 1));
}
