//! No lead is lost, and nothing is done twice, whenever the service dies: the service itself, as a process, killed at each
//! failpoint, after vendors' commits and at random times.

#[path = "../common/mod.rs"]
mod common;
mod own_service;

use std::net::TcpListener;

use common::{Ended, plimsoll, text};
use own_service::Flaw;
use plimsoll::failpoint::Failpoint;
use serde_json::Value;

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("no report ({error}): {ended:#?}"))
}

#[test]
fn twenty_deaths_lose_no_lead() {
    let ended = common::run(&["chaos", "kill", "--kills", "20", "--seed", "4", "--json"]);
    let waits = "it lives on until nothing is queued or under way, for 120 s at most";
    ended.says(0, &["20 kills, seed 4", waits, "20 kills survived"]);
    let report = report(&ended);
    let audit = &report["audit"];
    assert_eq!(audit["verdict"], "passed", "{audit:#}");
    assert!(audit["leads"]["acknowledged"].as_u64() > Some(100), "{audit:#}");
    assert_eq!(audit["effects"]["duplicates"], 0);
    assert_eq!(audit["operations"]["nowhere"], 0);
    let deaths: Vec<&str> =
        report["lives"].as_array().expect("lives").iter().map(|life| life["death"].as_str().expect("a death")).collect();
    // Each life died by SIGKILL where it was to, or the report had said otherwise and not passed.
    for point in Failpoint::ALL {
        let name = point.as_str();
        assert!(
            deaths.iter().any(|death| death.strip_prefix(name).is_some_and(|nth| nth.starts_with(':'))),
            "{name}: {deaths:?}"
        );
    }
    assert!(deaths.contains(&"after-vendor-commit") && deaths.iter().any(|death| death.ends_with(" ms")), "{deaths:?}");
}

