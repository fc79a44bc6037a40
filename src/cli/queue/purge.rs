//! `plimsoll queue purge`: removes what is no longer needed, and only after a confirmation.

use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use serde_json::json;

use crate::outcome::{RestingState, Vendor};
use crate::resilience::{DeadLetter, DeadLetters, StoreError, UnixMillis};
use crate::store::LeadStore;
use crate::units::parse_duration;

use super::error::QueueError;
use super::names::{date, now, vendors};
use super::stores::Change;
use super::stores::StoreArgs;
use crate::cli::{Exit, output};

const PAGE: usize = 500;

/// Arguments of `plimsoll queue purge`.
#[derive(Debug, Args)]
pub(super) struct PurgeArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// What to remove
    #[arg(long)]
    place: Purged,
    /// Only dead letters of this vendor
    #[arg(long)]
    vendor: Option<Vendor>,
    /// Only what was settled or given up longer ago than this: 30m, 12h, 720h
    #[arg(long, value_name = "AGE", value_parser = age)]
    before: Option<Duration>,
    /// Do it. Without this nothing is removed
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What may be removed. What is queued never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purged {
    /// Leads whose every operation was delivered, degraded or rejected
    Settled,
    /// Dead letters; their leads then say `rejected`
    #[value(alias = "dead_lettered", alias = "dead-lettered")]
    Dead,
}

fn age(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(args: &PurgeArgs) -> Result<Exit, QueueError> {
    if args.place == Purged::Settled && args.vendor.is_some() {
        output::error("--vendor goes with --place dead: a lead is settled at all vendors or not at all");
        return Ok(Exit::Usage);
    }
    let age_ms = args.before.map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    // What was settled in this very millisecond is settled.
    let before = (now() + 1).saturating_sub(age_ms);
    let what = match args.place {
        Purged::Settled => "settled leads",
        Purged::Dead => "dead letters",
    };
    if !args.yes {
        let count = would_be_purged(args, before)?;
        output::error(format_args!(
            "{count} {what} from before {} would be removed for good: say --yes to do it; nothing was removed",
            date(before)
        ));
        return Ok(Exit::Usage);
    }
    let removed = args.store.change(&Purge { place: args.place, vendor: args.vendor, before })?;
    if args.json {
        output::result(json!({ "removed": removed }));
    } else {
        output::text(format_args!("{removed} {what} were removed; their room is used again"));
    }
    Ok(Exit::Passed)
}

/// What is removed.
struct Purge {
    place: Purged,
    vendor: Option<Vendor>,
    before: UnixMillis,
}

impl Change for Purge {
    type Done = u64;

    async fn make<S: LeadStore>(&self, store: &S) -> Result<u64, StoreError> {
        match self.place {
            Purged::Settled => store.forget_settled(self.before).await,
            Purged::Dead => remove_letters(store, self.vendor, self.before).await,
        }
    }
}

fn would_be_purged(args: &PurgeArgs, before: UnixMillis) -> Result<u64, QueueError> {
    let mut reader = args.store.read()?;
    match args.place {
        Purged::Settled => reader.settled_before(before),
        Purged::Dead => {
            let mut count = 0;
            reader.each(args.vendor, &[RestingState::DeadLettered], |letter| {
                count += u64::from(letter.dead_at.is_some_and(|at| at < before));
                Ok(())
            })?;
            Ok(count)
        }
    }
}

async fn remove_letters<S: LeadStore>(store: &S, only: Option<Vendor>, before: UnixMillis) -> Result<u64, StoreError> {
    let mut removed = 0;
    for vendor in vendors(only) {
        let backlog = store.backlog(vendor);
        let mut after = 0;
        loop {
            let page: Vec<DeadLetter> = backlog.page(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let old = page.iter().filter(|letter| letter.at < before);
            for result in join_all(old.map(|letter| backlog.remove(letter.id))).await {
                removed += u64::from(result?);
            }
        }
    }
    Ok(removed)
}
