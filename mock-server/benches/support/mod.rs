//! What benches of a whole simulator share: a process on a core of its own, what Linux says of it, and an open load.

#![allow(dead_code, reason = "each bench uses a part")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::process::{Command, ExitCode};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use mock_server::latency::LatencyModel;
use mock_server::process::Child;
use mock_server::settings::{ClaySettings, CustomerIoSettings, SimulationSettings};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What goes wrong in a bench ends it.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The core of the process that is measured, and that of the client.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const CLIENT_CORE: usize = 1;

/// How a bench ends: whether its bounds held, or why it could not tell.
pub(crate) fn exit_code(result: Result<bool, Failure>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Keeps this thread, and the processes that it starts from now on, on one core. Where there is only one, all share it.
pub(crate) fn pin(core: usize) -> Result<(), Failure> {
    // Asked once, before anything is pinned: a thread on one core is told that there is one.
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let mut set = CpuSet::new();
    set.set(core.min(cores.saturating_sub(1)))?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Vendors that answer at once, for as often as they are asked.
pub(crate) fn settings() -> SimulationSettings {
    let latency = LatencyModel::Fixed { delay: Duration::ZERO };
    SimulationSettings {
        clay: ClaySettings { latency, webhook_submissions: u64::MAX, ..ClaySettings::default() },
        customer_io: CustomerIoSettings { latency, ..CustomerIoSettings::default() },
        ..SimulationSettings::default()
    }
}

/// The simulator in a process of its own.
pub(crate) async fn simulator(settings: &SimulationSettings) -> Result<Child, Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-server"));
    command.arg("--stdio");
    Ok(Child::spawn(command, settings).await?)
}

/// User and system time of a process so far, in microseconds: fields 14 and 15 of `stat`, in hundredths of a second.
pub(crate) fn cpu_us(pid: u32) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field may hold spaces, and ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64, Failure> { Ok(fields.get(index).ok_or("a short stat")?.parse::<f64>()?) };
    Ok((ticks(11)? + ticks(12)?) * 1e4)
}

/// A figure of `/proc/PID/status` in kB: `VmRSS`, `VmHWM`.
pub(crate) fn status_kb(pid: u32, name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    Ok(line.ok_or("no such figure")?.trim().trim_end_matches(" kB").parse()?)
}

/// File descriptors that a process has open.
pub(crate) fn descriptors(pid: u32) -> Result<usize, Failure> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// A connection of HTTP/1.1.
pub(crate) async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with its sender, and an error is seen there.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn ask(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<StatusCode, Failure> {
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    Ok(status)
}

/// What an open load saw: times from when a request was due to the end of its answer, in seconds, in order.
pub(crate) struct Times(Vec<f64>);

impl Times {
    /// A percentile in milliseconds.
    pub(crate) fn percentile_ms(&self, percentile: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * percentile / 100.0).round() as usize).map_or(f64::NAN, |seconds| seconds * 1e3)
    }
}

/// Sends `count` requests at `rate` a second, whether or not earlier ones have been answered, on as many connections as
/// that takes up to `connections`. Must run in a `LocalSet`. The thread does not sleep, so that a timer's millisecond does not matter.
pub(crate) async fn open_load(authority: &str, rate: u32, count: usize, connections: usize) -> Result<Times, Failure> {
    let due = Rc::new(RefCell::new(VecDeque::new()));
    let (news, times) = (Rc::new(Notify::new()), Rc::new(RefCell::new(Vec::with_capacity(count))));
    for _ in 0..connections {
        let mut sender = connect(authority).await?;
        let (due, news, times, authority) = (due.clone(), news.clone(), times.clone(), authority.to_owned());
        tokio::task::spawn_local(async move {
            loop {
                let next: Option<Instant> = due.borrow_mut().pop_front();
                let Some(next) = next else {
                    news.notified().await;
                    continue;
                };
                match ask(&mut sender, request(&authority)).await {
                    Ok(status) if status.is_success() => times.borrow_mut().push(next.elapsed().as_secs_f64()),
                    // Fewer times than requests fail the bench.
                    _ => return,
                }
            }
        });
    }
    let interval = Duration::from_secs(1) / rate;
    let begun = Instant::now();
    for number in 0..count {
        let next = begun + interval * number as u32;
        while Instant::now() < next {
            tokio::task::yield_now().await;
        }
        due.borrow_mut().push_back(next);
        news.notify_one();
    }
    let give_up = Instant::now() + Duration::from_secs(10);
    while times.borrow().len() < count && Instant::now() < give_up {
        tokio::task::yield_now().await;
    }
    let mut times = times.take();
    if times.len() < count {
        return Err(format!("{} of {count} requests were answered", times.len()).into());
    }
    times.sort_by(f64::total_cmp);
    Ok(Times(times))
}

/// The middle one of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A small POST, as load tests of the vendor make it.
pub(crate) fn request(authority: &str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(br#"{"test":true}"#)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static("/v1/resource");
    let headers = request.headers_mut();
    headers.insert("authorization", http::HeaderValue::from_static("Bearer simulated-clay-key"));
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    headers.insert("host", http::HeaderValue::from_str(authority).unwrap_or(http::HeaderValue::from_static("localhost")));
    request
}
