//! The simulator as a process: handshake, commands, and that it never outlives its parent.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::Request;
use http_body_util::Full;

use common::{Client, FOR_EVER, clay_fault, in_time, settings};
use mock_server::fault::{FaultKind, Outage, SimulatedVendor};
use mock_server::process::{Child, ChildError, Message};
use mock_server::settings::{AdminSettings, SimulationSettings};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mock-server");

fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("--stdio");
    command
}

async fn spawn(settings: &SimulationSettings) -> Result<Child, ChildError> {
    Child::spawn(program(), settings).await
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap().success());
}

#[tokio::test]
async fn a_child_serves_counts_and_reports_faults() {
    let mut child = spawn(&settings(vec![clay_fault(FOR_EVER, FaultKind::Outage { how: Outage::Unavailable })])).await.unwrap();
    let client = Client::new();
    assert_eq!(client.submit(child.url(SimulatedVendor::Clay), "{}").await.unwrap().status, 200);
    assert_eq!(client.identify(child.url(SimulatedVendor::CustomerIo), "ada").await.unwrap().status, 200);

    let mut faults = child.take_faults().unwrap();
    assert!(child.take_faults().is_none());
    let before = tokio::time::Instant::now();
    let start = child.start().await.unwrap();
    assert!(start.at >= before && start.at <= tokio::time::Instant::now());
    assert!(start.skew <= before.elapsed());
    let change = in_time(faults.recv()).await.unwrap();
    assert_eq!((change.name.as_str(), change.active), ("fault", true));
    assert_eq!(client.submit(child.url(SimulatedVendor::Clay), "{}").await.unwrap().status, 503);

    let counts = child.counts().await.unwrap();
    let kinds: Vec<_> = counts.iter().map(|count| (count.route.as_str(), count.status, count.by_fault, count.count)).collect();
    assert_eq!(kinds, [("clay.webhook", 200, false, 1), ("clay.webhook", 503, true, 1), ("customer_io.identify", 200, false, 1)]);

    let ended = in_time(child.stop()).await;
    assert!(ended.success, "{ended:?}");
}

#[tokio::test]
async fn a_child_has_an_admin_api_where_its_settings_say_so_and_finishes_its_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.ndjson");
    assert_eq!(spawn(&settings(Vec::new())).await.unwrap().admin_url(), None);
    let admin = Some(AdminSettings::default());
    let child = spawn(&SimulationSettings { admin, ledger_file: Some(path.clone()), ..settings(Vec::new()) }).await.unwrap();
    let client = Client::new();
    let health = Request::get(format!("{}/health", child.admin_url().unwrap())).body(Full::default()).unwrap();
    assert_eq!(client.send(health).await.unwrap().status, 200);
    for _ in 0..3 {
        client.submit(child.url(SimulatedVendor::Clay), "{}").await.unwrap();
    }
    assert!(in_time(child.stop()).await.success);
    let ledger = std::fs::read_to_string(path).unwrap();
    assert!(ledger.lines().count() == 4 && ledger.ends_with("\n{\"entries\":3}\n"), "{ledger}");
}

#[tokio::test]
async fn a_killed_child_is_noticed() {
    let child = spawn(&settings(Vec::new())).await.unwrap();
    let ended = child.wait();
    signal(child.pid(), "KILL");
    let ended = in_time(ended).await;
    assert!(!ended.success && ended.how.contains("SIGKILL"), "{ended:?}");
    let error = child.counts().await.unwrap_err();
    assert!(matches!(&error, ChildError::Ended { how } if how.contains("SIGKILL")), "{error}");
    assert!(child.start().await.is_err());
}

