//! No lead is lost, and nothing is done twice, whenever the service dies: the service itself, as a process, killed at each
//! failpoint, after vendors' commits and at random times.

mod common;

use common::{Ended, plimsoll, text};
use plimsoll::failpoint::Failpoint;
use serde_json::Value;

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("no report ({error}): {ended:#?}"))
}

#[test]
fn twenty_deaths_lose_no_lead() {
    let ended = common::run(&["chaos", "kill", "--kills", "20", "--seed", "4", "--json"]);
    ended.says(0, &["20 kills, seed 4", "20 kills survived"]);
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

/// `plimsoll serve`, started as a user's own service is: by a shell, with the vendors' addresses in its environment.
fn own_service(dir: &std::path::Path, before: &str) -> (String, String) {
    let config = r#"listen = "127.0.0.1:PORT"
[store]
path = "leads.sqlite"
[vendors]
clay = "$CLAY_URL"
clay_webhook_path = "$CLAY_WEBHOOK_PATH"
customer_io = "$CUSTOMER_IO_URL"
customer_io_site_id = { env = "CUSTOMER_IO_SITE_ID" }
customer_io_api_key = { env = "CUSTOMER_IO_API_KEY" }
[resilience.clay]
credits = false
breaker = false
retry = { base_delay = "20ms" }
queue = { base_delay = "100ms", drain_pacing = "1ms" }
[resilience.customer_io]
breaker = false
retry = { base_delay = "20ms" }
queue = { base_delay = "100ms", drain_pacing = "1ms" }
"#;
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let dir = dir.display();
    let config = config.replace("PORT", &port.to_string());
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
    ended.says(
        0,
        &[
            "PASSED: no lead lost",
            "4 kills survived",
            "waiting for the service to come to rest, ",
            " more at most: the vendors still hear from it",
        ],
    );
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
fn what_cannot_be_killed_is_told() {
    common::run(&["chaos", "kill", "--start", "true"]).says(2, &["--url"]);
    let dir = tempfile::tempdir().expect("a writable directory");
    let kept = dir.path().join("kept");
    let own = ["--start", "echo no such service >&2; exit 3", "--url", "http://127.0.0.1:9/leads", "--keep", text(&kept)];
    common::run(&[&["chaos", "kill"], &own[..]].concat()).says(1, &["did not come up", "exit status: 3", "service.log"]);
    assert!(std::fs::read_to_string(kept.join("service.log")).expect("a file that is there").contains("no such service"));
    common::run(&["chaos", "kill", "--keep", text(&kept)]).says(1, &["is not empty"]);
    common::run(&["chaos", "kill", "--start", "true", "--url", "/leads"]).says(2, &["is no URL of leads"]);
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
