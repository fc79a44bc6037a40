//! What a run says of requests to a server of the user's own: what failed, and whose failure it was.

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use common::{Ended, run};

/// A server on a port of its own, each connection on a thread.
fn server(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Reads a request without a body; false when none comes.
fn request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1..) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

fn answer(stream: &mut TcpStream, status: u16) {
    let _ = write!(stream, "HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n");
}

/// A scenario of `users` that each send ten requests, one after the other, with these keys and thresholds.
fn scenario(dir: &Path, users: u32, journey: &str, thresholds: &str) -> String {
    let path = dir.join("scenario.toml");
    let text = format!(
        "name = \"own\"\nquestion = \"?\"\nexecutor = \"per-vu-iterations\"\nvus = {users}\niterations = 10\nmaxDuration = \"60s\"\n\
         gracefulStop = \"5s\"\n[[journeys]]\njourney = \"http\"\nname = \"own\"\n{journey}\n[thresholds]\n{thresholds}\n"
    );
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn an_expected_status_is_no_failed_request_and_another_is_one() {
    let port = server(|mut stream| {
        while request(&mut stream) {
            answer(&mut stream, 404);
        }
    });
    let dir = tempfile::tempdir().expect("a directory");
    let url = format!("url = \"http://127.0.0.1:{port}/\"");
    for (expected, failed) in [("expect_status = 404", 0), ("expect_status = 200", 1), ("", 1)] {
        let check = expected.split_whitespace().last().map_or("status is below 400".to_owned(), |it| format!("status is {it}"));
        let thresholds = format!(
            "http_req_failed = [\"rate=={failed}\"]\n\"checks{{check:own: {check}}}\" = [\"rate=={}\"]\n\
             \"http_reqs{{status:404}}\" = [\"count==10\"]",
            1 - failed
        );
        let path = scenario(dir.path(), 1, &format!("{url}\n{expected}"), &thresholds);
        let out = dir.path().join(format!("run-{expected}"));
        run(&["run", &path, "--out", out.to_str().expect("UTF-8"), "-q"]).says(0, &[]);
    }
}

/// The server closes each connection behind its answer, and says nothing of it.
#[test]
fn a_connection_that_its_server_has_closed_is_no_failed_request() {
    let port = server(|mut stream| {
        if request(&mut stream) {
            answer(&mut stream, 200);
        }
    });
    let dir = tempfile::tempdir().expect("a directory");
    let journey = format!("url = \"http://127.0.0.1:{port}/\"");
    let thresholds = "http_req_failed = [\"rate==0\"]\nhttp_reqs = [\"count==200\"]\n\
                      http_req_connecting = [\"p(99)<60000\"]";
    let path = scenario(dir.path(), 20, &journey, thresholds);
    run(&["run", &path, "--out", dir.path().join("run").to_str().expect("UTF-8"), "-q"]).says(0, &[]);
}

#[test]
fn a_run_says_why_its_target_cannot_be_reached() {
    let port = server(|mut stream| {
        let _ = stream.write_all(b"no TLS");
    });
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("run");
    for (url, why) in [
        (format!("https://127.0.0.1:{port}/"), "no trusted TLS connection can be made"),
        ("http://nobody.invalid/".to_owned(), "nobody.invalid cannot be reached: its name has no address"),
    ] {
        let path = scenario(dir.path(), 1, &format!("url = \"{url}\""), "");
        run(&["run", &path, "--out", out.to_str().expect("UTF-8"), "-q"]).says(1, &[why]);
    }
}

/// Runs users that hold a connection each, in a process whose descriptors `ulimit` limits.
fn limited(dir: &Path, ulimit: &str, thresholds: &str) -> Ended {
    let port = server(|mut stream| while request(&mut stream) {});
    let path = scenario(dir, 150, &format!("url = \"http://127.0.0.1:{port}/\"\ntimeout = \"100ms\""), thresholds);
    let out = dir.join("run");
    let script = format!("{ulimit}; exec {} run {path} --out {} -q", env!("CARGO_BIN_EXE_plimsoll"), out.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("PLIMSOLL_MAX_LATENESS", "1m").stdin(Stdio::null());
    Ended::of(shell.output().expect("a shell"))
}

#[test]
fn descriptors_that_the_generator_lacks_make_the_run_invalid() {
    let dir = tempfile::tempdir().expect("a directory");
    let ended = limited(dir.path(), "ulimit -n 100", "\"http_reqs{failure:local_limit}\" = [\"count>0\"]");
    ended.says(111, &["found no descriptor, port or address left", "ulimit -n", "held    http_reqs{failure:local_limit}"]);
    assert!(!ended.stdout.contains("connection_refused"), "{ended:#?}");
}

#[test]
fn the_limit_of_descriptors_is_raised_as_far_as_may_be() {
    let dir = tempfile::tempdir().expect("a directory");
    limited(dir.path(), "ulimit -S -n 100", "\"http_reqs{failure:timeout}\" = [\"count==1500\"]").says(0, &[]);
}
