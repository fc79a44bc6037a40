//! Cycles between the files of one room: two files that need each other are one idea in two places.
//!
//! A use counts as one of the file that *defines* the name. So a parent that re-exports its children is in no cycle with them,
//! but one that uses a child which uses what the parent defines is.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Crate, Names};

/// Each cycle, as the files in it and the uses that close it.
pub(crate) fn found(sources: &Crate) -> Vec<String> {
    let edges = edges(sources);
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for start in edges.keys() {
        if seen.contains(start) {
            continue;
        }
        let reached = reachable(&edges, start);
        let cycle: BTreeSet<&Names> = reached.iter().copied().filter(|other| reachable(&edges, other).contains(start)).collect();
        if cycle.len() > 1 {
            seen.extend(cycle.iter().copied().cloned());
            problems.push(describe(sources, &edges, &cycle));
        }
    }
    problems
}

/// From each file to the files of its room that define what it uses, with one of the uses.
pub(crate) type Edges = BTreeMap<Names, BTreeMap<Names, String>>;

/// The edges between all files. Tests are left out.
pub(crate) fn edges(sources: &Crate) -> Edges {
    sources.modules.keys().map(|names| (names.clone(), edges_of(sources, names))).collect()
}

/// The edges of one file.
pub(crate) fn edges_of(sources: &Crate, names: &Names) -> BTreeMap<Names, String> {
    let mut edges = BTreeMap::new();
    let module = &sources.modules[names];
    if names.is_empty() || module.is_test {
        return edges;
    }
    for used in module.uses.iter().filter(|used| !used.is_reexport && !used.in_test) {
        let defining = sources.defining(names, &used.path).filter(|other| other != names);
        let Some(other) = defining.filter(|other| other.first() == names.first()) else { continue };
        edges.entry(other).or_insert_with(|| format!("{}:{} uses `{}`", module.file, used.line, used.path.join("::")));
    }
    edges
}

/// Whether a file needs itself by way of others.
pub(crate) fn is_in_cycle(edges: &Edges, names: &Names) -> bool {
    reachable(edges, names).contains(names)
}

fn reachable<'a>(edges: &'a Edges, from: &Names) -> BTreeSet<&'a Names> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Names> = edges.get(from).into_iter().flat_map(BTreeMap::keys).collect();
    while let Some(names) = next.pop() {
        if reached.insert(names) {
            next.extend(edges.get(names).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}

fn describe(sources: &Crate, edges: &Edges, cycle: &BTreeSet<&Names>) -> String {
    let files: Vec<&str> = cycle.iter().map(|names| sources.modules[*names].file.as_str()).collect();
    let uses = cycle.iter().flat_map(|from| edges.get(*from).into_iter().flatten());
    let closing: Vec<&str> = uses.filter(|(to, _)| cycle.contains(to)).map(|(_, place)| place.as_str()).collect();
    format!("{} need each other:\n  {}", files.join(", "), closing.join("\n  "))
}