#[tokio::test]
async fn an_answer_whose_caller_stopped_waiting_is_not_taken_for_the_next() {
    let child = spawn(&settings(Vec::new())).await.unwrap();
    // Stopped, it cannot answer, and the question is abandoned.
    signal(child.pid(), "STOP");
    assert!(tokio::time::timeout(Duration::from_millis(20), child.counts()).await.is_err());
    signal(child.pid(), "CONT");
    assert_eq!(Client::new().submit(child.url(SimulatedVendor::Clay), "{}").await.unwrap().status, 200);
    child.start().await.unwrap();
    assert_eq!(child.counts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_interrupt_is_left_to_the_parent() {
    let child = spawn(&settings(Vec::new())).await.unwrap();
    signal(child.pid(), "INT");
    assert_eq!(Client::new().submit(child.url(SimulatedVendor::Clay), "{}").await.unwrap().status, 200);
    assert!(in_time(child.stop()).await.success);
}

#[tokio::test]
async fn a_child_that_does_not_end_by_itself_is_killed() {
    let child = spawn(&settings(Vec::new())).await.unwrap();
    signal(child.pid(), "STOP");
    assert!(!in_time(child.stop()).await.success);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_dropped_child_is_gone() {
    let child = spawn(&settings(Vec::new())).await.unwrap();
    let process = format!("/proc/{}", child.pid());
    assert!(Path::new(&process).exists());
    // Stopped, it cannot end by itself.
    signal(child.pid(), "STOP");
    drop(child);
    in_time(async {
        while Path::new(&process).exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A parent that dies by SIGKILL leaves nothing but closed pipes.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_child_ends_with_a_parent_that_is_killed() {
    // The shell is the parent: it holds the other end of the child's input, and says which process is its child.
    let script = r#"mkfifo "$1/in" && { "$0" --stdio < "$1/in" > "$1/out" & exec 3> "$1/in"; echo "$2" >&3; echo $!; wait; }"#;
    let directory = tempfile::tempdir().unwrap();
    let line = serde_json::to_string(&settings(Vec::new())).unwrap();
    let mut parent =
        Command::new("sh").args(["-c", script, PROGRAM]).arg(directory.path()).arg(line).stdout(Stdio::piped()).spawn().unwrap();
    let mut pid = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    let output = directory.path().join("out");
    in_time(async {
        while !std::fs::read_to_string(&output).unwrap_or_default().contains("ready") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    parent.kill().unwrap();
    parent.wait().unwrap();
    // Its own parent is now somebody who may not collect it, so a zombie counts as ended.
    let stat = format!("/proc/{}/stat", pid.trim());
    in_time(async {
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_reported_by_the_child() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = spawn(&SimulationSettings { clay_port: port, ..settings(Vec::new()) }).await.err().unwrap();
    assert!(matches!(&error, ChildError::Failed { .. }), "{error}");
    assert!(error.to_string().contains(&format!("port {port} on 127.0.0.1 is taken")), "{error}");
}

#[tokio::test]
async fn a_program_that_is_not_a_simulator_is_recognised() {
    let spawn = async |program: &str| Child::spawn(Command::new(program), &settings(Vec::new())).await.err().unwrap();
    let missing = spawn("/nonexistent/program").await;
    assert!(matches!(&missing, ChildError::Spawn { program, .. } if program == "/nonexistent/program"), "{missing}");
    let ends = spawn("true").await;
    assert!(matches!(&ends, ChildError::Ended { how } if how.contains("exit status: 0")), "{ends}");
    // It answers with what it is given.
    let echoes = spawn("cat").await;
    assert!(matches!(&echoes, ChildError::Unexpected { .. }), "{echoes}");
}

#[test]
fn nonsense_is_answered_and_ends_the_child() {
    for (input, reason) in [("{\"sede\":1}\n", "unknown field `sede`"), ("{}\n\"stop\"\n", "`\"stop\"` is not a command")] {
        let mut child = program().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        let last: Message = serde_json::from_slice(output.stdout.split(|byte| *byte == b'\n').rev().nth(1).unwrap()).unwrap();
        assert!(matches!(&last, Message::Failed { reason: given } if given.contains(reason)), "{last:?}");
        drop(stdin);
    }
}

#[test]
fn by_hand_it_shows_commands_that_work_and_counts_at_the_end() {
    let mut child = Command::new(PROGRAM)
        .args(["--clay-port", "0", "--customer-io-port", "0", "--admin-port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut welcome = Vec::new();
    while !welcome.last().is_some_and(|line: &String| line.contains("Ctrl-C")) {
        welcome.push(lines.next().unwrap().unwrap());
    }
    assert_eq!(welcome.iter().filter(|line| line.contains("curl -i")).count(), 4);
    assert!(welcome[0].starts_with("Simulated Clay         http://127.0.0.1:"));
    signal(child.id(), "TERM");
    assert_eq!(lines.map(Result::unwrap).last().unwrap(), "No requests.");
    assert!(child.wait().unwrap().success());
}

#[test]
fn by_hand_a_taken_port_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output =
        Command::new(PROGRAM).args(["--customer-io-port", "0", "--admin-port", "0", "--clay-port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "error: port {port} on 127.0.0.1 is taken; choose another with --clay-port (in a test plan: `port` in `[simulation.clay]`), or 0 for any free port\n"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    for option in ["--help", "-h", "--version"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device of Linux");
        let ended = Command::new(PROGRAM).arg(option).stdout(full).output().expect("it starts");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), said.matches("error: ").count()), (Some(1), 1), "{option}: {said}");
        assert!(said.starts_with("error: standard output cannot be written: "), "{said}");
    }
}
