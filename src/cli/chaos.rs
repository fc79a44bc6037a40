//! `plimsoll chaos`: what is done to a service on purpose.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Uri;
use mock_server::command::Signals;

use super::threads::on_threads;
use super::{Exit, audit, output};
use crate::chaos::{ChaosError, KillOptions, KillReport, Life, OwnService, Target, kill};
use crate::config::Secret;
use crate::outcome::OperationKind;
use crate::seed::Seed;
use crate::text::shell_word;

/// Arguments of `plimsoll chaos`.
#[derive(Debug, Args)]
pub(super) struct ChaosArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Kill a service again and again, at the worst instants, and audit whether it lost a lead
    Kill(KillArgs),
}

const HELP: &str = r#"Without --start, `plimsoll serve` is killed: at each failpoint of its code, after a vendor's commit
but before its answer, and at random times. Everything is on this machine, in a directory that is
removed when the audit has passed (see --keep).

A service of your own is killed after vendors' commits and at random times:
    plimsoll chaos kill --start './my-service --port 3000' \
        --url http://127.0.0.1:3000/leads
It must take POST {"user": "...", "data": {"email": "...", ...}} with the header Idempotency-Key,
answer 2xx only when the lead is durable, and send to the vendors that its environment names:
CLAY_URL, CLAY_WEBHOOK_PATH, CUSTOMER_IO_URL, CUSTOMER_IO_SITE_ID and CUSTOMER_IO_API_KEY. Each lead
has to come to a row at Clay, a customer and an event at Customer.io (--operations). What it sends
is matched with the leads by the key that it forwards in Idempotency-Key, or else by the lead's user
or e-mail address, in whatever field: each lead has its own. The vendors fail at times, and lose
answers: it has to ask again. What it sends twice is done twice, unless the event has the same ULID
as its `id`, and the row the same value in the field `idempotency_key`. With --places it is also
audited whether it knows where its leads are; plimsoll audit --help has the form.

Exit codes: 0 passed; 99 a lead was lost or something was done twice, or a failpoint was not
reached; 1 there is no verdict; 105 interrupted"#;

/// Arguments of `plimsoll chaos kill`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
struct KillArgs {
    /// How often it is killed; from 14 on, each failpoint has its turn
    #[arg(long, value_name = "N", default_value = "20", value_parser = kills)]
    kills: usize,
    /// Seed of the leads, the deaths and the vendors' trouble, instead of a fresh one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Keep the journals, the database and the service's messages in this directory, which must be empty or not there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// A shell command that starts a service of your own, in the foreground
    #[arg(long, value_name = "COMMAND", requires = "url")]
    start: Option<String>,
    /// Where it takes leads
    #[arg(long, requires = "start")]
    url: Option<Uri>,
    /// Where it lists its places at rest
    #[arg(long, value_name = "URL", requires = "start")]
    places: Option<String>,
    /// Environment variable with the bearer token that it wants
    #[arg(long, value_name = "NAME", requires = "start")]
    token_env: Option<String>,
    /// Its rows carry a key of their own in the field `idempotency_key`, by which the simulated Clay knows a repetition
    #[arg(long, requires = "start")]
    clay_dedupes: bool,
    /// What each lead has to come to
    #[arg(long, requires = "start", value_name = "LIST", value_delimiter = ',', default_values = ["enrich", "identify", "track"])]
    operations: Vec<OperationKind>,
    /// It may do the operations of one user in any order
    #[arg(long, requires = "start")]
    any_order: bool,
    /// How many seconds it may take in the end until nothing moves any more
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    rest: u64,
    /// How many seconds the vendors must have heard nothing from your own service, for it to be at rest: more than it waits
    /// between two attempts, or what it would still have done counts as lost
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    quiet: u64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ChaosArgs) -> Exit {
    let What::Kill(args) = &args.what;
    on_threads("the harness", kill_and_show(args)).unwrap_or_else(output::failed)
}

async fn kill_and_show(args: &KillArgs) -> Exit {
    let directory = match Directory::make(args.keep.as_deref()) {
        Ok(directory) => directory,
        Err(error) => return output::failed(error),
    };
    let options = match options(args, directory.path()) {
        Ok(options) => options,
        Err(error) => {
            output::error(error);
            return Exit::Usage;
        }
    };
    let mut signals = match Signals::take_over() {
        Ok(signals) => signals,
        Err(error) => return output::failed(format!("cannot take over SIGTERM: {error}")),
    };
    super::serve_log::install();
    output::remark(format!("{} kills, seed {}, in {}", options.kills, options.seed.0, options.dir.display()));
    let mut report_life = |life: &Life| {
        output::remark(line(life, options.kills));
        if life.number == options.kills {
            output::remark(last_wait(&options));
        }
    };
    let killed = tokio::select! {
        killed = kill(&options, &mut report_life) => killed,
        // The service goes with the future: nothing that was started is left behind.
        () = signals.next() => Err(ChaosError::Interrupted),
    };
    match killed {
        Ok(report) => show(&report, args, directory),
        Err(error) => {
            output::error(&error);
            directory.keep();
            match &error {
                ChaosError::Interrupted => Exit::Interrupted,
                ChaosError::Journal(error) => audit::refused(error),
                _ => Exit::CouldNotRun,
            }
        }
    }
}

