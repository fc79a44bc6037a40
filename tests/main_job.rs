//! The main job through the binary: a scenario becomes a run on disk, a verdict, an exit code and a report.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::path::Path;

use common::{run, scenario, summary, text};

const SMALL: &str = "name = \"small\"\nquestion = \"Does a lead get through?\"\nseed = 5\nexecutor = \"ramping-vus\"\n\
    stages = [{ duration = \"2s\", target = 4 }, { duration = \"2s\", target = 4 }, { duration = \"1s\", target = 0 }]\n\
    think_time = \"100ms\"\njourneys = [{ journey = \"lead\" }, { journey = \"clay.resource\" }]\n\
    [resilience.clay]\ncredits = { daily_limit = 100_000 }\n\
    [labels]\nenvironment = \"test bench\"\nversion = \"1.2.3\"\n";

/// [`SMALL`] with its users there at once, for far longer than a test may take: something else has to end it.
fn endless() -> String {
    let stages = "[{ duration = \"0s\", target = 4 }, { duration = \"1h\", target = 4 }]";
    let (head, rest) = SMALL.split_once("stages = ").expect("stages");
    let (_, tail) = rest.split_once('\n').expect("a line");
    format!("{head}stages = {stages}\n{tail}")
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_leaves_its_files_and_its_report_can_be_rendered_again() {
    let dir = tempfile::tempdir().unwrap();
    let more = "[thresholds]\nleads_lost = [\"count==0\"]\nchecks = [\"rate>0.5\"]\n";
    let file = scenario(dir.path(), &format!("{SMALL}{more}"));
    let out = dir.path().join("out");
    let ended = run(&["run", text(&file), "--out", text(&out), "--samples"]);
    ended.says(0, &["PASSED", "leads_lost", "seed      5", text(&out.join("report.md"))]);
    assert!(!ended.stdout.contains("users launched"), "the load generator's own chatter: {}", ended.stdout);
    let expected = ["latency.hlog", "plots", "report.md", "samples.csv", "summary.json", "timeline.csv", "vendors.ndjson"];
    assert_eq!(files(&out), expected);
    let pictures: Vec<_> = ["breakers", "latency", "percentiles", "throughput", "users"]
        .iter()
        .flat_map(|name| [format!("{name}.png"), format!("{name}.svg")])
        .collect();
    assert_eq!(files(&out.join("plots")), pictures);

    let report = fs::read_to_string(out.join("report.md")).unwrap();
    for words in
        ["Performance Benchmark", "test bench", "1.2.3", "### Test Configuration", "| Total Requests |", "### Recommendations"]
    {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
    fs::remove_file(out.join("report.md")).unwrap();
    fs::remove_dir_all(out.join("plots")).unwrap();
    run(&["report", text(&out)]).says(0, &["PASSED"]);
    assert_eq!(fs::read_to_string(out.join("report.md")).unwrap(), report, "the same run gives the same report");
    assert_eq!(files(&out.join("plots")), pictures);

    let samples = fs::read_to_string(out.join("samples.csv")).unwrap();
    // A request has several series, and one sample.
    let counted = |sum: &&serde_json::Value| ["attempt", "iteration"].iter().any(|kind| sum["labels"]["kind"] == *kind);
    let summary = summary(&out);
    let sums = summary["sums"].as_array().unwrap().iter().filter(counted);
    let measured: u64 = sums.map(|sum| sum["count"].as_u64().unwrap()).sum();
    assert_eq!(samples.lines().count() as u64 - 1, measured, "a row a sample");
}

#[test]
fn users_follow_the_plan_within_one_user_and_one_second() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), SMALL);
    let out = dir.path().join("out");
    run(&["run", text(&file), "--out", text(&out), "--quiet"]).says(0, &[]);
    let rows = fs::read_to_string(out.join("timeline.csv")).unwrap();
    let column = |name: &str| {
        let index = rows.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
        rows.lines().skip(1).map(|row| row.split(',').nth(index).unwrap().parse::<i64>().unwrap()).collect::<Vec<_>>()
    };
    let (planned, users) = (column("users_planned"), column("users"));
    for (second, users) in users.iter().enumerate() {
        let around = &planned[second.saturating_sub(1)..planned.len().min(second + 2)];
        let (low, high) = (around.iter().min().unwrap() - 1, around.iter().max().unwrap() + 1);
        assert!((low..=high).contains(users), "{users} users in second {second}, planned {around:?}");
    }
    assert_eq!(users.iter().max(), Some(&4));
}