#[test]
#[ignore = "the nightly form, of some minutes: cargo test --test kill -- --ignored"]
fn two_hundred_deaths_lose_no_lead() {
    // Another seed each time: it is printed, with the command that replays it.
    let ended = common::run(&["chaos", "kill", "--kills", "200", "--json"]);
    ended.says(0, &["200 kills survived"]);
    let report = report(&ended);
    assert_eq!(report["audit"]["verdict"], "passed", "{report:#}");
    assert!(report["audit"]["leads"]["acknowledged"].as_u64() > Some(1_000), "{:#}", report["audit"]);
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

/// `plimsoll serve`, started as a user's own service is: by a shell, with the vendors' addresses in its environment.
fn own_service(dir: &std::path::Path, before: &str) -> (String, String) {
    let port = free_port();
    let dir = dir.display();
    let config = common::own_service_config(&port.to_string(), "leads.sqlite");
    let program = plimsoll().get_program().to_string_lossy().into_owned();
    let start = format!("{before}\ncat > {dir}/own.toml <<END\n{config}END\nexec {program} serve --config {dir}/own.toml");
    (start, format!("http://127.0.0.1:{port}"))
}

#[test]
fn a_service_of_one_s_own_is_killed_by_its_group_and_audited_by_its_places() {
    let dir = tempfile::tempdir().expect("a writable directory");
    let (start, url) = own_service(dir.path(), "");
    let (leads, places) = (format!("{url}/leads"), format!("{url}/places"));
    let kept = dir.path().join("kept");
    let arguments = ["chaos", "kill", "--kills", "4", "--seed", "5", "--quiet", "2", "--keep", text(&kept)];
    let own = ["--start", &start, "--url", &leads, "--places", &places, "--clay-dedupes"];
    let ended = common::run(&[&arguments[..], &own[..]].concat());
    // Its dead letters stay, for they are not redriven, and Clay's table knows repetitions: nothing is done twice.
    ended.says(0, &["PASSED: no lead lost", "4 kills survived", "the vendors have heard nothing for 2 s, for 120 s at most"]);
    // The journals are kept, and say the same again.
    common::run(&["audit", text(&kept), "--clay-dedupes"]).says(0, &["PASSED", "operations"]);
}

#[test]
fn a_service_that_forgets_with_its_process_is_found_out() {
    let dir = tempfile::tempdir().expect("a writable directory");
    let (start, url) = own_service(dir.path(), &format!("rm -f {}/leads.sqlite*", dir.path().display()));
    let (leads, places) = (format!("{url}/leads"), format!("{url}/places"));
    let arguments = ["chaos", "kill", "--kills", "3", "--seed", "6", "--quiet", "2", "--start", &start, "--url", &leads];
    let ended = common::run(&[&arguments[..], &["--places", &places]].concat());
    ended.says(
        99,
        &["FAILED", "operations acknowledged and lost", "to see it again: plimsoll chaos kill --kills 3 --seed 6 --start"],
    );
    // What it has left behind for whoever looks for the cause is not for the next run of the tests.
    let kept =
        ended.stderr.lines().find_map(|line| line.strip_prefix("the journals, the database and the service's messages are in "));
    std::fs::remove_dir_all(kept.expect("the directory is named")).expect("a file that is there");
}

#[test]
fn what_cannot_be_killed_is_an_error() {
    common::run(&["chaos", "kill", "--start", "true"]).says(2, &["--url"]);
    common::run(&["chaos", "kill", "--kills", "0"]).says(2, &["a service that is never killed shows nothing"]);
    let dir = tempfile::tempdir().expect("a writable directory");
    let kept = dir.path().join("kept");
    std::fs::create_dir(&kept).expect("a writable directory");
    std::fs::write(kept.join("leads.sqlite"), "").expect("a writable directory");
    common::run(&["chaos", "kill", "--keep", text(&kept)]).says(1, &["is not empty"]);
    common::run(&["chaos", "kill", "--start", "true", "--url", "/leads"]).says(2, &["is no URL of leads"]);
}

/// Kills it at the given places, and forgets the directory that a failure leaves behind.
fn kill_own(start: &str, url: &str, more: &[&str]) -> Ended {
    let ended = common::run(&[&["chaos", "kill", "--start", start, "--url", url], more].concat());
    let kept = "the journals, the database and the service's messages are in ";
    if let Some(kept) = ended.stderr.lines().find_map(|line| line.strip_prefix(kept)) {
        std::fs::remove_dir_all(kept).expect("a directory that is there");
    }
    ended
}

/// The findings of a service of one's own that forwards no key, killed three times.
fn findings(flaw: Flaw) -> (i32, Vec<String>, Value) {
    let (dir, port) = (tempfile::tempdir().expect("a writable directory"), free_port());
    let start = own_service::start_command(dir.path(), port, flaw);
    let url = format!("http://127.0.0.1:{port}/leads");
    let ended = kill_own(&start, &url, &["--kills", "3", "--seed", "7", "--quiet", "2", "--clay-dedupes", "--json"]);
    let audit = report(&ended)["audit"].clone();
    let kinds = audit["findings"].as_array().expect("findings").iter();
    let kinds = kinds.map(|finding| finding["kind"].as_str().expect("a kind").to_owned()).collect();
    (ended.code.expect("an exit code"), kinds, audit)
}

#[test]
fn a_service_that_forwards_no_key_is_matched_by_its_leads() {
    let (code, kinds, audit) = findings(Flaw::Nothing);
    assert!(code == 0 && kinds.is_empty() && audit["verdict"] == "passed", "{audit:#}");
    let acknowledged = audit["leads"]["acknowledged"].as_u64().expect("a number");
    assert!(acknowledged > 0 && audit["operations"]["delivered"] == 3 * acknowledged, "{audit:#}");
}

#[test]
fn one_that_keeps_leads_in_its_memory_has_lost_them() {
    let (code, kinds, audit) = findings(Flaw::Forgets);
    // Nothing else: what it has done it has done once.
    assert_eq!((code, kinds), (99, vec!["lost".to_owned()]), "{audit:#}");
}

#[test]
fn one_whose_vendors_cannot_know_a_repetition_has_done_it_twice() {
    let (code, kinds, audit) = findings(Flaw::Doubles);
    assert_eq!((code, kinds.first().map(String::as_str)), (99, Some("duplicate")), "{audit:#}");
    // A second row costs what the first did, nothing where no provider finds the lead.
    assert!(kinds[1..].iter().all(|kind| kind == "overcharged"), "{audit:#}");
    assert_eq!(audit["operations"]["nowhere"], 0, "{audit:#}");
}

#[test]
fn a_start_command_that_ends_is_told_with_what_it_printed() {
    let url = "http://127.0.0.1:9/leads";
    for (start, how, printed) in [
        ("false", "ended by itself with exit status: 1, in life 1", "it printed nothing to"),
        ("echo out; echo boom >&2; exit 3", "ended by itself with exit status: 3, in life 1", "service.log:\n  out\n  boom\n"),
        ("no-such-command", "ended by itself with exit status: 127, in life 1", "no-such-command: not found"),
        ("true", "exit status: 0 (it has to stay in the foreground)", "it printed nothing to"),
    ] {
        kill_own(start, url, &[]).says(1, &[how, printed]);
    }
}

/// A start command that ends under load while something that it left behind still takes leads, which no vendor gets.
#[test]
fn a_service_that_ends_under_load_is_told_and_leaves_nothing_behind() {
    let (dir, port) = (tempfile::tempdir().expect("a writable directory"), free_port());
    let service = own_service::start_command(dir.path(), port, Flaw::Nothing);
    let journal = dir.path().join("journal");
    let journal = text(&journal);
    let start = format!(
        "( export CLAY_URL=http://127.0.0.1:9; {service} ) &\nuntil [ -s '{journal}' ]; do :; done; echo enough >&2; exit 4"
    );
    let ended = kill_own(&start, &format!("http://127.0.0.1:{port}/leads"), &["--kills", "1"]);
    ended.says(1, &["ended by itself with exit status: 4, in life 1", "enough"]);
    let free = (0..10_000).any(|_| {
        std::thread::yield_now();
        TcpListener::bind(("127.0.0.1", port)).is_ok()
    });
    assert!(free, "what it left behind outlived it");
}

#[test]
fn what_listens_there_already_is_not_taken_for_the_service() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/leads", other.local_addr().expect("an address"));
    kill_own("true", &url, &[]).says(1, &["something takes connections at", "already, before the service was started"]);
}

#[test]
fn an_interrupted_harness_leaves_no_service_behind() {
    use nix::sys::signal::Signal;
    let dir = tempfile::tempdir().expect("a writable directory");
    let kept = dir.path().join("kept");
    let mut command = plimsoll();
    command.args(["chaos", "kill", "--kills", "200", "--seed", "3", "--keep", text(&kept)]);
    let mut harness = common::Running::start(&mut command);
    harness.wait_for("life 2/200");
    harness.signal(Signal::SIGTERM);
    // Its end is waited for with that of whatever holds its standard error; the service writes to a file, so ask who is there.
    harness.end().says(105, &["interrupted", "the journals, the database and the service's messages are in"]);
    let config = kept.join("service.toml").canonicalize().expect("a file that is there");
    let lives = |process: std::fs::DirEntry| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text(&config))
    };
    let still_there = || std::fs::read_dir("/proc").expect("a list of processes").filter_map(Result::ok).any(lives);
    // The kernel takes the killed one away in its own time; many looks are more than it needs.
    let gone = (0..10_000).any(|_| {
        std::thread::yield_now();
        !still_there()
    });
    assert!(gone, "the service outlived its harness");
}
