//! The command line, shared by the programs that offer it: `mock-server` and `plimsoll mock`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use crate::counts::Count;
use crate::duration::parse_duration;
use crate::latency::LatencyModel;
use crate::process::serve_stdio;
use crate::settings::{ClaySettings, CustomerIoSettings, SimulationSettings};
use crate::simulation::SimulatedVendors;

/// What the simulated vendors are started with by hand.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct MockArgs {
    /// Port for Clay on 127.0.0.1; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    pub clay_port: u16,
    /// Port for Customer.io on 127.0.0.1; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8082)]
    pub customer_io_port: u16,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long Clay thinks: a time (`40ms`), or median and 99th percentile (`40ms/200ms`).
    #[arg(long, value_name = "TIME", value_parser = latency)]
    pub clay_latency: Option<LatencyModel>,
    /// How long Customer.io thinks, likewise.
    #[arg(long, value_name = "TIME", value_parser = latency)]
    pub customer_io_latency: Option<LatencyModel>,
    /// Clay's limit on webhook submissions: requests a second and burst (`10/20`).
    #[arg(long, value_name = "RATE/BURST", value_parser = limit)]
    pub clay_rate_limit: Option<(f64, u32)>,
    /// Customer.io's limit, likewise.
    #[arg(long, value_name = "RATE/BURST", value_parser = limit)]
    pub customer_io_rate_limit: Option<(f64, u32)>,
    /// Serve a parent process on standard input and output; everything else is then in the settings that it sends.
    #[arg(long, hide = true)]
    pub stdio: bool,
}

impl MockArgs {
    /// The settings that they stand for.
    pub fn settings(&self) -> SimulationSettings {
        let (clay, customer_io) = (ClaySettings::default(), CustomerIoSettings::default());
        SimulationSettings {
            seed: self.seed,
            clay_port: self.clay_port,
            customer_io_port: self.customer_io_port,
            clay: ClaySettings { latency: self.clay_latency.unwrap_or(clay.latency), rate_limit: self.clay_rate_limit, ..clay },
            customer_io: CustomerIoSettings {
                latency: self.customer_io_latency.unwrap_or(customer_io.latency),
                rate_limit: self.customer_io_rate_limit,
                ..customer_io
            },
            ..SimulationSettings::default()
        }
    }
}

/// Runs the simulated vendors until SIGINT, SIGTERM or, with `--stdio`, the end of standard input. Must be called outside a
/// tokio runtime, because it makes its own.
pub fn run(args: &MockArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let code = runtime.block_on(async { if args.stdio { serve_stdio().await } else { serve_by_hand(args).await } });
    // What is still running (a write that nobody reads, say) must not hold up the end.
    runtime.shutdown_background();
    code
}

async fn serve_by_hand(args: &MockArgs) -> ExitCode {
    let settings = args.settings();
    // Before the first line is printed, so that whoever has read it can end the program properly.
    let ended = match signals() {
        Ok(ended) => ended,
        Err(error) => return fail(&format!("cannot listen for signals: {error}")),
    };
    let vendors = match SimulatedVendors::start(settings.clone()).await {
        Ok(vendors) => vendors,
        Err(error) => return fail(&error.to_string()),
    };
    // Nobody reading is no reason to stop serving.
    let _ = io::stdout().write_all(welcome(&vendors, &settings).as_bytes());
    ended.await;
    let counts = vendors.counts();
    vendors.shutdown().await;
    let _ = io::stdout().write_all(summary(&counts).as_bytes());
    ExitCode::SUCCESS
}

/// Resolves at the first SIGINT or SIGTERM. The handlers are in place when this returns.
fn signals() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn fail(reason: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {reason}");
    ExitCode::FAILURE
}

