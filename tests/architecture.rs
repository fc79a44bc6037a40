//! Holds the tree to its levels: a module uses only the levels above its own, and modules on one level don't use each
//! other. It reads the sources, so that a wrong `use` fails here and not in somebody's head.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the root package with its level.
const LEVELS: [(&str, u32); 25] = [
    ("clock", 0),
    ("config", 0),
    ("event", 0),
    ("failpoint", 0),
    ("outcome", 0),
    ("seed", 0),
    ("units", 0),
    ("journal", 1),
    ("measure", 1),
    ("plan", 1),
    ("resilience", 1),
    ("threshold", 1),
    ("transport", 1),
    ("journey", 2),
    ("result", 2),
    ("scenario", 2),
    ("store", 2),
    ("vendor_api", 2),
    ("audit", 3),
    ("capacity", 3),
    ("executor", 3),
    ("gate", 3),
    ("service", 3),
    ("chaos", 4),
    ("report", 4),
];

/// Uses between modules of one level, from the first to the second: an event says whose it is, a journey is made from its
/// validated scenario and sends what the vendors know, and where those are is what a scenario's target says.
const ALLOWED: [(&str, &str); 5] = [
    ("event", "outcome"),
    ("journey", "vendor_api"),
    ("scenario", "journey"),
    ("threshold", "measure"),
    ("vendor_api", "scenario"),
];

/// Level of the command line, which may use everything.
const TOP: u32 = 5;

fn level(module: &str) -> Option<u32> {
    if matches!(module, "cli" | "main" | "lib" | "run") {
        return Some(TOP);
    }
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).expect("the directory is there") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The module of the root package that a file belongs to: the first part of its path under `src`.
fn module(file: &Path, src: &Path) -> String {
    let relative = file.strip_prefix(src).expect("a file under src");
    let first = relative.components().next().expect("not empty").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Every module named as `crate::module` in the code of a file, with its line; comments don't count.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for part in code.split("crate::").skip(1) {
            let names = part.strip_prefix('{').map_or_else(
                || vec![part],
                |group| group.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            );
            for name in names {
                let name: String = name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.push((number + 1, name));
            }
        }
    }
    found
}

/// What is wrong with a use of `used` in `user`, if anything.
fn problem(user: &str, used: &str) -> Option<String> {
    let own = level(user)?;
    let Some(other) = level(used) else {
        return Some(format!("`{used}` is not a module of the design"));
    };
    let allowed = user == used || other < own || own == TOP || ALLOWED.contains(&(user, used));
    (!allowed).then(|| format!("level {own} `{user}` uses level {other} `{used}`"))
}

#[test]
fn modules_use_only_the_levels_above_their_own() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut problems = Vec::new();
    let mut seen = BTreeMap::<String, usize>::new();
    for file in sources(&src) {
        let user = module(&file, &src);
        assert!(level(&user).is_some(), "{} belongs to no module of the design", file.display());
        *seen.entry(user.clone()).or_default() += 1;
        let text = fs::read_to_string(&file).expect("a readable source");
        for (line, used) in uses(&text) {
            problems.extend(problem(&user, &used).map(|problem| format!("{}:{line}: {problem}", file.display())));
        }
    }
    for (name, _) in LEVELS {
        assert!(seen.contains_key(name), "module `{name}` of the design is gone: change the table here with the design");
    }
    assert!(problems.is_empty(), "the levels are broken:\n{}", problems.join("\n"));
}

#[test]
fn goose_is_named_in_one_file() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let naming: Vec<_> = sources(&src)
        .into_iter()
        .filter(|file| {
            let text = fs::read_to_string(file).expect("a readable source");
            text.lines().any(|line| line.split("//").next().is_some_and(|code| code.contains("goose::")))
        })
        .collect();
    assert_eq!(naming, [src.join("executor/closed.rs")]);
}

#[test]
fn the_simulated_vendors_know_nothing_of_the_harness() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("mock-server");
    for file in sources(&root.join("src")) {
        let text = fs::read_to_string(&file).expect("a readable source");
        assert!(!text.contains("plimsoll::"), "{} uses the harness", file.display());
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the manifest");
    assert!(!manifest.contains("plimsoll"), "mock-server depends on the harness");
}

#[test]
fn the_check_itself_sees_what_is_wrong() {
    let text = "use crate::executor::Stop;\nuse crate::{measure::Totals, report};\n// crate::cli is fine here\n";
    let found: Vec<_> = uses(text).into_iter().map(|(line, name)| (line, problem("measure", &name).is_some())).collect();
    assert_eq!(found, [(1, true), (2, false), (2, true)]);
    assert!(problem("gate", "capacity").is_some(), "two modules of one level");
    assert!(problem("scenario", "journey").is_none(), "the design allows this one");
    assert!(problem("journey", "scenario").is_some(), "but not its opposite");
}
