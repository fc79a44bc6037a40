//! Every scenario that is shipped is valid, opens with its question, and names the schema that editors complete from.

use std::path::{Path, PathBuf};

use plimsoll::scenario::{TestPlan, json_schema, new_scenario};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn files() -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(directory()).expect("the directory is there").map(|entry| entry.expect("it can be read").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_is_valid_and_warns_of_nothing() {
    assert!(files().len() >= 8, "{:?}", files());
    for path in files() {
        let scenario = TestPlan::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(scenario.warnings.is_empty(), "{}", scenario.warnings);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        assert_eq!(Some(scenario.name.as_str()), stem, "the file is called as the scenario");
        let can_fail = !scenario.thresholds.is_empty() || !scenario.expectations.is_empty();
        assert!(can_fail, "{} has neither thresholds nor expectations, so it cannot fail", scenario.name);
    }
}

#[test]
fn every_scenario_opens_with_its_question() {
    for path in files() {
        let scenario = TestPlan::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(scenario.text.starts_with("#:schema ./scenario.schema.json\n"), "{}", path.display());
        let comments = scenario.text.lines().skip(1).take_while(|line| line.starts_with('#'));
        let opening: Vec<&str> = comments.map(|line| line.trim_start_matches('#').trim()).collect();
        assert!(opening.join(" ").starts_with(&scenario.question), "{}: {opening:?}", path.display());
    }
}

/// `PLIMSOLL_BLESS=1 cargo test --test scenarios_are_valid` writes the file anew.
#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let path = directory().join("scenario.schema.json");
    let current = format!("{}\n", serde_json::to_string_pretty(&json_schema()).unwrap());
    if std::env::var_os("PLIMSOLL_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "{} is not current: PLIMSOLL_BLESS=1 cargo test --test scenarios_are_valid", path.display());
}

#[test]
fn a_new_scenario_is_valid_as_it_is() {
    let text = new_scenario("my-first_1").unwrap();
    let scenario = TestPlan::parse(&text, Path::new("my-first_1.toml")).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(scenario.name, "my-first_1");
    assert!(scenario.warnings.is_empty(), "{}", scenario.warnings);
    assert_eq!(scenario.total_load().duration().as_secs(), 20);
    for name in ["", "a b", "../up", "x\"", &"long".repeat(20)] {
        assert!(new_scenario(name).is_err(), "{name}");
    }
}
