//! The timetable and faults by hand, with paused time and without vendors.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::*;
use crate::fault::{Fault, FaultKind, Outage};
use crate::seed::Seed;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fault(name: &str) -> Fault {
    Fault::new(name, FaultKind::Outage { how: Outage::Unavailable })
}

fn faults(timetable: Vec<Fault>) -> (Faults, UnboundedReceiver<FaultChange>) {
    let faults = Faults::new(timetable, Seed(1), Vec::new());
    let changes = faults.subscribe();
    (faults, changes)
}

async fn changed(changes: &mut UnboundedReceiver<FaultChange>, count: usize) -> Vec<(String, bool, u64)> {
    let mut changed = Vec::new();
    for _ in 0..count {
        let change = changes.recv().await.unwrap();
        changed.push((change.name, change.active, change.at_us));
    }
    changed
}

fn expected<const N: usize>(expected: [(&str, bool, u64); N]) -> Vec<(String, bool, u64)> {
    expected.map(|(name, active, at)| (name.to_owned(), active, at * 1_000_000)).to_vec()
}

fn phases(faults: &Faults) -> Vec<(String, FaultPhase)> {
    faults.list().into_iter().map(|state| (state.fault.name, state.phase)).collect()
}

#[tokio::test(start_paused = true)]
async fn faults_begin_and_end_on_time_without_any_request() {
    let (faults, mut changes) =
        faults(vec![fault("long").begins_at(s(10)).lasting(s(5)), fault("short").begins_at(s(12)).lasting(s(1))]);
    assert!(faults.start(Instant::now()));
    let seen = changed(&mut changes, 4).await;
    assert_eq!(seen, expected([("long", true, 10), ("short", true, 12), ("short", false, 13), ("long", false, 15)]));
}

#[tokio::test(start_paused = true)]
async fn at_one_time_ends_come_before_begins() {
    let (faults, mut changes) =
        faults(vec![fault("second").begins_at(s(10)).lasting(s(5)), fault("first").begins_at(s(5)).lasting(s(5))]);
    faults.start(Instant::now());
    let seen = changed(&mut changes, 4).await;
    assert_eq!(seen, expected([("first", true, 5), ("first", false, 10), ("second", true, 10), ("second", false, 15)]));
}

#[tokio::test(start_paused = true)]
async fn a_fault_by_hand_is_in_force_when_it_has_been_added_and_needs_no_load() {
    let (faults, mut changes) = faults(vec![fault("planned").begins_at(s(1)).lasting(s(1))]);
    faults.add(fault("by hand").lasting(s(5))).await.unwrap();
    let planned = ("planned".to_owned(), FaultPhase::Scheduled);
    assert_eq!(phases(&faults), [planned.clone(), ("by hand".to_owned(), FaultPhase::Active)]);
    assert_eq!((faults.elapsed(), faults.zero()), (None, None));
    let began = Instant::now();
    assert_eq!(changed(&mut changes, 2).await, expected([("by hand", true, 0), ("by hand", false, 0)]));
    assert_eq!(began.elapsed(), s(5));
    assert_eq!(phases(&faults), [planned, ("by hand".to_owned(), FaultPhase::Over)]);
}

#[tokio::test(start_paused = true)]
async fn by_hand_a_beginning_counts_from_now() {
    let (faults, mut changes) = faults(Vec::new());
    faults.start(Instant::now());
    tokio::time::advance(s(100)).await;
    faults.add(fault("later").begins_at(s(7))).await.unwrap();
    let state = faults.list().remove(0);
    assert_eq!(
        (state.phase, state.by_hand, state.begins_in_us, state.ends_in_us),
        (FaultPhase::Scheduled, true, Some(7_000_000), None)
    );
    assert_eq!(changed(&mut changes, 1).await, expected([("later", true, 107)]));
    assert_eq!(faults.list()[0].phase, FaultPhase::Active);
}

