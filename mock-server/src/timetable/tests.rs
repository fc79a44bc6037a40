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

async fn told(changes: &mut UnboundedReceiver<FaultChange>, count: usize) -> Vec<(String, bool, u64)> {
    let mut told = Vec::new();
    for _ in 0..count {
        let change = changes.recv().await.unwrap();
        told.push((change.name, change.active, change.at_us));
    }
    told
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
    let seen = told(&mut changes, 4).await;
    assert_eq!(seen, expected([("long", true, 10), ("short", true, 12), ("short", false, 13), ("long", false, 15)]));
}

#[tokio::test(start_paused = true)]
async fn at_one_time_ends_come_before_begins() {
    let (faults, mut changes) =
        faults(vec![fault("second").begins_at(s(10)).lasting(s(5)), fault("first").begins_at(s(5)).lasting(s(5))]);
    faults.start(Instant::now());
    let seen = told(&mut changes, 4).await;
    assert_eq!(seen, expected([("first", true, 5), ("first", false, 10), ("second", true, 10), ("second", false, 15)]));
}
