//! What the edge costs, beside bare wiremock and bare hyper, in turns, with the server on one core and the client on another.
//!
//! ```text
//! cargo bench -p mock-server --bench edge_cost          # 5 rounds, some minutes
//! cargo bench -p mock-server --bench edge_cost -- 1     # 1 round
//! ```
//!
//! First as many requests as 64 connections get answered, then an open load of 10,000 requests/s. Prints requests/s, the CPU
//! time of a request in the server's process, how many requests that is a second on one core, and percentiles of the open load.
//! Fails where the edge gets fewer than 20,000 requests out of a second of one core, or its p99 is 2 ms or more above that of
//! bare hyper, in the median of the rounds. The CPU time is what is compared, because a core that other programs use as well
//! gives a server less than a second in a second. wiremock keeps what it has matched, so it is started anew for each turn.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program that reports to a person")]

mod support;

use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use mock_server::fault::SimulatedVendor;
use support::{CLIENT_CORE, Failure, SERVER_CORE, ask, connect, cpu_us, median, open_load, pin, request, settings, simulator};
use tokio::task::LocalSet;
use tokio::time::Instant;

const CONNECTIONS: usize = 64;
/// Bounded, because wiremock keeps 5 KB of each.
const REQUESTS: usize = 60_000;
const RATE: u32 = 10_000;
const PACED: usize = 30_000;
/// Requests that a second of one core must be enough for.
const LEAST_A_SECOND: f64 = 20_000.0;
/// What the edge may add to the p99 of bare hyper, in milliseconds.
const MOST_ADDED_MS: f64 = 2.0;

/// The servers, in the order of their turns.
const SERVERS: [&str; 3] = ["hyper", "wiremock", "edge"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", server] => serve(server),
        // `cargo test --benches` runs this with --test: there is nothing to check in passing.
        ["--test"] => Ok(true),
        [rounds] => rounds.parse().map_err(Failure::from).and_then(compare),
        _ => compare(5),
    };
    support::exit_code(result)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// What one server did in one round.
#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn compare(rounds: usize) -> Result<bool, Failure> {
    println!("{REQUESTS} requests on {CONNECTIONS} connections, then {PACED} at {RATE}/s; server on core {SERVER_CORE}");
    println!("round  server    requests/s  CPU µs  /s of one core    p50 ms    p99 ms");
    let mut all = [const { Vec::new() }; SERVERS.len()];
    for round in 1..=rounds {
        for (name, figures) in SERVERS.iter().zip(&mut all) {
            let one = runtime()?.block_on(LocalSet::new().run_until(turn(name)))?;
            let Figures { rate, cpu_us, p50_ms, p99_ms } = one;
            println!("{round:>5}  {name:<8}  {rate:>10.0}  {cpu_us:>6.1}  {:>14.0}  {p50_ms:>8.3}  {p99_ms:>8.3}", 1e6 / cpu_us);
            figures.push(one);
        }
    }
    let of = |index: usize, figure: fn(&Figures) -> f64| median(all[index].iter().map(figure).collect());
    let added = |index: usize| {
        let pairs = all[2].iter().zip(&all[index]);
        median(pairs.map(|(edge, other)| edge.p99_ms - other.p99_ms).collect())
    };
    let (cost, added) = (of(2, |figures| figures.cpu_us), [added(0), added(1)]);
    println!(
        "the edge costs {:.2} of bare wiremock, {:.2} of bare hyper",
        cost / of(1, |figures| figures.cpu_us),
        cost / of(0, |figures| figures.cpu_us)
    );
    println!(
        "p99 added at {RATE}/s: {:.3} ms to bare hyper, {:.3} ms to bare wiremock; at most {MOST_ADDED_MS}",
        added[0], added[1]
    );
    println!("{:.0} requests out of a second of one core; at least {LEAST_A_SECOND}", 1e6 / cost);
    Ok(1e6 / cost >= LEAST_A_SECOND && added[0] < MOST_ADDED_MS)
}

/// One server's turn: started on its core, measured from the other.
async fn turn(server: &str) -> Result<Figures, Failure> {
    pin(SERVER_CORE)?;
    if server == "edge" {
        let child = simulator(&settings()).await?;
        pin(CLIENT_CORE)?;
        let figures = measure(child.pid(), child.url(SimulatedVendor::Clay)).await;
        child.stop().await;
        return figures;
    }
    let mut child =
        Command::new(std::env::current_exe()?).args(["serve", server]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    pin(CLIENT_CORE)?;
    let mut url = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut url)?;
    let figures = measure(child.id(), url.trim()).await;
    // The end of its input is its end.
    drop(child.stdin.take());
    child.wait()?;
    figures
}

async fn measure(pid: u32, url: &str) -> Result<Figures, Failure> {
    let authority = url.strip_prefix("http://").ok_or("no URL")?;
    let (rate, cpu_us) = as_fast_as_can_be(pid, authority).await?;
    let times = open_load(authority, RATE, PACED, CONNECTIONS).await?;
    Ok(Figures { rate, cpu_us, p50_ms: times.percentile_ms(50.0), p99_ms: times.percentile_ms(99.0) })
}

async fn as_fast_as_can_be(pid: u32, authority: &str) -> Result<(f64, f64), Failure> {
    let left = Rc::new(Cell::new(REQUESTS));
    let mut users = Vec::new();
    for _ in 0..CONNECTIONS {
        users.push((connect(authority).await?, left.clone(), authority.to_owned()));
    }
    let (begun, cpu) = (Instant::now(), cpu_us(pid)?);
    let users: Vec<_> = users
        .into_iter()
        .map(|(mut sender, left, authority)| {
            tokio::task::spawn_local(async move {
                while left.get() > 0 {
                    left.set(left.get() - 1);
                    match ask(&mut sender, request(&authority)).await {
                        Ok(status) if status.is_success() => {}
                        Ok(status) => return Err(format!("answered with {status}")),
                        Err(error) => return Err(error.to_string()),
                    }
                }
                Ok(())
            })
        })
        .collect();
    for user in users {
        user.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok((REQUESTS as f64 / seconds, (cpu_us(pid)? - cpu) / REQUESTS as f64))
}

/// What the edge is compared with, in a process of its own that ends with its input.
fn serve(server: &str) -> Result<bool, Failure> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    runtime()?.block_on(async {
        match server {
            "wiremock" => serve_wiremock().await,
            _ => serve_hyper().await,
        }
    })
}

fn tell(url: &str) -> Result<(), Failure> {
    println!("{url}");
    Ok(std::io::stdout().flush()?)
}

async fn serve_wiremock() -> Result<bool, Failure> {
    let server = wiremock::MockServer::builder().disable_request_recording().start().await;
    let answer = wiremock::ResponseTemplate::new(200).set_body_bytes(br#"{"success":true}"#.as_slice());
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    tell(&server.uri())?;
    std::future::pending().await
}

async fn serve_hyper() -> Result<bool, Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    tell(&format!("http://{}", listener.local_addr()?))?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                // What the client does not send to its end it does not want answered.
                request.into_body().collect().await?;
                Ok::<_, hyper::Error>(http::Response::new(Full::new(Bytes::from_static(br#"{"success":true}"#))))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            // It ends with its client.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await;
        });
    }
}
