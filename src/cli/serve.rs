//! `plimsoll serve`: the pipeline as an HTTP service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mock_server::command::Signals;

use super::Exit;
use super::output::{self, failed};
use super::threads::on_threads;
use crate::event::{Event, EventKind, EventSink};
use crate::failpoint::{self, Failpoint};
use crate::seed::Seed;
use crate::service::{self, Stopped};
use crate::service::{ServiceConfig, StoreConfig};
#[cfg(feature = "redis")]
use crate::store::redis::{RedisSettings, RedisStore};
use crate::store::sqlite::SqliteStore;
use crate::store::{Bounds, LeadStore};
use crate::units::format_duration;

/// The example that `--example` prints.
const EXAMPLE: &str = include_str!("serve.example.toml");

/// Arguments of `plimsoll serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", required_unless_present = "example")]
    config: Option<PathBuf>,
    /// Listen here instead of where the configuration says; port 0 for any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Check the configuration and end
    #[arg(long)]
    check: bool,
    /// Print an example of a configuration and end
    #[arg(long)]
    example: bool,
    /// Seed of jitters, instead of a fresh one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Stretch cool-downs, back-offs and windows by this factor, as the run that tests the service does
    #[arg(long, value_name = "X", default_value_t = 1.0, hide = true, value_parser = super::run::time_scale)]
    time_scale: f64,
    /// End in order when standard input ends, too: a service that a run has started must not outlive it
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
    /// Die as if the power had gone when FAILPOINT is reached for the Nth time
    #[arg(long, value_name = "FAILPOINT:N", hide = true, value_parser = die_at)]
    die_at: Option<(Failpoint, u64)>,
}

fn die_at(text: &str) -> Result<(Failpoint, u64), String> {
    let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
    let known = || Failpoint::ALL.map(Failpoint::as_str).join(", ");
    let point = Failpoint::of_name(name).ok_or_else(|| format!("there is no failpoint `{name}`; there are {}", known()))?;
    match nth.parse() {
        Ok(nth) if nth > 0 => Ok((point, nth)),
        _ => Err(format!("`{nth}` is no number from 1")),
    }
}

pub(super) fn run(args: &ServeArgs) -> Exit {
    let Some(path) = args.config.as_deref().filter(|_| !args.example) else {
        output::result(EXAMPLE.trim_end());
        return Exit::Passed;
    };
    let mut config = match ServiceConfig::load(path) {
        Ok(config) => config,
        Err(errors) => {
            output::remark(errors);
            return Exit::InvalidScenario;
        }
    };
    if !config.warnings.is_empty() {
        output::remark(&config.warnings);
    }
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    if args.time_scale != 1.0 {
        config.resilience = config.resilience.map(|_, settings| settings.scaled(args.time_scale));
    }
    if let Err(error) = service::check_listen_address(&config) {
        return failed(error);
    }
    if args.check {
        output::text(format!("{} is valid.", path.display()));
        return Exit::Passed;
    }
    super::serve_log::install();
    if let Some((point, nth)) = args.die_at {
        failpoint::arm(point, nth);
    }
    if args.until_stdin_ends {
        std::thread::spawn(end_with_stdin);
    }
    let seed = args.seed.map_or_else(Seed::random, Seed);
    on_threads("the service", with_store(&config, seed)).unwrap_or_else(failed)
}

/// Asks this process to end when whoever holds the other end of standard input is gone.
fn end_with_stdin() {
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
}

async fn with_store(config: &ServiceConfig, seed: Seed) -> Exit {
    match &config.store {
        StoreConfig::Sqlite { path } => match SqliteStore::open(path, bounds(config).into()) {
            Ok(store) => serve(config, store, seed).await,
            Err(error) => failed(error),
        },
        #[cfg(feature = "redis")]
        StoreConfig::Redis { url, name, replica, durability } => {
            let settings = RedisSettings {
                replica: replica.clone(),
                bounds: bounds(config),
                durability: *durability,
                ..RedisSettings::new(url.expose(), name)
            };
            match RedisStore::open(&settings).await {
                Ok(store) => serve(config, store, seed).await,
                Err(error) => failed(error),
            }
        }
        #[cfg(not(feature = "redis"))]
        StoreConfig::Redis { .. } => failed("this build has no Redis store: build it with the feature `redis`"),
    }
}

/// The bounds of a lead's store: a lead needs room in both queues, so the smaller bounds both.
fn bounds(config: &ServiceConfig) -> Bounds {
    let each = || config.resilience.values().map(|settings| Bounds::from(&settings.fallback));
    let least = |of: fn(Bounds) -> usize| each().map(of).min().unwrap_or_default();
    Bounds { queue: least(|bounds| bounds.queue), dead_letters: least(|bounds| bounds.dead_letters) }
}

async fn serve<S: LeadStore>(config: &ServiceConfig, store: S, seed: Seed) -> Exit {
    // Installed before the service announces its address: any later signal shuts it down cleanly.
    let mut signals = match Signals::take_over() {
        Ok(signals) => signals,
        Err(error) => return failed(format!("cannot take over SIGTERM: {error}")),
    };
    let running = match service::start(config, store, seed, Arc::new(Remarks)).await {
        Ok(running) => running,
        Err(error) => return failed(error),
    };
    let url = format!("http://{}", running.address());
    output::remark(format!("serving on {url}; SIGTERM ends it within {}", format_duration(config.shutdown)));
    output::result(serde_json::json!({ "listening": url }));
    signals.next().await;
    // Before it is said, so that what is said is so.
    running.close_intake();
    let in_flight: u64 = running.stats().vendors.values().map(|vendor| vendor.in_flight).sum();
    output::remark(format!(
        "ending within {}: no more leads are taken, {in_flight} operations under way are finished or stay in the queue (once more: \
         cut it off)",
        format_duration(config.shutdown)
    ));
    tokio::select! {
        stopped = running.stop(config.shutdown) => match stopped {
            Ok(stopped) => {
                output::remark(exit_message(&stopped));
                Exit::Passed
            }
            Err(error) => failed(error),
        },
        () = signals.next() => {
            output::remark("cut off; what was acknowledged is durable");
            Exit::Interrupted
        }
    }
}

fn exit_message(stopped: &Stopped) -> &'static str {
    match (stopped.finished, stopped.answered) {
        (true, true) => "ended: everything under way was finished",
        (true, false) => "ended: connections that stayed open were cut off",
        (false, _) => "ended: what was not answered in time is in the queue",
    }
}

/// Reports what an operator wants to know at once.
struct Remarks;

impl EventSink for Remarks {
    fn emit(&self, event: Event) {
        let whose = event.vendor.map_or("the service", crate::outcome::Vendor::display_name);
        match event.kind {
            EventKind::Transition { guard, from, to, cause, .. } => {
                output::remark(format!("{whose}: {}: {} → {}: {cause}", guard.display_name(), from.as_str(), to.as_str()));
            }
            EventKind::Throttling { active, requests, accepts } => {
                let what = if active { "requests are throttled" } else { "requests are no longer throttled" };
                output::remark(format!("{whose}: {what}: {accepts} of {requests} were accepted"));
            }
            EventKind::CreditsExhausted { used, limit } => {
                output::remark(format!("{whose}: {used} of {limit} credits are used up"));
            }
            EventKind::CreditsReset => output::remark(format!("{whose}: a new day's credits")),
            EventKind::Health { from, to, score } => output::remark(format!("{whose}: {from} → {to}: {score:.0} % succeed")),
            _ => {}
        }
    }
}
