//! A load played in segments, each by a process of its own, is the load.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use common::{run, scenario, text};
use serde_json::Value;

const SEGMENTS: usize = 3;
const ROWS: u64 = 40;

/// Two scenarios: one deals out rows of data until each has been used, the other counts for each user.
const SHARED: &str = "name = \"shared\"\nquestion = \"?\"\n\
    [scenarios.rows]\nexecutor = \"shared-iterations\"\nvus = 5\niterations = 40\njourneys = [{ journey = \"customer_io.identify\" }]\n\
    [scenarios.users]\nexecutor = \"per-vu-iterations\"\nvus = 4\niterations = 3\nthink_time = \"400ms\"\n\
    journeys = [{ journey = \"clay.resource\" }]\n\
    [data]\nfile = \"leads.csv\"\nuse = \"once\"\n";

/// The sum of a column of a run's timeline, and its first value.
fn column(out: &Path, name: &str) -> (u64, u64) {
    let timeline = fs::read_to_string(out.join("timeline.csv")).unwrap();
    let mut lines = timeline.lines();
    let at = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
    let values: Vec<u64> = lines.map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect();
    (values.iter().sum(), values[0])
}

/// The users whose leads a run submitted.
fn submitted(out: &Path) -> Vec<String> {
    let journal = fs::read_to_string(out.join("submitted.ndjson")).unwrap();
    let entries = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter_map(|entry| Some(find(&entry, "user")?.as_str()?.to_owned())).collect()
}

fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(key).or_else(|| object.values().find_map(|inner| find(inner, key)))
}

#[test]
fn the_segments_of_a_load_add_up_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let rows = (0..ROWS).fold("email\n".to_owned(), |mut rows, row| {
        writeln!(rows, "lead{row}@x.example").unwrap();
        rows
    });
    fs::write(dir.path().join("leads.csv"), rows).unwrap();
    let file = scenario(dir.path(), SHARED);
    let (mut iterations, mut planned, mut users) = (0, 0, Vec::new());
    for segment in 1..=SEGMENTS {
        let out = dir.path().join(format!("out{segment}"));
        let share = format!("{segment}/{SEGMENTS}");
        run(&["run", text(&file), "--out", text(&out), "--seed", "7", "--journals", "--segment", &share]).says(0, &[]);
        iterations += column(&out, "iterations").0;
        planned += column(&out, "users_planned").1;
        users.extend(submitted(&out));
    }
    assert_eq!((iterations, planned), (ROWS + 4 * 3, 5 + 4));
    users.sort();
    let mut all: Vec<String> = (0..ROWS).map(|row| format!("lead{row}@x.example")).collect();
    all.sort();
    assert_eq!(users, all, "each row is in exactly one segment");
}