#[test]
fn a_failed_threshold_is_exit_code_99_and_one_without_data_fails_too() {
    let dir = tempfile::tempdir().unwrap();
    let more = "[thresholds]\n\"http_req_duration{vendor:clay}\" = [\"p(95)<0.001\"]\n\
                \"http_req_duration{status:418}\" = [\"p(95)<500\"]\n";
    let file = scenario(dir.path(), &format!("{SMALL}{more}"));
    let out = dir.path().join("out");
    let ended = run(&["run", text(&file), "--out", text(&out), "--json", "--quiet"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(99), ""));
    let printed: serde_json::Value = serde_json::from_str(&ended.stdout).expect("nothing but JSON on standard output");
    assert_eq!(printed, summary(&out));
    let thresholds = printed["verdict"]["verdict"]["thresholds"].as_array().unwrap();
    assert!(thresholds.iter().all(|threshold| threshold["passed"] == false), "{thresholds:#?}");
    // The saved run is shown again in each format.
    run(&["report", text(&out)]).says(0, &["Thresholds", "FAILED  "]);
    let report = run(&["report", text(&out), "--format", "markdown"]);
    assert_eq!(report.stdout, fs::read_to_string(out.join("report.md")).unwrap());
    let document = run(&["report", text(&out), "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&document.stdout).expect("nothing but JSON on standard output");
    let headings: Vec<_> = document["sections"].as_array().unwrap().iter().map(|section| &section["heading"]).collect();
    assert!(headings.iter().any(|heading| *heading == "Thresholds"), "{headings:?}");
    run(&["report", text(&out), "--format", "json", "--json"]).says(2, &["--json"]);
}

#[test]
fn a_threshold_can_end_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let more = "[thresholds]\n\"http_req_duration\" = [{ threshold = \"p(95)<0.001\", abortOnFail = true }]\n";
    let file = scenario(dir.path(), &endless().replace("[labels]", &format!("{more}[labels]")));
    let out = dir.path().join("out");
    run(&["run", text(&file), "--out", text(&out)]).says(99, &["p(95)<0.001"]);
    assert_eq!(summary(&out)["end"]["how"], "aborted");
}

#[test]
fn time_can_be_stretched_and_the_report_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), &SMALL.replace("2s", "60s"));
    let out = dir.path().join("out");
    run(&["run", text(&file), "--out", text(&out), "--time-scale", "0.02"]).says(0, &["0.02"]);
    assert!(summary(&out)["load_us"].as_u64().unwrap() < 60_000_000);
    assert!(fs::read_to_string(out.join("report.md")).unwrap().contains("0.02"));
}

#[test]
fn the_report_names_the_stages_targets_wherever_in_a_second_they_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(
        dir.path(),
        "name = \"ramp\"\nquestion = \"?\"\nexecutor = \"ramping-vus\"\nthink_time = \"50ms\"\njourneys = [{ journey = \"clay.resource\" }]\n\
         stages = [{ duration = \"1300ms\", target = 4 }, { duration = \"0s\", target = 2 }, { duration = \"600ms\", target = 2 }, \
         { duration = \"400ms\", target = 0 }]\n",
    );
    let out = dir.path().join("out");
    run(&["run", text(&file), "--out", text(&out)]).says(0, &[]);
    let report = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(report.contains("- Ramp: 0 → 4 → 2 → 0 VUs\n"), "{report}");
}

#[test]
fn iterations_that_the_longest_duration_did_not_let_start_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(
        dir.path(),
        "name = \"late\"\nquestion = \"?\"\nexecutor = \"per-vu-iterations\"\nvus = 2\niterations = 1_000\nmaxDuration = \"1s\"\n\
         think_time = \"50ms\"\njourneys = [{ journey = \"clay.resource\" }]\n[thresholds]\ndropped_iterations = [\"count==0\"]\n",
    );
    let out = dir.path().join("out");
    let words = ["of 2,000 iterations had not started when the load ended", "dropped_iterations: count==0"];
    run(&["run", text(&file), "--out", text(&out)]).says(99, &words);
    assert!(summary(&out)["dropped_iterations"].as_u64().unwrap() > 1_000);
}