fn options(args: &KillArgs, dir: &Path) -> Result<KillOptions, String> {
    let token = args.token_env.as_deref().map(Secret::from_environment).transpose()?;
    let target = match (&args.start, &args.url) {
        (Some(start), Some(leads)) => {
            if leads.scheme().is_none() || leads.authority().is_none() {
                return Err(format!("`{leads}` is no URL of leads: write it as http://127.0.0.1:3000/leads"));
            }
            let (start, leads, places) = (start.clone(), leads.clone(), args.places.clone());
            Target::Own(OwnService {
                start,
                leads,
                places,
                token: token.map(|token| token.expose().to_owned()),
                dedupes: args.clay_dedupes,
            })
        }
        _ => Target::Plimsoll { program: std::env::current_exe().map_err(|error| format!("who am I? {error}"))? },
    };
    Ok(KillOptions {
        target,
        kills: args.kills,
        seed: args.seed.map_or_else(Seed::random, Seed),
        dir: dir.to_owned(),
        rest_within: Duration::from_secs(args.rest),
        quiet: Duration::from_secs(args.quiet),
        in_order: !args.any_order,
        operations: audit::kinds(&args.operations),
    })
}

fn kills(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(kills) if (1..=10_000).contains(&kills) => Ok(kills),
        _ => Err("from 1 to 10000: a service that is never killed shows nothing".to_owned()),
    }
}

fn line(life: &Life, kills: usize) -> String {
    let instead = life.instead.as_ref().map_or(String::new(), |instead| format!(": {instead}"));
    // "after 194 ms", but "at after-answer:2".
    let at = if life.death.starts_with("after ") { "" } else { "at " };
    format!("life {}/{kills}: killed {at}{}{instead}; {} acknowledged so far", life.number, life.death, life.acknowledged)
}

/// What is waited for behind the last death.
fn last_wait(options: &KillOptions) -> String {
    let rest = match options.target {
        Target::Plimsoll { .. } => "nothing is queued or under way".to_owned(),
        Target::Own(_) => format!("the vendors have heard nothing for {} s", options.quiet.as_secs()),
    };
    format!("it lives on until {rest}, for {} s at most, and is then audited", options.rest_within.as_secs())
}

fn show(report: &KillReport, args: &KillArgs, directory: Directory) -> Exit {
    output::json_or_text(args.json, report, || &report.audit);
    if report.passed() {
        output::remark(format!("{} kills survived, seed {}", report.lives.len(), report.seed.0));
        return Exit::Passed;
    }
    for life in report.lives.iter().filter(|life| life.instead.is_some()) {
        output::error(line(life, report.lives.len()));
    }
    for problem in &report.problems {
        output::error(problem);
    }
    output::whole_remark(format!("to see it again: {}", replay(args, report.seed)));
    directory.keep();
    Exit::ThresholdsFailed
}

/// The command that does the same again.
fn replay(args: &KillArgs, seed: Seed) -> String {
    let mut command = format!("plimsoll chaos kill --kills {} --seed {}", args.kills, seed.0);
    if let (Some(start), Some(url)) = (&args.start, &args.url) {
        command.push_str(&format!(" --start {} --url {}", shell_word(start), shell_word(&url.to_string())));
    }
    for (option, value) in [("--places", &args.places), ("--token-env", &args.token_env)] {
        if let Some(value) = value {
            command.push_str(&format!(" {option} {}", shell_word(value)));
        }
    }
    if args.start.is_some() {
        command.push_str(&format!(" --rest {} --quiet {}", args.rest, args.quiet));
    }
    if audit::kinds(&args.operations) != OperationKind::OF_A_LEAD {
        let names: Vec<&str> = args.operations.iter().map(|kind| kind.as_str()).collect();
        command.push_str(&format!(" --operations {}", names.join(",")));
    }
    for (option, given) in [("--clay-dedupes", args.clay_dedupes), ("--any-order", args.any_order)] {
        if given {
            command.push_str(&format!(" {option}"));
        }
    }
    command
}

/// Where everything is: kept, or gone with the harness.
enum Directory {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Directory {
    fn make(keep: Option<&Path>) -> Result<Self, String> {
        let Some(path) = keep else {
            return tempfile::tempdir().map(Self::Passing).map_err(|error| format!("cannot make a directory: {error}"));
        };
        let cannot = |error: std::io::Error| format!("cannot use {}: {error}", path.display());
        std::fs::create_dir_all(path).map_err(cannot)?;
        if std::fs::read_dir(path).map_err(cannot)?.next().is_some() {
            return Err(format!("{} is not empty: an old database would be taken for the new one", path.display()));
        }
        path.canonicalize().map(Self::Kept).map_err(cannot)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Passing(dir) => dir.path(),
        }
    }

    fn keep(self) {
        let path = match self {
            Self::Kept(path) => path,
            Self::Passing(dir) => dir.keep(),
        };
        output::remark(format!("the journals, the database and the service's messages are in {}", path.display()));
    }
}
