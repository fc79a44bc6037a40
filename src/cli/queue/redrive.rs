//! `plimsoll queue redrive`: the cause is mended, and what was given up is tried again.

use std::collections::BTreeMap;

use clap::Args;
use futures_util::future::join_all;
use serde_json::json;

use crate::outcome::{FailureKind, Vendor};
use crate::resilience::{Backlog, DeadLetters, StoreError, UnixMillis};
use crate::store::LeadStore;

use super::error::QueueError;
use super::names::{cause, now, vendors};
use super::stores::Change;
use super::stores::StoreArgs;
use crate::cli::{Exit, output};

/// Letters that are moved in one commit, about.
const PAGE: usize = 500;

/// Arguments of `plimsoll queue redrive`.
#[derive(Debug, Args)]
pub(super) struct RedriveArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Only letters of this vendor
    #[arg(long)]
    vendor: Option<Vendor>,
    /// Only letters whose last failure was this, as `ls` names it
    #[arg(long, value_parser = cause)]
    cause: Option<FailureKind>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &RedriveArgs) -> Result<Exit, QueueError> {
    let moved = args.store.change(args)?;
    if args.json {
        let by_vendor = moved.iter().map(|(vendor, count)| (vendor.as_str().to_owned(), json!(count))).collect();
        output::result(json!({ "redriven": serde_json::Value::Object(by_vendor) }));
    } else {
        for (vendor, count) in &moved {
            output::text(format_args!("{vendor}: {count} dead letters are queued again, due at once"));
        }
    }
    Ok(Exit::Passed)
}

impl Change for RedriveArgs {
    type Done = Vec<(Vendor, u64)>;

    async fn make<S: LeadStore>(&self, store: &S) -> Result<Self::Done, StoreError> {
        let mut moved = Vec::new();
        for vendor in vendors(self.vendor) {
            moved.push((vendor, redrive(store, vendor, self.cause).await?));
        }
        Ok(moved)
    }
}

/// Moves the letters that are there now, oldest first: one that dies again meanwhile has a higher number, and stays.
async fn redrive<S: LeadStore>(store: &S, vendor: Vendor, cause: Option<FailureKind>) -> Result<u64, StoreError> {
    let backlog = store.backlog(vendor);
    let due = at_once(store).await?;
    let (mut after, mut moved) = (0, 0);
    loop {
        let page = backlog.page(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(moved) };
        after = last.id;
        // A user's letters one after the other: each goes to the end of the user's line.
        let mut by_user: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for letter in page.iter().filter(|letter| cause.is_none_or(|cause| letter.cause == cause)) {
            by_user.entry(&letter.entry.operation.user).or_default().push(letter.id);
        }
        for result in join_all(by_user.into_values().map(|letters| redrive_in_order(&backlog, letters, due))).await {
            moved += result?;
        }
    }
}

/// Now, whatever this machine's clock shows: by a clock that is ahead the letters would wait.
async fn at_once<S: LeadStore>(store: &S) -> Result<UnixMillis, StoreError> {
    Ok(match (store.time().await?, store.latest().await?) {
        (Some(time), _) => time,
        (None, latest) => latest.map_or(now(), |latest| latest.min(now())),
    })
}

async fn redrive_in_order<B: Backlog>(backlog: &B, letters: Vec<u64>, due: UnixMillis) -> Result<u64, StoreError> {
    let mut moved = 0;
    for letter in letters {
        moved += u64::from(backlog.redrive(letter, due).await?);
    }
    Ok(moved)
}
