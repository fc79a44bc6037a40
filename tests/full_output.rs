//! Nothing passes whose result could not be written: on a disk that is full, and into a pipe that is closed.

#![cfg(target_os = "linux")]

mod common;

use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Ended, Running, plimsoll, run, scenario, text};
use nix::sys::signal::Signal;
use plimsoll::resilience::{Operation, OperationKind};
use plimsoll::store::sqlite::SqliteStore;
use plimsoll::store::{Bounds, LeadStore, NewLead};
use serde_json::json;

const SMALL: &str = "name = \"small\"\nquestion = \"?\"\nexecutor = \"shared-iterations\"\nvus = 2\niterations = 4\n\
                     maxDuration = \"5s\"\njourneys = [{ journey = \"clay.enrich\" }]\n\
                     [resilience.clay]\ncredits = false\n[thresholds]\nleads_lost = [\"count==0\"]\n";

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("a device of Linux").into()
}

fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn ended(command: &mut Command, stdout: Stdio) -> Ended {
    Ended::of(command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("it starts").wait_with_output().expect("it ends"))
}

/// A store with a lead; gives its key.
fn filled(path: &Path) -> String {
    let key = "0".repeat(64);
    let store = SqliteStore::open(path, Bounds::default().into()).expect("a file to write");
    let operation = Operation { lead: Some(key.clone()), ..Operation::new(OperationKind::Track, "ada", json!({})) };
    let lead = NewLead { key: key.clone(), user: "ada".to_owned(), data: json!({}).into(), operations: vec![operation] };
    let accepted = store.accept(vec![lead], 1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async { (accepted.await.expect("a working store"), store.close().await.expect("a working store")) });
    key
}

/// Every command that prints a result and ends by itself.
fn commands(dir: &Path) -> Vec<Vec<String>> {
    let file = scenario(dir, SMALL);
    let (file, out) = (text(&file), dir.join("out"));
    run(&["run", file, "--quiet", "--journals", "--out", text(&out)]).says(0, &["PASSED"]);
    let service = dir.join("service.toml");
    std::fs::write(&service, run(&["serve", "--example"]).stdout).expect("a writable directory");
    let store = dir.join("leads.sqlite");
    let lead = filled(&store);
    let store = text(&store);
    let lines = [
        "--help".to_owned(),
        "--version".to_owned(),
        "run --help".to_owned(),
        format!("run {file} --quiet --out {}", text(&dir.join("other"))),
        format!("run {file} --quiet --json --out {}", text(&dir.join("another"))),
        format!("validate {file}"),
        format!("report {}", text(&out)),
        format!("report {} --format json", text(&out)),
        format!("audit {}", text(&out)),
        format!("new another --dir {}", text(dir)),
        "serve --example".to_owned(),
        format!("serve --check --config {}", text(&service)),
        "completions bash".to_owned(),
        "chaos kill --kills 1 --seed 3 --json".to_owned(),
        format!("queue ls --db {store}"),
        format!("queue ls --db {store} --json"),
        format!("queue show {lead} --db {store}"),
        format!("queue export --format csv --db {store}"),
        format!("queue export --format json --db {store}"),
        format!("queue redrive --db {store}"),
        format!("queue purge --place dead_lettered --yes --db {store}"),
    ];
    let helps = ["help", "help run", "queue ls --help"].into_iter().map(str::to_owned);
    let commands = ["validate", "new", "report", "serve", "audit", "chaos", "chaos kill", "mock", "queue", "completions"];
    let helps = helps.chain(commands.map(|command| format!("{command} --help")));
    let lines: Vec<String> = lines.into_iter().chain(helps).collect();
    lines.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_of_every_command() {
    for stdout in [full, closed] {
        let dir = tempfile::tempdir().expect("a directory");
        for arguments in commands(dir.path()) {
            let ended = ended(plimsoll().args(&arguments), stdout());
            assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:#?}");
            ended.says(1, &["error: the result cannot be written to standard output: "]);
            assert_eq!(ended.stderr.matches("standard output").count(), 1, "{arguments:?}: {ended:#?}");
        }
    }
}

#[test]
fn a_threshold_that_failed_stays_the_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = scenario(dir.path(), &SMALL.replace("leads_lost = [\"count==0\"]", "http_reqs = [\"count>99\"]"));
    let out = dir.path().join("out");
    let ended = ended(plimsoll().args(["run", text(&file), "--quiet", "--out", text(&out)]), full());
    ended.says(99, &["error: the result cannot be written to standard output: "]);
}

#[test]
fn a_service_serves_on_and_says_so_at_its_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("service.toml");
    std::fs::write(&config, run(&["serve", "--example"]).stdout).expect("a writable directory");
    let arguments = ["serve", "--config", text(&config), "--listen", "127.0.0.1:0"];
    let mut running = Running::start_with(plimsoll().args(arguments), full());
    running.wait_for("serving on");
    running.signal(Signal::SIGTERM);
    let ended = running.end();
    ended.says(1, &["error: the result cannot be written to standard output: ", "everything under way was finished"]);
}

#[test]
fn the_simulated_vendors_serve_on_and_say_so_at_their_end() {
    let running = Running::start_with(plimsoll().args(["mock", "--clay-port", "0", "--customer-io-port", "0"]), full());
    running.wait_until_it_handles(Signal::SIGTERM);
    running.signal(Signal::SIGTERM);
    running.end().says(1, &["error: standard output cannot be written: "]);
}
