//! A lead that was acknowledged is there after a power cut, on a disk that loses or tears what was not synced.
//!
//! A process that is killed leaves its writes with the operating system, which still writes them: kills never find a missing
//! sync. So the disk itself is made to lose. SQLite writes from C, straight through the C library; a simulated file system in
//! Rust (turmoil's, say) stands in for `std::fs` only and never sees those writes. Hence a small library in C, slipped under
//! the process by `LD_PRELOAD`, notes every write and every sync; after the kill the test takes back what was not synced, all
//! of it or a random part, sector by sector.
//!
//! The same with `synchronous = OFF` must be found out: otherwise the test sees nothing.

#![cfg(target_os = "linux")]

mod child;
mod disk;

use std::collections::HashMap;
use std::path::Path;

use plimsoll::outcome::RestingState;
use plimsoll::seed::Seed;
use plimsoll::store::LeadStore;
use plimsoll::store::sqlite::{SqliteSettings, SqliteStore};
use rand::Rng;
use tempfile::TempDir;

use child::{Said, run_and_kill};
use disk::{library, power_cut};

const SEEDS: u64 = 10;
/// Power cuts one after the other on one file: what recovery wrote must survive the next.
const CUTS: u64 = 4;

/// A seed to replay instead of all.
const REPLAY: &str = "PLIMSOLL_LOSSY_SEED";

/// What was lost over all power cuts of a seed.
fn losses(seed: u64, library: &Path, synced: bool) -> Vec<String> {
    let dir = TempDir::new().expect("a temporary directory");
    let data = dir.path().canonicalize().expect("it is there").join("data");
    std::fs::create_dir(&data).expect("a writable directory");
    let mut rng = Seed(seed).stream("lossy-disk");
    let mut said = Said::default();
    let mut lost = Vec::new();
    for cut in 0..CUTS {
        let log = dir.path().join(format!("log-{cut}"));
        let lines = rng.random_range(10..400);
        run_and_kill(library, &data, &log, synced, cut, lines, &mut said);
        let cut = power_cut(&log, &mut rng);
        assert!(cut.writes > 0, "seed {seed}: no write was noted, so the library is not under the process");
        assert!(cut.syncs > 0, "seed {seed}: no sync was noted");
        // It is only an index over the log, kept in memory; after a power cut it is made anew.
        let _ = std::fs::remove_file(data.join("leads.db-shm"));
        lost.extend(missing(&data.join("leads.db"), &said));
        if !lost.is_empty() {
            break;
        }
    }
    lost
}

/// What was said to be durable, and is not in the file.
#[tokio::main(flavor = "current_thread")]
async fn missing(file: &Path, said: &Said) -> Vec<String> {
    let store = match SqliteStore::open(file, SqliteSettings::default()) {
        Ok(store) => store,
        Err(error) => return vec![format!("the file can't be opened: {error}")],
    };
    let mut lost = Vec::new();
    let mut places = HashMap::new();
    for key in &said.acknowledged {
        match store.lead(key).await {
            Ok(Some(lead)) if lead.operations.len() == 3 => {
                places.extend(lead.operations.into_iter().map(|operation| (operation.key, operation.place)));
            }
            Ok(Some(lead)) => lost.push(format!("lead {key} has {} operations of 3", lead.operations.len())),
            Ok(None) => lost.push(format!("lead {key} was acknowledged and is gone")),
            Err(error) => lost.push(format!("lead {key} can't be read: {error}")),
        }
    }
    for (keys, place) in [(&said.delivered, RestingState::Delivered), (&said.buried, RestingState::DeadLettered)] {
        let elsewhere = keys.iter().filter(|key| places.get(*key).is_some_and(|at| *at != place));
        lost.extend(elsewhere.map(|key| format!("operation {key} was {place:?} and is {:?}", places[key])));
    }
    if let Err(error) = store.close().await {
        lost.push(format!("the store can't be closed: {error}"));
    }
    lost
}

fn seeds() -> std::ops::RangeInclusive<u64> {
    match std::env::var(REPLAY).ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..=seed,
        None => 1..=SEEDS,
    }
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let Some(library) = library() else { return };
    for seed in seeds() {
        let lost = losses(seed, library.path(), true);
        assert!(
            lost.is_empty(),
            "lost with seed {seed}:\n{}\nreplay: {REPLAY}={seed} cargo test -p plimsoll --test lossy_disk what_was_acknowledged \
             (the same cuts; the kill comes after as many answers, at an instant that the machine decides)",
            lost.join("\n")
        );
    }
}

#[test]
fn without_syncs_the_loss_is_found_out() {
    let Some(library) = library() else { return };
    for seed in 1..=3 {
        assert!(!losses(seed, library.path(), false).is_empty(), "seed {seed}: nothing was synced, and nothing was missed");
    }
}
