//! Does the simulator lose requests or grow?
//!
//! ```text
//! cargo bench -p mock-server --bench soak                  # 500,000 requests
//! cargo bench -p mock-server --bench soak -- 7200000       # an hour's worth at 2,000 requests/s
//! ```
//!
//! Sends that many requests from 64 connections, as fast as they are answered, to both vendors in a process of their own.
//! Every request has a body and a URL of its own. Prints what was lost, the rate, the simulator's CPU time
//! a request and its largest resident memory. Ends with an error where a request was lost or the memory passed 100 MB.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program that reports to a person")]

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mock_server::fault::SimulatedVendor;
use mock_server::latency::LatencyModel;
use mock_server::process::Child;
use mock_server::settings::{ClaySettings, CustomerIoSettings, SimulationSettings};
use tokio::task::JoinSet;
use tokio::time::Instant;

const CONNECTIONS: u64 = 64;
const MEMORY_LIMIT_MB: u64 = 100;

type HttpClient = Client<HttpConnector, Full<Bytes>>;

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds options of its own (`--bench`).
    let requests = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(500_000);
    match soak(requests).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(requests: u64) -> Result<bool, Box<dyn std::error::Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-server"));
    command.arg("--stdio");
    let child = Child::spawn(command, &settings()).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: HttpClient = Client::builder(TokioExecutor::new()).build(connector);

    let (next, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let begun = Instant::now();
    let mut users = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, next, lost) = (client.clone(), next.clone(), lost.clone());
        let (clay, customer_io) =
            (child.url(SimulatedVendor::Clay).to_owned(), child.url(SimulatedVendor::CustomerIo).to_owned());
        users.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return;
                }
                let request = if number % 2 == 0 { submit(&clay, number) } else { identify(&customer_io, number) };
                if !is_answered(&client, request).await {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    users.join_all().await;
    let seconds = begun.elapsed().as_secs_f64();

    let answered: u64 = child.counts().await?.iter().filter(|count| count.status == 200).map(|count| count.count).sum();
    let (lost, memory) = (lost.load(Ordering::Relaxed), peak_memory_mb(child.pid())?);
    let cpu = cpu_time(child.pid())?.as_secs_f64() * 1e6 / requests as f64;
    child.stop().await;
    println!("requests            {requests}");
    println!("lost                {lost}");
    println!("counted as 200      {answered}");
    println!("requests/s          {:.0}", requests as f64 / seconds);
    println!("simulator CPU       {cpu:.1} µs a request");
    println!("simulator memory    {memory} MB at most");
    Ok(lost == 0 && answered == requests && memory < MEMORY_LIMIT_MB)
}

fn settings() -> SimulationSettings {
    let latency = LatencyModel::Fixed { delay: Duration::ZERO };
    SimulationSettings {
        clay: ClaySettings { latency, webhook_submissions: u64::MAX, ..ClaySettings::default() },
        customer_io: CustomerIoSettings { latency, ..CustomerIoSettings::default() },
        ..SimulationSettings::default()
    }
}

fn submit(clay: &str, number: u64) -> http::Result<Request<Full<Bytes>>> {
    let id = ClaySettings::default().webhook_id;
    Request::post(format!("{clay}/v3/sources/webhook/{id}?lead={number}"))
        .header("content-type", "application/json")
        .body(Full::from(format!("{{\"email\":\"lead{number}@example.com\"}}")))
}

fn identify(customer_io: &str, number: u64) -> http::Result<Request<Full<Bytes>>> {
    Request::put(format!("{customer_io}/api/v1/customers/lead{number}"))
        .header("content-type", "application/json")
        .header("authorization", "Basic c2ltdWxhdGVkLXNpdGU6c2ltdWxhdGVkLWN1c3RvbWVyLWlvLWtleQ==")
        .body(Full::from(format!("{{\"lead\":{number}}}")))
}

async fn is_answered(client: &HttpClient, request: http::Result<Request<Full<Bytes>>>) -> bool {
    let Ok(request) = request else { return false };
    match client.request(request).await {
        Ok(response) => response.status() == 200 && response.into_body().collect().await.is_ok(),
        Err(_) => false,
    }
}

/// The largest resident set so far, as Linux keeps it (`VmHWM`).
fn peak_memory_mb(pid: u32) -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

/// User and system time so far: fields 14 and 15 of `stat`, in hundredths of a second.
fn cpu_time(pid: u32) -> Result<Duration, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field may hold spaces, and ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).ok_or("a short stat").and_then(|text| text.parse::<u64>().map_err(|_| "no number"));
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}
