//! What the harness itself costs: CPU per request of `plimsoll run` with journey `http`, no think time, 64 users and full
//! measurement, beside plain Goose (`user.request`) as it comes, against the same bare hyper server, in turns.
//!
//! ```text
//! cargo bench --bench harness_cost              # 5 rounds of 10 s each way; fails above the bound
//! cargo bench --bench harness_cost -- memory    # peak memory after 300 thousand and after 3 million requests
//! ```
//!
//! The server has one core and the client another. CPU is the user and system time of the client's whole process, its start
//! and its report included, as the operating system accounts it to a child that has ended.

#![allow(clippy::print_stdout, reason = "printing is what a bench does")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::unistd::Pid;

/// CPU per request of the harness over that of plain Goose must not be above this.
const BOUND: f64 = 0.55;
const USERS: usize = 64;
const ROUNDS: usize = 5;
const SECONDS: u64 = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => server(),
        ["goose", url] => goose(url),
        ["memory"] => memory(),
        // `cargo test --benches` runs this with --test: there is nothing to check in passing.
        ["--test"] => {}
        _ => compare(),
    }
}

/// One client's run.
struct Cost {
    requests: u64,
    cpu_us: f64,
}

impl Cost {
    fn per_request(&self) -> f64 {
        self.cpu_us / self.requests as f64
    }
}

fn compare() {
    let server = Server::start();
    println!("{USERS} users, no think time, {SECONDS} s a run, {ROUNDS} rounds; CPU µs per request of the client's process");
    println!("{:>5}  {:>12} {:>8}  {:>12} {:>8}  {:>6}", "round", "plimsoll/s", "CPU µs", "Goose/s", "CPU µs", "ratio");
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let ours = measured(|| plimsoll(&server.url, &format!("duration = \"{SECONDS}s\""), "constant-vus"));
        let theirs = measured(|| plain_goose(&server.url));
        let ratio = ours.per_request() / theirs.per_request();
        println!(
            "{round:>5}  {:>12} {:>8.2}  {:>12} {:>8.2}  {ratio:>6.3}",
            ours.requests / SECONDS,
            ours.per_request(),
            theirs.requests / SECONDS,
            theirs.per_request(),
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ROUNDS / 2];
    println!("median ratio {median:.3} (lowest {:.3}, highest {:.3}), bound {BOUND}", ratios[0], ratios[ROUNDS - 1]);
    assert!(median <= BOUND, "the harness costs more than {BOUND} of plain Goose");
}

fn memory() {
    let server = Server::start();
    let peak = |iterations: u64| {
        let shape = format!("iterations = {iterations}\nmaxDuration = \"10m\"");
        run_plimsoll(&server.url, &shape, "shared-iterations").1
    };
    let (small, large) = (peak(300_000), peak(3_000_000));
    println!(
        "peak memory of the harness while the load ran: {:.1} MB after 300 thousand requests, {:.1} MB after 3 million, ratio {:.3}",
        small / 1e6,
        large / 1e6,
        large / small
    );
    // Rows of the timeline grow with time, some hundred bytes a second; requests must add nothing.
    assert!(large <= small * 1.10, "memory grows with the number of requests");
}

/// CPU of the children that ended while `run` ran.
fn measured(run: impl FnOnce() -> u64) -> Cost {
    let before = children();
    let requests = run();
    let after = children();
    Cost { requests, cpu_us: cpu_us(&after) - cpu_us(&before) }
}

fn children() -> Usage {
    getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system reports the usage of ended children")
}

fn cpu_us(usage: &Usage) -> f64 {
    let us = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    us(usage.user_time()) + us(usage.system_time())
}

fn plimsoll(url: &str, shape: &str, executor: &str) -> u64 {
    run_plimsoll(url, shape, executor).0
}

