//! Bad input and bad luck, through the binary: a clear message, the right exit code, nothing half-written, no process left behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use common::{Ended, Running, http_scenario, plimsoll, run, scenario, summary, text};
use nix::sys::signal::{Signal, kill};

/// A scenario on the simulated vendors that runs for a while.
const LONG: &str = "name = \"long\"\nquestion = \"?\"\nexecutor = \"constant-vus\"\nvus = 3\nduration = \"60s\"\n\
                    think_time = \"50ms\"\njourneys = [{ journey = \"clay.enrich\" }]\n";

/// A server that accepts and never answers. The receiver hears of each connection.
fn silent_server() -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, connections) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut byte = [0];
            // The first byte of a request: the preliminary check of the address sends none.
            if (&stream).read(&mut byte).is_ok_and(|read| read > 0) {
                open.push(stream);
                let _ = sender.send(());
            }
        }
    });
    (url, connections)
}

/// No file of a run that was to be renamed or removed is left.
fn assert_nothing_half_written(dir: &Path) {
    let names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let half = |name: &&String| name.contains("partial") || name.contains("tmp") || name.contains("probe");
    assert!(!names.iter().any(|name| half(&name)), "{names:?}");
}

#[test]
fn a_taken_port_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = scenario(dir.path(), &format!("{LONG}[simulation.clay]\nport = {port}\n"));
    let ended = run(&["run", text(&file), "--out", text(&dir.path().join("out"))]);
    ended.says(1, &[&port.to_string(), "taken"]);
    assert!(!dir.path().join("out/summary.json").exists());
}

#[test]
fn a_simulator_that_is_killed_ends_the_run_and_what_was_measured_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), LONG);
    let out = dir.path().join("out");
    let mut running = Running::start(plimsoll().args(["run", text(&file), "--out", text(&out)]));
    running.wait_for("5s of");
    let children = running.children();
    assert_eq!(children.len(), 1, "one simulator");
    kill(children[0], Signal::SIGKILL).unwrap();
    running.end().says(1, &["simulated vendors were lost", "SIGKILL"]);
    let summary = summary(&out);
    assert_eq!(summary["end"]["how"], "failed");
    assert!(summary["leads"]["submitted"].as_u64().unwrap() > 0, "{summary:#}");
    assert!(out.join("report.md").exists());
    assert_nothing_half_written(&out);
}

#[test]
fn the_simulator_does_not_outlive_a_parent_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), LONG);
    let mut running = Running::start(plimsoll().args(["run", text(&file), "--out", text(&dir.path().join("out"))]));
    running.wait_for("5s of");
    assert_eq!(running.children().len(), 1);
    running.signal(Signal::SIGKILL);
    // The simulator holds the pipe that this reads to its end: were it left behind, this would not return.
    assert_eq!(running.end().code, None);
    assert!(!dir.path().join("out/summary.json").exists(), "a directory with a summary is a whole run");
}

#[test]
fn an_interrupted_run_is_written_and_reported_as_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), LONG);
    let out = dir.path().join("out");
    let mut running = Running::start(plimsoll().args(["run", text(&file), "--out", text(&out)]));
    running.wait_for("5s of");
    running.signal(Signal::SIGINT);
    running.end().says(105, &["interrupted"]);
    let summary = summary(&out);
    assert_eq!(summary["end"]["how"], "interrupted");
    assert_eq!(summary["verdict"]["verdict"]["outcome"], "interrupted");
    assert_nothing_half_written(&out);
}

#[test]
fn an_interrupt_before_the_load_begins_is_honoured_at_once() {
    let dir = tempfile::tempdir().unwrap();
    // With room for one connection that is never accepted, the next one waits: so does the preliminary check of the address.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let _filled = std::net::TcpStream::connect(address).unwrap();
    let file =
        http_scenario(dir.path(), &format!("http://{address}/"), "executor = \"constant-vus\"\nvus = 1\nduration = \"10m\"");
    let out = dir.path().join("out");
    let running = Running::start(plimsoll().args(["run", text(&file), "--out", text(&out)]));
    running.wait_until_it_handles(Signal::SIGINT);
    running.signal(Signal::SIGINT);
    running.end().says(105, &["before the load began"]);
    assert!(!out.exists(), "an empty directory is left");
}

