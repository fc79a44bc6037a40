//! Holds both crates to the design: a room uses only rooms on levels below its own, and the files of a room have no cycles.
//!
//! The sources are parsed, and each name counts as one of the file that defines it, however it was handed on.

mod cycles;
mod levels;
mod source;

use std::path::Path;

use levels::{Levels, broken};
use source::{Crate, Names};

/// The rooms of the harness, from the bottom up.
const HARNESS: Levels = &[
    &["clock", "failpoint", "outcome", "seed", "text", "units"],
    &["config", "event", "plan"],
    &["executor", "journal", "measure", "resilience", "transport"],
    &["result", "store", "threshold", "vendor_api"],
    &["journey"],
    &["scenario"],
    &["audit", "capacity", "gate", "service"],
    &["output", "report"],
    &["run"],
    &["chaos"],
    &["cli"],
];

/// The rooms of the simulated vendors.
const SIMULATOR: Levels = &[
    &["bucket", "clock", "content_encoding", "decimal", "duration", "keys", "limit", "percentage", "private_file"],
    &["refusal", "retry_after", "secret", "seed", "text", "tls", "wire"],
    &["guard", "json", "latency"],
    &["simulated"],
    &["counts", "fault"],
    &["ledger", "settings"],
    &["exchange"],
    &["callback", "timetable"],
    &["edge"],
    &["running"],
    &["admin"],
    &["simulation"],
    &["process"],
    &["command"],
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn harness() -> Crate {
    Crate::read(&root().join("src"))
}

fn simulator() -> Crate {
    Crate::read(&root().join("mock-server/src"))
}

fn assert_none(problems: &[String], what: &str) {
    assert!(problems.is_empty(), "{what}:\n\n{}", problems.join("\n"));
}

#[test]
fn rooms_use_only_the_levels_below_their_own() {
    assert_none(&broken(&harness(), HARNESS), "the levels of src/ are broken");
    assert_none(&broken(&simulator(), SIMULATOR), "the levels of mock-server/src/ are broken");
}

#[test]
fn files_of_a_room_have_no_cycles() {
    assert_none(&cycles::found(&harness()), "cycles in src/");
    assert_none(&cycles::found(&simulator()), "cycles in mock-server/src/");
}

#[test]
fn goose_is_named_in_one_file() {
    let naming = |module: &source::Module| module.uses.iter().any(|used| used.path.first().is_some_and(|name| name == "goose"));
    let files: Vec<String> = harness().modules.into_values().filter(naming).map(|module| module.file).collect();
    assert_eq!(files, ["executor/closed.rs"]);
}

#[test]
fn the_simulated_vendors_know_nothing_of_the_harness() {
    for module in simulator().modules.into_values() {
        let used = module.uses.iter().find(|used| used.path.first().is_some_and(|name| name == "plimsoll"));
        assert!(used.is_none(), "{} uses the harness: {used:?}", module.file);
    }
    let manifest = std::fs::read_to_string(root().join("mock-server/Cargo.toml")).expect("the manifest");
    assert!(!manifest.contains("plimsoll"), "mock-server depends on the harness");
}

/// Three rooms in three levels; `top` has a child, which `mod.rs` re-exports.
const FIXTURE: [(&str, &str); 6] = [
    ("lib.rs", "pub mod low; pub mod middle; pub mod top;"),
    ("low.rs", "pub struct Low;"),
    ("middle/mod.rs", "mod first; mod second; pub use first::First; pub use second::Second;"),
    ("middle/first.rs", "use crate::low::Low; pub struct First(Low);"),
    ("middle/second.rs", "use super::First; pub struct Second(First);"),
    ("top.rs", "use crate::middle::Second; pub fn top(_: Second) {}"),
];
const FIXTURE_LEVELS: Levels = &[&["low"], &["middle"], &["top"]];

/// The fixture with a file in another form.
fn fixture(file: &str, text: &str) -> Crate {
    let mut files = FIXTURE.to_vec();
    files.retain(|(name, _)| *name != file);
    files.push((file, text));
    Crate::of(&files)
}

#[test]
fn a_parent_that_re_exports_its_children_is_no_cycle() {
    let sound = Crate::of(&FIXTURE);
    assert_none(&cycles::found(&sound), "no cycle was planted");
    assert_none(&broken(&sound, FIXTURE_LEVELS), "no use was planted");
}

#[test]
fn a_planted_cycle_is_found() {
    for (file, text) in [
        // By the parent's re-export, by the child's own path, in a signature, in a macro, through another name.
        ("middle/first.rs", "use super::Second; pub struct First(Second);"),
        ("middle/first.rs", "use super::second::Second; pub struct First(Second);"),
        ("middle/first.rs", "pub struct First; pub fn first(_: super::second::Second) {}"),
        ("middle/first.rs", "pub struct First; pub fn first() { println!(\"{:?}\", crate::middle::second::Second::new()); }"),
        ("middle/first.rs", "use super::Second as Other; pub struct First(Other);"),
        ("middle/first.rs", "use super::second::*; pub struct First(Second);"),
        // The parent needs a child that needs what the parent defines.
        ("middle/mod.rs", "mod first; mod second; pub struct First; use second::Second; pub fn of(_: Second) {}"),
    ] {
        let found = cycles::found(&fixture(file, text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].contains("middle/second.rs"), "{found:?}");
    }
}

#[test]
fn a_planted_use_upward_is_found() {
    for (file, text, lines) in [
        ("low.rs", "pub struct Low;\nuse crate::middle::First;\npub fn low(_: First) {}", 1),
        ("low.rs", "pub struct Low;\npub fn low(_: crate::top::Top) {}", 1),
        ("low.rs", "pub struct Low;\npub fn low() { assert!(crate::top::top()); }", 1),
        ("low.rs", "pub struct Low;\nuse super::{middle::{First, Second}, top};", 3),
        ("low.rs", "pub struct Low;\n#[cfg(test)] mod tests { use crate::top::top; }", 1),
        ("middle/first.rs", "pub struct First;\npub use crate::top::top;", 1),
    ] {
        let found = broken(&fixture(file, text), FIXTURE_LEVELS);
        assert_eq!(found.len(), lines, "{text}: {found:?}");
        assert!(found.iter().all(|problem| problem.starts_with(&format!("{file}:2:"))), "{found:?}");
    }
}

#[test]
fn a_use_between_neighbours_on_one_level_is_found() {
    let found = broken(&Crate::of(&FIXTURE), &[&["low"], &["middle", "top"]]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("top.rs:1: `top`"), "{found:?}");
}

#[test]
fn a_room_that_the_design_does_not_name_is_found_and_so_is_one_that_is_gone() {
    let found = broken(&Crate::of(&FIXTURE), &[&["low"], &["middle"], &["summit"]]);
    assert_eq!(found, ["top.rs: `top` is not a room of the design", "room `summit` is gone"]);
}

/// Plants, for each use between two files of one room, the use the other way round: each must close a cycle.
#[test]
fn a_cycle_planted_anywhere_in_the_real_sources_is_found() {
    for (mut sources, name) in [(harness(), "src"), (simulator(), "mock-server/src")] {
        let mut edges = cycles::edges(&sources);
        let pairs: Vec<(Names, Names)> =
            edges.iter().flat_map(|(user, used)| used.keys().map(|used| (user.clone(), used.clone()))).collect();
        assert!(pairs.len() > 100, "{name}: only {} uses between files were found", pairs.len());
        for (user, used) in pairs {
            let back: Names = std::iter::once("crate".to_owned()).chain(user.clone()).collect();
            let planted = source::Use { line: 1, path: back, is_reexport: false, in_test: false };
            sources.modules.get_mut(&used).expect("a file").uses.push(planted);
            let sound = edges.insert(used.clone(), cycles::edges_of(&sources, &used)).expect("a file");
            assert!(cycles::is_in_cycle(&edges, &used), "{name}: {} and {}", user.join("::"), used.join("::"));
            sources.modules.get_mut(&used).expect("a file").uses.pop();
            edges.insert(used, sound);
        }
    }
}