fn welcome(vendors: &SimulatedVendors, settings: &SimulationSettings) -> String {
    let (clay, customer_io) = (vendors.clay_url(), vendors.customer_io_url());
    let basic = STANDARD.encode(format!("{}:{}", settings.customer_io.site_id, settings.customer_io.api_key));
    format!(
        "Simulated Clay         {clay}\n\
         Simulated Customer.io  {customer_io}\n\
         \n\
         Try them:\n\
         \x20 curl -i {clay}/v3/sources/webhook/{webhook} -d '{{\"email\":\"ada@example.com\"}}'\n\
         \x20 curl -i {clay}/v1/resource -H 'Authorization: Bearer {key}' -d '{{\"test\":true}}'\n\
         \x20 curl -i -X PUT {customer_io}/api/v1/customers/ada -H 'Authorization: Basic {basic}' -d '{{\"plan\":\"pro\"}}'\n\
         \x20 curl -i {customer_io}/api/v1/customers/ada/events -H 'Authorization: Basic {basic}' -d '{{\"name\":\"signed_up\"}}'\n\
         \n\
         Ctrl-C ends them.\n",
        webhook = settings.clay.webhook_id,
        key = settings.clay.api_key,
    )
}

fn summary(counts: &[Count]) -> String {
    if counts.is_empty() {
        return "\nNo requests.\n".to_owned();
    }
    let mut text = format!("\n{:<12} {:<22} {:>6} {:>10}\n", "vendor", "route", "status", "requests");
    for count in counts {
        let status = if count.status == 0 { "closed".to_owned() } else { count.status.to_string() };
        text.push_str(&format!("{:<12} {:<22} {status:>6} {:>10}\n", count.vendor.as_str(), count.route, count.count));
    }
    text
}

/// `40ms`, or `40ms/200ms`.
fn latency(text: &str) -> Result<LatencyModel, String> {
    let model = match text.split_once('/') {
        Some((p50, p99)) => LatencyModel::Lognormal { p50: time(p50)?, p99: time(p99)? },
        None => LatencyModel::Fixed { delay: time(text)? },
    };
    model.validate().map(|()| model)
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| format!("{error}; a time is written as `40ms` or `1.5s`"))
}

/// `10/20`.
fn limit(text: &str) -> Result<(f64, u32), String> {
    let wrong = || format!("`{text}` is no limit; write it as requests a second and burst: `10/20`");
    let (rate, burst) = text.split_once('/').ok_or_else(wrong)?;
    let (rate, burst) = (rate.parse::<f64>().map_err(|_| wrong())?, burst.parse::<u32>().map_err(|_| wrong())?);
    if rate.is_finite() && rate > 0.0 && burst > 0 { Ok((rate, burst)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: MockArgs,
    }

    fn parse(options: &[&str]) -> Result<SimulationSettings, String> {
        let program = Program::try_parse_from(std::iter::once(&"mock-server").chain(options));
        program.map(|program| program.args.settings()).map_err(|error| error.to_string())
    }

    #[test]
    fn options_become_settings() {
        let defaults = parse(&[]).unwrap();
        assert_eq!((defaults.clay_port, defaults.customer_io_port), (8081, 8082));
        assert_eq!(defaults.clay, ClaySettings::default());

        let options =
            ["--clay-latency", "40ms/0.2s", "--customer-io-latency", "1.5s", "--clay-rate-limit", "10/20", "--seed", "9"];
        let settings = parse(&options).unwrap();
        let p50_p99 = LatencyModel::Lognormal { p50: Duration::from_millis(40), p99: Duration::from_millis(200) };
        assert_eq!(settings.clay.latency, p50_p99);
        assert_eq!(settings.customer_io.latency, LatencyModel::Fixed { delay: Duration::from_millis(1500) });
        assert_eq!((settings.clay.rate_limit, settings.customer_io.rate_limit, settings.seed), (Some((10.0, 20)), None, 9));
    }

    #[test]
    fn bad_values_are_told_with_what_would_be_right() {
        for (option, value, right) in [
            ("--clay-latency", "40", "`40ms`"),
            ("--clay-latency", "-1s", "`40ms`"),
            ("--clay-latency", "200ms/40ms", "at least p50"),
            ("--clay-rate-limit", "10", "`10/20`"),
            ("--clay-rate-limit", "0/20", "`10/20`"),
            ("--clay-port", "99999", "65535"),
        ] {
            let message = parse(&[&format!("{option}={value}")]).unwrap_err();
            assert!(message.contains(right), "{message}");
        }
    }

    #[test]
    fn the_summary_names_closed_connections() {
        let count = Count {
            vendor: crate::fault::SimulatedVendor::Clay,
            route: "clay.webhook".to_owned(),
            status: 0,
            by_fault: true,
            count: 7,
        };
        assert!(summary(&[count]).contains("clay.webhook           closed          7"));
        assert!(summary(&[]).contains("No requests"));
    }
}