#[test]
fn a_second_interrupt_cuts_off_iterations_that_hang() {
    let dir = tempfile::tempdir().unwrap();
    let (url, connections) = silent_server();
    let shape = "executor = \"constant-vus\"\nvus = 2\nduration = \"10m\"\ngracefulStop = \"10m\"";
    let file = http_scenario(dir.path(), &url, shape);
    let out = dir.path().join("out");
    let mut running = Running::start(plimsoll().args(["run", text(&file), "--out", text(&out)]));
    for _ in 0..2 {
        connections.recv().unwrap();
    }
    running.signal(Signal::SIGINT);
    running.wait_for("interrupted");
    running.signal(Signal::SIGINT);
    running.end().says(105, &["cutting off"]);
    let summary = summary(&out);
    assert_eq!(summary["interrupted_iterations"], 2, "{summary:#}");
    assert_nothing_half_written(&out);
}

#[test]
fn a_target_that_hangs_does_not_hold_the_end_of_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let (url, _connections) = silent_server();
    let shape = "executor = \"constant-vus\"\nvus = 2\nduration = \"1s\"\ngracefulStop = \"200ms\"\n\
                 thresholds = { http_reqs = [\"count>=1\"] }";
    let file = http_scenario(dir.path(), &url, shape);
    let out = dir.path().join("out");
    // The requests are given up after 200 ms, not after their own timeout: with that the test would take minutes.
    run(&["run", text(&file), "--out", text(&out)]);
    let summary = summary(&out);
    assert_eq!((&summary["end"]["how"], &summary["interrupted_iterations"]), (&"completed".into(), &2.into()), "{summary:#}");
}

#[test]
fn an_output_directory_that_cannot_be_written_is_known_before_the_load() {
    let dir = tempfile::tempdir().unwrap();
    let (url, connections) = silent_server();
    let file = http_scenario(dir.path(), &url, "executor = \"constant-vus\"\nvus = 1\nduration = \"1s\"");
    let blocked = dir.path().join("file");
    fs::write(&blocked, "").unwrap();
    run(&["run", text(&file), "--out", text(&blocked.join("out"))]).says(1, &["cannot create", "--out DIR"]);
    assert!(connections.try_recv().is_err(), "no request was sent");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_known_before_the_load() {
    let dir = tempfile::tempdir().unwrap();
    let (url, connections) = silent_server();
    let file = http_scenario(dir.path(), &url, "executor = \"constant-vus\"\nvus = 1\nduration = \"1s\"");
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    std::os::unix::fs::symlink("/dev/full", out.join("latency.hlog.partial")).unwrap();
    run(&["run", text(&file), "--out", text(&out)]).says(1, &["latency.hlog", "No space left"]);
    assert!(connections.try_recv().is_err(), "no request was sent");
    assert!(!out.join("summary.json").exists());
}

#[test]
fn a_disk_that_fills_up_ends_the_load_with_what_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), LONG);
    let out = dir.path().join("out");
    // A limit on the size of files stands in for the end of the disk: writing past it fails in the middle of the run.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" run \"$1\" --out \"$2\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, env!("CARGO_BIN_EXE_plimsoll"), text(&file), text(&out)]);
    let ended = Ended::of(command.output().unwrap());
    ended.says(1, &["File too large"]);
}

#[test]
fn a_generator_that_is_later_than_it_may_be_makes_the_run_invalid() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), &LONG.replace("60s", "1s"));
    let out = dir.path().join("out");
    // Timers are whole milliseconds: that they fire within a microsecond cannot be.
    let ended = run(&["run", text(&file), "--out", text(&out), "--max-lateness", "1us"]);
    ended.says(111, &["The generator could not keep up: its timers fired", "bound being 1 µs"]);
    let report = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(report.contains("Latencies may be too long by what the load generator itself was late"), "{report}");
    let generator = &summary(&out)["generator"];
    assert!(generator["late_p95_us"].as_u64() > generator["max_lateness_us"].as_u64(), "{generator}");
}

