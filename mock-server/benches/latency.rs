//! Are latencies what was configured?
//!
//! ```text
//! cargo bench -p mock-server --bench latency            # 60 s for each of three models
//! cargo bench -p mock-server --bench latency -- 10      # 10 s
//! ```
//!
//! Sends 1,000 requests/s to a vendor with a fixed and with a lognormal latency, and to one with a latency fault, and compares
//! what the client saw with what was configured. Fails where p50 is off by more than 1 ms or p99 by more than 3 %. The p99 of
//! 60,000 draws of this lognormal lies within 1.1 % of the model's by one standard deviation; of fewer, further away.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program that reports to a person")]

mod support;

use std::process::ExitCode;
use std::time::Duration;

use mock_server::fault::{Fault, FaultKind, SimulatedVendor};
use mock_server::latency::LatencyModel;
use mock_server::settings::SimulationSettings;
use support::{CLIENT_CORE, Failure, SERVER_CORE, open_load, pin, settings, simulator};
use tokio::task::LocalSet;

const RATE: u32 = 1_000;
const CONNECTIONS: usize = 512;
const MOST_OFF_MS: f64 = 1.0;
const MOST_OFF_SHARE: f64 = 0.03;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // `cargo test --benches` runs this with --test: there is nothing to check in passing.
        ["--test"] => Ok(true),
        [seconds] => seconds.parse().map_err(Failure::from).and_then(compare),
        _ => compare(60),
    };
    support::exit_code(result)
}

fn compare(seconds: usize) -> Result<bool, Failure> {
    let ms = Duration::from_millis;
    let fixed = LatencyModel::Fixed { delay: ms(50) };
    let lognormal = LatencyModel::Lognormal { p50: ms(40), p99: ms(200) };
    println!("{RATE} requests/s for {seconds} s; configured and seen, in ms");
    println!("latency                 p50     seen       p99     seen   off by");
    let mut are_true = true;
    for (name, model, by_fault, p50, p99) in [
        ("fixed", fixed, false, 50.0, 50.0),
        ("lognormal", lognormal, false, 40.0, 200.0),
        ("lognormal, by fault", lognormal, true, 40.0, 200.0),
    ] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (seen_p50, seen_p99) = runtime.block_on(LocalSet::new().run_until(seen(model, by_fault, seconds)))?;
        let off = seen_p99 / p99 - 1.0;
        println!("{name:<20} {p50:>6} {seen_p50:>8.3} {p99:>9} {seen_p99:>8.3} {:>6.2} %", off * 100.0);
        are_true &= (seen_p50 - p50).abs() <= MOST_OFF_MS && off.abs() <= MOST_OFF_SHARE;
    }
    Ok(are_true)
}

/// The p50 and the p99 that a client saw.
async fn seen(model: LatencyModel, by_fault: bool, seconds: usize) -> Result<(f64, f64), Failure> {
    pin(SERVER_CORE)?;
    let mut child = simulator(&configured(model, by_fault)).await?;
    pin(CLIENT_CORE)?;
    let mut faults = child.take_faults().ok_or("nobody else has taken them")?;
    child.start().await?;
    if by_fault {
        faults.recv().await.ok_or("the fault does not begin")?;
    }
    let authority = child.url(SimulatedVendor::Clay).strip_prefix("http://").ok_or("no URL")?.to_owned();
    let times = open_load(&authority, RATE, RATE as usize * seconds, CONNECTIONS).await;
    child.stop().await;
    let times = times?;
    Ok((times.percentile_ms(50.0), times.percentile_ms(99.0)))
}

fn configured(model: LatencyModel, by_fault: bool) -> SimulationSettings {
    let mut settings = settings();
    if by_fault {
        let kind = FaultKind::Latency { model, jitter: Duration::ZERO };
        settings.faults = vec![Fault { lasts: Some(Duration::from_secs(3_600)), ..Fault::new("latency", kind) }];
    } else {
        settings.clay.latency = model;
    }
    settings
}
