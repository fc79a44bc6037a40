use super::*;
use crate::simulated::Effect;

pub(crate) fn entry(request: u64) -> Entry {
    Entry {
        entry: 0,
        request,
        at_us: 0,
        took_us: 1,
        vendor: crate::fault::SimulatedVendor::Clay,
        route: "clay.webhook".into(),
        method: "POST".into(),
        path: "/".to_owned(),
        idempotency_key: None,
        intended: Vec::new(),
        actual: Vec::new(),
        effects: Vec::new(),
        status: Some(200),
        sent: Sent::Whole,
        retry_after_us: None,
    }
}

fn numbers(entries: &[Arc<Entry>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.entry).collect()
}

#[test]
fn entries_are_numbered_in_the_order_in_which_they_are_written() {
    let ledger = Ledger::new();
    for request in [2, 1] {
        ledger.write(entry(request));
    }
    let entries = ledger.entries();
    assert_eq!(numbers(&entries), [1, 2]);
    assert_eq!((entries[0].request, entries[1].request), (2, 1));
    assert_eq!(ledger.entries_where(|entry| entry.request == 1).len(), 1);
}

#[test]
fn memory_is_bounded_and_forgotten_entries_are_counted() {
    let ledger = Arc::new(Ledger::new());
    let mut follower = ledger.follow();
    for request in 0..KEPT as u64 + 5 {
        ledger.write(entry(request));
    }
    assert_eq!(ledger.entries().len(), KEPT);
    let batch = follower.ready().unwrap();
    assert_eq!((batch.missed, batch.entries[0].entry, batch.entries.len()), (5, 6, 1_000));
    let batch = follower.ready().unwrap();
    assert_eq!((batch.missed, batch.entries[0].entry), (0, 1_006));
}

#[test]
fn a_reset_hides_entries_from_view_but_not_from_followers() {
    let ledger = Arc::new(Ledger::new());
    let mut follower = ledger.follow();
    ledger.write(entry(1));
    ledger.clear();
    ledger.write(entry(2));
    assert_eq!(numbers(&ledger.entries()), [2]);
    let seen = ledger.batch_after(0, 10, false);
    assert_eq!((seen.missed, numbers(&seen.entries)), (0, vec![2]));
    assert_eq!(numbers(&follower.ready().unwrap().entries), [1, 2]);
    assert_eq!(follower.ready(), None);
}

#[test]
fn a_page_starts_after_its_cursor() {
    let ledger = Ledger::new();
    (1..=5).for_each(|request| ledger.write(entry(request)));
    assert_eq!(numbers(&ledger.batch_after(2, 2, false).entries), [3, 4]);
    assert!(ledger.batch_after(5, 2, false).entries.is_empty());
    assert!(ledger.batch_after(u64::MAX, 2, false).entries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_waited_for() {
    let ledger = Arc::new(Ledger::new());
    ledger.write(entry(1));
    let waiting = tokio::spawn({
        let ledger = ledger.clone();
        async move { numbers(&ledger.wait_for(2, |entry| entry.request != 7).await) }
    });
    tokio::task::yield_now().await;
    ledger.write(entry(7));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    ledger.write(entry(2));
    assert_eq!(waiting.await.unwrap(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_follower_waits_for_news() {
    let ledger = Arc::new(Ledger::new());
    let mut follower = ledger.follow();
    let waiting = tokio::spawn(async move { follower.next().await });
    tokio::task::yield_now().await;
    ledger.write(entry(9));
    assert_eq!(waiting.await.unwrap().entries[0].request, 9);
}

#[test]
fn a_lost_answer_is_an_effect_that_the_client_does_not_know_of() {
    let mut lost = entry(1);
    lost.sent = Sent::Nothing;
    assert!(!lost.answer_was_lost(), "there is no effect");
    lost.effects.push(Effect { what: "row.added".into(), subject: String::new(), names: Vec::new(), id: None, credits: 0 });
    assert!(lost.committed() && lost.answer_was_lost());
    lost.actual.push("cut".into());
    assert!(lost.was_hit_by("cut") && !lost.was_hit_by("cu"));
    lost.sent = Sent::Whole;
    assert!(!lost.answer_was_lost());
}

/// An entry with an effect of so many bytes.
fn large(request: u64, bytes: usize) -> Entry {
    let effect = Effect { what: "row.added".into(), subject: "x".repeat(bytes), names: Vec::new(), id: None, credits: 0 };
    Entry { effects: vec![effect], ..entry(request) }
}

#[test]
fn large_entries_are_forgotten_sooner() {
    let ledger = Arc::new(Ledger::new());
    let mut follower = ledger.follow();
    (1..=100).for_each(|request| ledger.write(large(request, 1024 * 1024)));
    let kept = ledger.entries();
    assert!(kept.iter().map(|entry| entry.bytes()).sum::<usize>() <= KEPT_BYTES);
    assert_eq!((kept.len(), kept[30].entry), (31, 100));
    // A larger one may need more room than the oldest leaves.
    ledger.write(large(101, 3 * 1024 * 1024));
    assert_eq!((ledger.entries().len(), ledger.entries()[0].entry), (29, 73));
    let batch = follower.ready().unwrap();
    assert_eq!((batch.missed, numbers(&batch.entries), batch.has_more), (72, vec![73], true));
}

#[test]
fn a_batch_of_large_entries_is_smaller() {
    let ledger = Arc::new(Ledger::new());
    let mut follower = ledger.follow();
    (1..=5).for_each(|request| ledger.write(large(request, 400 * 1024)));
    ledger.write(large(6, 2 * 1024 * 1024));
    let batches: Vec<_> = std::iter::from_fn(|| follower.ready()).collect();
    let seen: Vec<_> = batches.iter().map(|batch| (numbers(&batch.entries), batch.missed, batch.has_more)).collect();
    let expected = [(vec![1, 2], 0, true), (vec![3, 4], 0, true), (vec![5], 0, true), (vec![6], 0, false)];
    assert_eq!(seen, expected);
}