#[tokio::test(start_paused = true)]
async fn without_a_length_it_lasts_until_it_is_removed() {
    let (faults, mut changes) = faults(Vec::new());
    faults.add(fault("f")).await.unwrap();
    tokio::time::advance(s(1_000_000)).await;
    assert_eq!(faults.list()[0].phase, FaultPhase::Active);
    assert!(faults.remove("f").await);
    assert_eq!(faults.list()[0].phase, FaultPhase::Over);
    assert_eq!(changed(&mut changes, 2).await, expected([("f", true, 0), ("f", false, 0)]));
    assert!(!faults.remove("f").await && !faults.remove("unknown").await);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_before_its_beginning_never_begins() {
    let (faults, mut changes) = faults(vec![fault("planned").begins_at(s(10)).lasting(s(5))]);
    faults.add(fault("by hand").begins_at(s(10))).await.unwrap();
    assert!(faults.remove("planned").await);
    faults.start(Instant::now());
    assert!(faults.remove("by hand").await);
    tokio::time::advance(s(60)).await;
    faults.add(fault("last")).await.unwrap();
    assert_eq!(changed(&mut changes, 1).await, expected([("last", true, 60)]));
    assert!(changes.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn clearing_ends_everything_and_a_reset_what_was_added_by_hand() {
    let (faults, _changes) = faults(vec![fault("now").lasting(s(100)), fault("later").begins_at(s(50)).lasting(s(10))]);
    faults.start(Instant::now());
    faults.add(fault("by hand")).await.unwrap();
    faults.remove_by_hand().await;
    let phase = |name: &str| phases(&faults).into_iter().find(|(named, _)| named == name).unwrap().1;
    assert_eq!([phase("now"), phase("later"), phase("by hand")], [FaultPhase::Active, FaultPhase::Scheduled, FaultPhase::Over]);
    faults.clear().await;
    assert_eq!([phase("now"), phase("later")], [FaultPhase::Over; 2]);
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_among_the_living() {
    let (faults, _changes) = faults(vec![fault("planned").begins_at(s(10)).lasting(s(5))]);
    let taken = faults.add(fault("planned")).await.unwrap_err();
    assert!(matches!(&taken, AddError::NameTaken { name } if name == "planned"), "{taken}");
    faults.add(fault("f").lasting(s(1))).await.unwrap();
    assert!(faults.add(fault("f")).await.is_err());
    faults.remove("f").await;
    faults.add(fault("f")).await.unwrap();
    assert_eq!(faults.list().iter().filter(|state| state.fault.name == "f").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_with_everything_that_is_wrong() {
    let (faults, _changes) = faults(Vec::new());
    let error = faults.add(fault("f").with_share(2.0).lasting(s(0))).await.unwrap_err();
    assert!(matches!(&error, AddError::Invalid { name, problems } if name == "f" && problems.len() == 2), "{error}");
    assert!(error.to_string().contains("share: 2 is not a share; it must be from 0 to 1"), "{error}");
    assert!(faults.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_number_of_faults_is_bounded() {
    let (faults, _changes) = faults(Vec::new());
    for number in 0..1_000 {
        faults.add(fault(&number.to_string())).await.unwrap();
    }
    assert_eq!(faults.add(fault("one more")).await, Err(AddError::TooMany));
    faults.clear().await;
    faults.add(fault("one more")).await.unwrap();
    // The latest hundred of those that are over, and the living one.
    let list = faults.list();
    assert_eq!((list.len(), list[0].fault.name.as_str(), list[100].fault.name.as_str()), (101, "900", "one more"));
}

#[tokio::test(start_paused = true)]
async fn a_zero_in_the_past_begins_what_is_under_way_and_leaves_out_what_is_over() {
    let (faults, mut changes) = faults(vec![
        fault("over").begins_at(s(1)).lasting(s(2)),
        fault("under way").begins_at(s(5)).lasting(s(10)),
        fault("to come").begins_at(s(12)).lasting(s(1)),
    ]);
    tokio::time::advance(s(60)).await;
    assert!(faults.start(Instant::now() - s(8)));
    assert_eq!(faults.elapsed(), Some(s(8)));
    let seen = changed(&mut changes, 4).await;
    assert_eq!(seen, expected([("under way", true, 8), ("to come", true, 12), ("to come", false, 13), ("under way", false, 15)]));
    assert_eq!(phases(&faults)[0].1, FaultPhase::Over);
}

#[tokio::test(start_paused = true)]
async fn a_zero_to_come_is_waited_for_and_only_the_first_counts() {
    let (faults, mut changes) = faults(vec![fault("f").begins_at(s(3)).lasting(s(1))]);
    let now = Instant::now();
    assert!(faults.start(now + s(10)));
    assert!(!faults.start(now));
    assert_eq!((faults.elapsed(), faults.zero()), (Some(s(0)), Some(now + s(10))));
    let state = faults.list().remove(0);
    assert_eq!((state.begins_in_us, state.ends_in_us), (Some(13_000_000), Some(14_000_000)));
    assert_eq!(changed(&mut changes, 1).await, expected([("f", true, 3)]));
    assert_eq!(now.elapsed(), s(13));
}

#[tokio::test(start_paused = true)]
async fn times_beyond_the_clock_never_come() {
    let (faults, mut changes) = faults(vec![fault("never").begins_at(Duration::MAX).lasting(s(1))]);
    faults.start(Instant::now());
    faults.add(fault("for ever").lasting(Duration::MAX)).await.unwrap();
    assert_eq!(changed(&mut changes, 1).await, expected([("for ever", true, 0)]));
    assert_eq!(phases(&faults).iter().map(|(_, phase)| *phase).collect::<Vec<_>>(), [FaultPhase::Scheduled, FaultPhase::Active]);
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_added_even_if_the_caller_stops_waiting() {
    let (faults, mut changes) = faults(Vec::new());
    // Asked once and dropped, as by a client that has gone.
    let mut adding = Box::pin(faults.add(fault("f")));
    assert!(futures_are_pending(&mut adding).await);
    drop(adding);
    assert_eq!(changed(&mut changes, 1).await, expected([("f", true, 0)]));
}

async fn futures_are_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn after_the_end_nothing_can_be_added() {
    let (faults, _changes) = faults(Vec::new());
    faults.end().await;
    assert_eq!(faults.add(fault("f")).await, Err(AddError::Ended));
    faults.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_start_of_the_timetable_does_not_move_what_was_added_by_hand() {
    let (faults, _changes) = faults(vec![fault("planned").begins_at(s(10)).lasting(s(5))]);
    faults.add(fault("active").lasting(s(5))).await.unwrap();
    faults.add(fault("scheduled").begins_at(s(4)).lasting(s(5))).await.unwrap();
    tokio::time::advance(s(3)).await;
    faults.start(Instant::now());
    let times = |name: &str| {
        let state = faults.list().into_iter().find(|state| state.fault.name == name).unwrap();
        [state.begins_in_us, state.ends_in_us].map(|us| us.map(Duration::from_micros))
    };
    assert_eq!(times("planned"), [Some(s(10)), Some(s(15))]);
    assert_eq!(times("active"), [None, Some(s(2))]);
    assert_eq!(times("scheduled"), [Some(s(1)), Some(s(6))]);
}