#[test]
fn a_target_that_refuses_connections_from_the_start_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = http_scenario(dir.path(), &format!("http://{free}/"), "executor = \"constant-vus\"\nvus = 1\nduration = \"1s\"");
    let ended = run(&["run", text(&file), "--out", text(&dir.path().join("out"))]);
    ended.says(1, &[&free.to_string(), "refuse"]);
}

#[test]
fn leads_with_a_missing_column_or_broken_text_are_named_by_row_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let leads = "[data]\nfile = \"leads.csv\"\nuse = \"ring\"\n";
    let file = scenario(dir.path(), &format!("{}{leads}", LONG.replace("clay.enrich", "lead")));
    fs::write(dir.path().join("leads.csv"), "name,domain\nAda,example.com\n").unwrap();
    run(&["run", text(&file)]).says(104, &["leads.csv", "email"]);
    fs::write(dir.path().join("leads.csv"), b"email,domain\nada@example.com,example.com\nb\xff@example.com,x\n").unwrap();
    run(&["run", text(&file)]).says(104, &["leads.csv", "UTF-8", "3", "email"]);
}

#[test]
fn a_scenario_is_refused_with_everything_that_is_wrong_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(
        dir.path(),
        "name = \"x\"\nquestion = \"?\"\nexecutor = \"ramping-vus\"\nstages = [{ duration = \"2 minutes\", target = -1 }]\n\
         journey = []\njourneys = [{ journey = \"leed\" }]\n[thresholds]\nhttp_req_duratoin = [\"p(95)<500\"]\n",
    );
    let path = text(&file).to_owned();
    for command in ["run", "validate"] {
        let words = ["test.toml:4:", "2 minutes", "-1", "journey", "leed", "lead", "http_req_duration", "^"];
        run(&[command, &path]).says(104, &words);
    }
}

#[test]
fn a_run_of_another_version_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text_of_it = "{\"format\": 99, \"written_by\": \"plimsoll 9.0.0\"}";
    fs::write(dir.path().join("summary.json"), text_of_it).unwrap();
    run(&["report", text(dir.path())]).says(1, &["plimsoll 9.0.0", "format 99", "reads format 2"]);
    let file = scenario(dir.path(), LONG);
    run(&["run", text(&file), "--out", text(dir.path())]).says(1, &["already holds a run"]);
    assert_eq!(fs::read_to_string(dir.path().join("summary.json")).unwrap(), text_of_it);
}

#[test]
fn what_is_no_run_or_no_scenario_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    run(&["report", text(dir.path())]).says(1, &["summary.json"]);
    run(&["run", text(&dir.path().join("none.toml"))]).says(104, &["none.toml"]);
    run(&["run"]).says(2, &["Usage"]);
    run(&["run", "x.toml", "--time-scale", "0"]).says(2, &["factor"]);
}

#[test]
fn a_jump_of_the_wall_clock_bends_no_measurement() {
    let library = ["x86_64", "aarch64"].map(|arch| format!("/usr/lib/{arch}-linux-gnu/faketime/libfaketime.so.1"));
    let Some(library) = library.into_iter().find(|path| Path::new(path).exists()) else {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE_FAKETIME").is_none(), "libfaketime is required and not installed");
        // Not eprintln!, which a passing test keeps to itself.
        let skipped =
            "\nSKIPPED: a_jump_of_the_wall_clock_bends_no_measurement: libfaketime is not installed (Debian: faketime)\n";
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = scenario(dir.path(), &LONG.replace("60s", "8s"));
    let (out, time) = (dir.path().join("out"), dir.path().join("time"));
    fs::write(&time, "+0").unwrap();
    let mut command = plimsoll();
    command.args(["run", text(&file), "--out", text(&out)]);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &time);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut running = Running::start(&mut command);
    running.wait_for("5s of");
    fs::write(&time, "-1h").unwrap();
    running.end().says(0, &[]);
    let summary = summary(&out);
    let length = summary["load_us"].as_u64().unwrap();
    assert!((8_000_000..60_000_000).contains(&length), "an hour back would show: {length} µs");
    let rows = fs::read_to_string(out.join("timeline.csv")).unwrap();
    let starts: Vec<u64> = rows.lines().skip(1).map(|row| row.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(starts.is_sorted() && starts.len() >= 8, "{starts:?}");
}
