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
    let deaths: Vec<&str> = report["lives"].as_array().unwrap().iter().map(|life| life["death"].as_str().unwrap()).collect();
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

/// `plimsoll serve`, started as anybody's own service is: by a shell, told of the vendors by its environment.
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
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let dir = dir.display();
    let config = config.replace("PORT", &port.to_string());
    let program = plimsoll().get_program().to_string_lossy().into_owned();
    let start = format!("{before}\ncat > {dir}/own.toml <<END\n{config}END\nexec {program} serve --config {dir}/own.toml");
    (start, format!("http://127.0.0.1:{port}"))
}

#[test]
fn a_service_of_one_s_own_is_killed_by_its_group_and_audited_by_its_places() {
    let dir = tempfile::tempdir().unwrap();
    let (start, url) = own_service(dir.path(), "");
    let (leads, places) = (format!("{url}/leads"), format!("{url}/places"));
    let kept = dir.path().join("kept");
    let arguments = ["chaos", "kill", "--kills", "4", "--seed", "5", "--quiet", "2", "--keep", text(&kept)];
    let own = ["--start", &start, "--url", &leads, "--places", &places, "--clay-dedupes"];
    let ended = common::run(&[&arguments[..], &own[..]].concat());
    // Its dead letters stay, for nobody redrives them, and Clay's table knows repetitions: nothing is done twice.
    ended.says(0, &["PASSED: no lead lost", "4 kills survived"]);
    // The books are kept, and say the same again.
    common::run(&["audit", text(&kept)]).says(0, &["PASSED", "operations"]);
}

#[test]
fn a_service_that_forgets_with_its_process_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
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
        ended.stderr.lines().find_map(|line| line.strip_prefix("the books, the database and the service's messages are in "));
    std::fs::remove_dir_all(kept.expect("the directory is named")).unwrap();
}

#[test]
fn what_cannot_be_killed_is_told() {
    common::run(&["chaos", "kill", "--start", "true"]).says(2, &["--url"]);
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let own = ["--start", "echo no such service >&2; exit 3", "--url", "http://127.0.0.1:9/leads", "--keep", text(&kept)];
    common::run(&[&["chaos", "kill"], &own[..]].concat()).says(1, &["did not come up", "exit status: 3", "service.log"]);
    assert!(std::fs::read_to_string(kept.join("service.log")).unwrap().contains("no such service"));
    common::run(&["chaos", "kill", "--keep", text(&kept)]).says(1, &["is not empty"]);
    common::run(&["chaos", "kill", "--start", "true", "--url", "/leads"]).says(2, &["is no URL of leads"]);
}