/// Runs the program on a scenario; gives the requests and the peak memory in bytes.
fn run_plimsoll(url: &str, shape: &str, executor: &str) -> (u64, f64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scenario = dir.path().join("cost.toml");
    let text = format!(
        "name = \"cost\"\nquestion = \"What does the harness cost?\"\nexecutor = \"{executor}\"\nvus = {USERS}\n{shape}\n\
         journeys = [{{ journey = \"http\", name = \"cost\", method = \"POST\", url = \"{url}\", body = '{{\"test\":true}}' }}]\n"
    );
    std::fs::write(&scenario, text).expect("a writable temporary directory");
    let out = dir.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("run").arg(&scenario).args(["--quiet", "--out"]).arg(&out).stdout(Stdio::null());
    let status = command.status().expect("the program runs");
    assert!(status.success(), "the program ended with {status}");
    let rows = std::fs::read_to_string(out.join("timeline.csv")).expect("the timeline");
    (column(&rows, "requests").sum::<f64>() as u64, column(&rows, "harness_memory_bytes").fold(0.0, f64::max))
}

/// A column of the timeline.
fn column<'a>(rows: &'a str, name: &str) -> impl Iterator<Item = f64> + 'a {
    let header = rows.lines().next().expect("a header");
    let index = header.split(',').position(|column| column == name).unwrap_or_else(|| panic!("no column {name} in {header}"));
    rows.lines().skip(1).filter_map(move |row| row.split(',').nth(index)?.parse().ok())
}

fn plain_goose(url: &str) -> u64 {
    let this = std::env::current_exe().expect("this program's own path");
    let output = Command::new(this).args(["goose", url]).output().expect("plain Goose runs");
    assert!(output.status.success(), "plain Goose failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let requests = text.lines().rev().find_map(|line| line.strip_prefix("requests ")?.parse().ok());
    requests.unwrap_or_else(|| panic!("plain Goose did not say how many requests it made: {text}"))
}

/// A bare hyper server in a process of its own, on the last core.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let this = std::env::current_exe().expect("this program's own path");
        let mut child = Command::new(this).arg("server").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a server");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("the server's address");
        pin(0);
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its standard input is the end of the server.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Keeps this process, and the children that it starts, on one core.
fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core).expect("a core's number");
    sched_setaffinity(Pid::from_raw(0), &set).expect("a core to stay on");
}

fn server() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    pin(cores - 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("http://{}/", listener.local_addr().expect("an address"));
        std::io::stdout().flush().expect("a reader");
        tokio::task::spawn_blocking(|| {
            let _ = std::io::stdin().read_line(&mut String::new());
            std::process::exit(0);
        });
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let answer = hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                    use http_body_util::BodyExt;
                    let _ = request.into_body().collect().await;
                    Ok::<_, std::convert::Infallible>(hyper::Response::new(http_body_util::Full::new(bytes::Bytes::from_static(
                        b"{}",
                    ))))
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await;
            });
        }
    });
}

/// Plain Goose: its own requests, its own metrics, its own client for each user.
fn goose(url: &str) {
    use goose::prelude::*;
    async fn post(user: &mut GooseUser) -> TransactionResult {
        let _ = user.post("/", r#"{"test":true}"#).await?;
        Ok(())
    }
    let users = USERS.to_string();
    let time = SECONDS.to_string();
    let arguments = [
        "--host",
        url,
        "--users",
        &users,
        "--increase-time",
        "1",
        "--run-time",
        &time,
        "--no-telnet",
        "--no-websocket",
        "--no-print-metrics",
        "-qq",
    ];
    let configuration = goose::config::GooseConfiguration::parse_args_default(&arguments).expect("a configuration");
    let attack = GooseAttack::initialize_with_config(configuration).expect("an attack");
    let attack = attack.register_scenario(
        Scenario::new("cost")
            .register_transaction(goose::goose::Transaction::new(std::sync::Arc::new(|user| Box::pin(post(user))))),
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let metrics = runtime.block_on(attack.execute()).expect("a run");
    let requests: usize = metrics.requests.values().map(|request| request.success_count + request.fail_count).sum();
    println!("requests {requests}");
}