#[test]
fn leads_that_are_used_once_end_the_load() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("leads.csv"),
        "email,domain\na@x.example,x.example\nb@x.example,x.example\nc@y.example,y.example\n",
    )
    .unwrap();
    let data = "[data]\nfile = \"leads.csv\"\nuse = \"once\"\n";
    let text_of_it = endless().replace(", { journey = \"clay.resource\" }", "");
    let file = scenario(dir.path(), &format!("{text_of_it}{data}"));
    let out = dir.path().join("out");
    // Most of the plan was not tried, and a verdict of "passed" must not hide it.
    run(&["run", text(&file), "--out", text(&out)]).says(0, &["leads.csv were used up after"]);
    let summary = summary(&out);
    assert_eq!(summary["leads"], serde_json::json!({"submitted": 3, "accepted": 3, "refused": 0}));
    assert_eq!(summary["operations"]["delivered"], 9, "three leads, three operations each");
}

#[test]
fn the_generators_own_end_is_no_part_of_the_load() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(
        dir.path(),
        "name = \"short\"\nquestion = \"?\"\nexecutor = \"shared-iterations\"\nvus = 1\niterations = 3\n\
         journeys = [{ journey = \"clay.resource\" }]\n",
    );
    let out = dir.path().join("out");
    run(&["run", text(&file), "--out", text(&out), "--quiet", "--samples"]).says(0, &[]);
    let samples = fs::read_to_string(out.join("samples.csv")).unwrap();
    let done = samples.lines().skip(1).map(|row| row.split(',').nth(2).unwrap().parse::<u64>().unwrap()).max().unwrap();
    let summary = summary(&out);
    let [load, rest] = ["load_us", "rest_us"].map(|key| summary[key].as_u64().unwrap());
    assert!(rest > 0 && done <= load - rest, "the last sample at {done} of {load} µs, {rest} of them at rest");
}

#[test]
fn no_secret_reaches_a_result() {
    let dir = tempfile::tempdir().unwrap();
    let server = mock_server_url();
    let text_of_it = format!(
        "name = \"own\"\nquestion = \"Is the token kept?\"\nexecutor = \"shared-iterations\"\nvus = 1\niterations = 3\n\
         journeys = [{{ journey = \"http\", name = \"own\", method = \"POST\", url = \"{server}/v1/resource\", body = \"{{}}\", \
         headers = {{ authorization = {{ env = \"PLIMSOLL_TEST_TOKEN\" }} }} }}]\n\
         [thresholds]\nhttp_req_failed = [\"rate==0\"]\n"
    );
    let file = scenario(dir.path(), &text_of_it);
    let out = dir.path().join("out");
    let mut command = common::plimsoll();
    command.args(["run", text(&file), "--out", text(&out)]).env("PLIMSOLL_TEST_TOKEN", "Bearer simulated-clay-key");
    let ended = common::Ended::of(command.output().unwrap());
    ended.says(0, &["PASSED"]);
    assert!(!ended.stdout.contains("simulated-clay-key") && !ended.stderr.contains("simulated-clay-key"));
    for name in ["summary.json", "report.md", "timeline.csv", "latency.hlog"] {
        assert!(!fs::read_to_string(out.join(name)).unwrap().contains("simulated-clay-key"), "{name}");
    }
}

/// A simulated Clay in this process, which ends with it.
fn mock_server_url() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let settings = mock_server::settings::SimulationSettings::default();
            let vendors = mock_server::simulation::SimulatedVendors::start(settings).await.unwrap();
            sender.send(vendors.clay_url().to_owned()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

#[test]
fn a_new_scenario_is_valid_and_never_overwrites() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["new", "first", "--dir", text(dir.path())];
    run(&arguments).says(0, &["first.toml"]);
    run(&["validate", text(&dir.path().join("first.toml"))]).says(0, &["is valid", "ramping-vus"]);
    run(&arguments).says(1, &["is there already"]);
    let spaced = dir.path().join("my tests");
    run(&["new", "first", "--dir", text(&spaced)]).says(0, &[&format!("plimsoll run '{}/first.toml'", text(&spaced))]);
    run(&["new", "../evil"]).says(2, &["name"]);
}

#[test]
fn shells_get_their_completions() {
    run(&["completions", "bash"]).says(0, &["_plimsoll"]);
}
