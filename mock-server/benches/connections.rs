//! Do connections leave anything behind?
//!
//! ```text
//! cargo bench -p mock-server --bench connections            # 10,000 idle connections, then 500/s for 20 s
//! cargo bench -p mock-server --bench connections -- 60      # 500/s for 60 s
//! ```
//!
//! Opens 10,000 connections to the simulator in a process of its own, a request on each, lets them idle and closes them, five
//! times; then opens 500 connections a second, of which each asks for one thing and is closed, by the client in order, by a reset, or
//! half way through its request. Fails where the process has open connections afterwards, or file descriptors or tasks that it did
//! not have before, but for those that it keeps to wiremock; or 8 MB more of memory than after the first tenth of the churn; or in the
//! fifth fill a tenth more of it than in the third.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program that reports to a person")]

mod support;

use std::process::ExitCode;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Full};
use mock_server::fault::SimulatedVendor;
use mock_server::settings::AdminSettings;
use support::{Failure, ask, connect, descriptors, request, settings, simulator, status_kb};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

const IDLE: usize = 10_000;
/// Times that the idle connections are opened and closed.
const FILLS: usize = 5;
const CHURN: u32 = 500;
/// Connections to wiremock that the simulator may keep for later, with a task each: as many as were ever needed at once.
const MOST_KEPT: usize = 64;
/// What the allocator may keep for itself, in kB.
const MOST_GROWTH_KB: u64 = 8 * 1024;
/// How long the process may take to notice that connections have gone.
const SETTLED: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // `cargo test --benches` runs this with --test: there is nothing to check in passing.
        ["--test"] => Ok(true),
        [seconds] => seconds.parse().map_err(Failure::from).and_then(run),
        _ => run(20),
    };
    support::exit_code(result)
}

fn run(seconds: u32) -> Result<bool, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(churn(seconds)))
}

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    descriptors: usize,
    tasks: usize,
    connections: usize,
    memory_kb: u64,
}

impl Held {
    fn is_level_with(&self, before: Self) -> bool {
        self.descriptors <= before.descriptors + MOST_KEPT && self.tasks <= before.tasks + MOST_KEPT && self.connections == 0
    }
}

/// The simulator, and where to ask it how it is.
struct Simulator {
    pid: u32,
    authority: String,
    admin: String,
}

async fn churn(seconds: u32) -> Result<bool, Failure> {
    let admin_port = free_port()?;
    let mut settings = settings();
    settings.admin = Some(AdminSettings { port: admin_port, ..AdminSettings::default() });
    let child = simulator(&settings).await?;
    let authority = child.url(SimulatedVendor::Clay).strip_prefix("http://").ok_or("no URL")?.to_owned();
    let simulator = Simulator { pid: child.pid(), authority, admin: format!("127.0.0.1:{admin_port}") };

    // What is made once and kept, as connections to wiremock, is there from now on.
    waves(&simulator, CHURN).await?;
    let before = simulator.settled(None).await?;
    tell("before", before);

    // The allocator keeps what it has been given back, with gaps that the next fill uses. What is lost is needed every time.
    let mut fills = Vec::new();
    for _ in 0..FILLS {
        let full = simulator.fill().await?;
        tell("10,000 idle", full);
        fills.push(full);
        tell("closed again", simulator.settled(Some(before)).await?);
    }

    waves(&simulator, CHURN * seconds / 10).await?;
    let tenth = simulator.settled(Some(before)).await?;
    tell("a tenth of the churn", tenth);
    waves(&simulator, CHURN * seconds).await?;
    let after = simulator.settled(Some(before)).await?;
    tell("all of it", after);
    child.stop().await;

    let held_all = fills.iter().all(|full| full.connections >= IDLE);
    let [.., earlier, _, last] = fills[..] else { return Err("too few fills".into()) };
    let fills_are_level = last.memory_kb <= earlier.memory_kb + earlier.memory_kb / 10;
    Ok(held_all && after.is_level_with(before) && fills_are_level && after.memory_kb <= tenth.memory_kb + MOST_GROWTH_KB)
}

fn tell(when: &str, held: Held) {
    let Held { descriptors, tasks, connections, memory_kb } = held;
    println!(
        "{when:<22} {descriptors:>6} descriptors {tasks:>6} tasks {connections:>6} connections {:>6.1} MB",
        memory_kb as f64 / 1024.0
    );
}

/// A port that is free now.
fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Opens and closes so many connections, [`CHURN`] a second.
async fn waves(simulator: &Simulator, count: u32) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..count {
        tokio::time::sleep_until(begun + Duration::from_secs(1) * number / CHURN).await;
        let authority = simulator.authority.clone();
        clients.spawn_local(async move {
            let left = match number % 3 {
                0 => in_order(&authority).await,
                1 => by_reset(&authority).await,
                _ => half_way(&authority).await,
            };
            left.map_err(|error| error.to_string())
        });
        while let Some(client) = clients.try_join_next() {
            client??;
        }
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(())
}

async fn in_order(authority: &str) -> Result<(), Failure> {
    let mut sender = connect(authority).await?;
    ask(&mut sender, request(authority)).await?;
    Ok(())
}

async fn by_reset(authority: &str) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(authority).await?;
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    stream.read_exact(&mut [0; 12]).await?;
    Ok(stream.set_zero_linger()?)
}

async fn half_way(authority: &str) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(authority).await?;
    Ok(stream.write_all(b"POST /v1/resource HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{").await?)
}

impl Simulator {
    /// What it holds with [`IDLE`] more connections, which are gone when this returns.
    async fn fill(&self) -> Result<Held, Failure> {
        let mut idle = Vec::with_capacity(IDLE);
        for _ in 0..IDLE {
            let mut sender = connect(&self.authority).await?;
            ask(&mut sender, request(&self.authority)).await?;
            idle.push(sender);
        }
        self.held().await
    }

    async fn held(&self) -> Result<Held, Failure> {
        let mut sender = connect(&self.admin).await?;
        let request = Request::get("/metrics").header("host", &self.admin).body(Full::default())?;
        sender.ready().await?;
        let page = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
        let page = String::from_utf8(page.to_vec())?;
        let sum = |name: &str| -> usize {
            let samples = page.lines().filter(|line| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']));
            samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as usize
        };
        Ok(Held {
            descriptors: descriptors(self.pid)?,
            tasks: sum("mock_tasks"),
            connections: sum("mock_connections"),
            memory_kb: status_kb(self.pid, "VmRSS")?,
        })
    }

    /// What is held when it has come down to what was held before, or for as long as that may take.
    async fn settled(&self, before: Option<Held>) -> Result<Held, Failure> {
        let give_up = Instant::now() + SETTLED;
        loop {
            let held = self.held().await?;
            let is_level = match before {
                Some(before) => held.is_level_with(before),
                None => held.connections == 0,
            };
            if is_level || Instant::now() > give_up {
                return Ok(held);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
