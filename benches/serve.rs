//! What the service takes: durable leads a second over HTTP, and how long one waits for its 202.
//!
//! ```text
//! cargo bench --bench serve
//! ```
//!
//! `plimsoll serve` is a process of its own with a SQLite file under `target/`, on the disk that is there; the submitters are
//! tasks of this process, on the same cores: what they take is missing to the service. Each lead is one POST over a connection
//! that is kept, and becomes a row and three operations. The breakers are held open, so that nothing is sent to vendors. The
//! ceiling is one thread that writes the same rows with raw SQLite, so many leads a commit, and does nothing else.

#![allow(clippy::print_stdout, reason = "printing is what a bench does")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

use common::{ceiling, directory, histogram, lead, micros, percentiles};

/// 202s a second that the service must reach.
const LEADS_A_SECOND: f64 = 5_000.0;
/// The longest 99th percentile at 1,000 leads a second.
const LONGEST_P99_US: u64 = 50_000;
/// Connections that submit.
const CONNECTIONS: usize = 128;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        // `cargo test --benches` runs this with --test: there is nothing to check in passing.
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    println!("group commit alone, one thread, raw SQLite");
    let mut highest = 0.0_f64;
    for batch in [1, 64, 512] {
        let rate = ceiling::raw(batch, Duration::from_secs(3)).await;
        println!("  {batch:>4} leads a commit: {rate:>8.0} leads/s");
        highest = highest.max(rate);
    }
    println!("plimsoll serve, one POST a lead, {CONNECTIONS} connections");
    let dir = directory();
    let service = Service::start(dir.path()).await;
    let next = Arc::new(AtomicU64::new(0));
    let (rate, latencies) = saturate(&service, &next, Duration::from_secs(10)).await;
    println!("  saturated: {rate:>8.0} leads/s, {}", percentiles(&latencies));
    println!("  {:.2} of the ceiling of {highest:.0} leads/s", rate / highest);
    let latencies = open_arrivals(&service, &next, 1_000.0, Duration::from_secs(15)).await;
    println!("  1,000 leads a second, from the instant when each is due: {}", percentiles(&latencies));
    assert!(rate >= LEADS_A_SECOND, "fewer than {LEADS_A_SECOND} durable leads a second");
    assert!(latencies.value_at_quantile(0.99) <= LONGEST_P99_US, "p99 at 1,000 leads a second is over 50 ms");
}

/// The service, killed when it goes out of scope.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    async fn start(dir: &Path) -> Self {
        let config = dir.join("service.toml");
        let text = "listen = \"127.0.0.1:0\"\n[store]\npath = \"leads.sqlite\"\n[vendors]\nclay = \"http://127.0.0.1:9\"\n\
                    clay_webhook_path = \"/x\"\ncustomer_io = \"http://127.0.0.1:9\"\ncustomer_io_site_id = { env = \"HOME\" }\n\
                    customer_io_api_key = { env = \"HOME\" }\n[resilience.clay.queue]\ncapacity = 100000000\n\
                    [resilience.customer_io.queue]\ncapacity = 100000000\n";
        std::fs::write(&config, text).expect("a directory to write");
        let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            .args(["serve", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().trim_start_matches("{\"listening\":\"http://").trim_end_matches("\"}").to_owned();
        let service = Self { child, address };
        for vendor in ["clay", "customer_io"] {
            let mut connection = Connection::new(&service.address).await;
            let status = connection.post(&format!("/admin/breakers/{vendor}"), "{\"mode\":\"forced_open\"}").await;
            assert_eq!(status, 200);
        }
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that is kept: as little work as a client can do.
struct Connection {
    stream: TcpStream,
    address: String,
    buffer: Vec<u8>,
}

impl Connection {
    async fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the service listens");
        stream.set_nodelay(true).expect("a working socket");
        Self { stream, address: address.to_owned(), buffer: vec![0; 16 * 1024] }
    }

    /// Posts JSON, and reads the whole answer; its status.
    async fn post(&mut self, path: &str, body: &str) -> u16 {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.expect("an open connection");
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await.expect("an answer");
            assert!(read > 0, "the service closed the connection");
            filled += read;
            let text = std::str::from_utf8(&self.buffer[..filled]).expect("text");
            let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            if rest.len() >= length.parse().expect("a number") {
                return head[9..12].parse().expect("a status");
            }
        }
    }

    async fn submit(&mut self, number: u64) {
        let lead = lead(number);
        let body = serde_json::json!({ "user": lead.user, "data": lead.data }).to_string();
        assert_eq!(self.post("/leads", &body).await, 202);
    }
}

/// Each connection submits the next lead when its last was answered; 202s a second, and how long they took.
async fn saturate(service: &Service, next: &Arc<AtomicU64>, time: Duration) -> (f64, Histogram<u64>) {
    let mut all = JoinSet::new();
    let started = Instant::now();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::new(&service.address).await;
        let next = Arc::clone(next);
        all.spawn(async move {
            let mut latencies = histogram();
            while started.elapsed() < time {
                let asked = Instant::now();
                connection.submit(next.fetch_add(1, Ordering::Relaxed)).await;
                latencies.saturating_record(micros(asked.elapsed()));
            }
            latencies
        });
    }
    let mut latencies = histogram();
    while let Some(some) = all.join_next().await {
        latencies.add(some.expect("a submitter")).expect("equal bounds");
    }
    (latencies.len() as f64 / started.elapsed().as_secs_f64(), latencies)
}

/// Leads that come whether the earlier are answered or not, over whichever connection is free.
async fn open_arrivals(service: &Service, next: &Arc<AtomicU64>, rate: f64, time: Duration) -> Histogram<u64> {
    let (due, dues) = unbounded_channel::<Instant>();
    let dues: Arc<Mutex<UnboundedReceiver<Instant>>> = Arc::new(Mutex::new(dues));
    let mut all = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::new(&service.address).await;
        let (next, dues) = (Arc::clone(next), Arc::clone(&dues));
        all.spawn(async move {
            let mut latencies = histogram();
            loop {
                let Some(due) = dues.lock().await.recv().await else { return latencies };
                connection.submit(next.fetch_add(1, Ordering::Relaxed)).await;
                latencies.saturating_record(micros(due.elapsed()));
            }
        });
    }
    let started = Instant::now();
    for number in 0..(rate * time.as_secs_f64()) as u64 {
        let at = started + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(at).await;
        due.send(at).expect("submitters");
    }
    drop(due);
    let mut latencies = histogram();
    while let Some(some) = all.join_next().await {
        latencies.add(some.expect("a submitter")).expect("equal bounds");
    }
    latencies
}
