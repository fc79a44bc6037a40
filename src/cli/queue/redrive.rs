//! `plimsoll queue redrive`: the cause is mended, and what was given up is tried again.

use clap::Args;
use futures_util::future::join_all;
use serde_json::json;

use crate::outcome::{FailureKind, Vendor};
use crate::resilience::{Backlog, DeadLetters, StoreError};
use crate::store::LeadStore;
use crate::store::sqlite::SqliteStore;

use super::names::{VendorName, cause, now};
use super::{Exit, QueueError, StoreArgs, output, with_store};

/// Letters that are moved in one commit, about.
const PAGE: usize = 500;

/// Arguments of `plimsoll queue redrive`.
#[derive(Debug, Args)]
pub(super) struct RedriveArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Only letters of this vendor
    #[arg(long)]
    vendor: Option<VendorName>,
    /// Only letters whose last failure was this, as `ls` names it
    #[arg(long, value_parser = cause)]
    cause: Option<FailureKind>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &RedriveArgs) -> Result<Exit, QueueError> {
    let store = args.store.change()?;
    let vendors = args.vendor.map_or_else(|| vec![Vendor::Clay, Vendor::CustomerIo], |vendor| vec![vendor.into()]);
    let cause = args.cause;
    let moved = with_store(store, async move |store| {
        let mut moved = Vec::new();
        for vendor in vendors {
            moved.push((vendor, redrive(store, vendor, cause).await?));
        }
        Ok(moved)
    })?;
    if args.json {
        let by_vendor = moved.iter().map(|(vendor, count)| (vendor.as_str().to_owned(), json!(count))).collect();
        output::result(json!({ "redriven": serde_json::Value::Object(by_vendor) }));
    } else {
        for (vendor, count) in &moved {
            output::result(format_args!("{vendor}: {count} dead letters are queued again, due at once"));
        }
    }
    Ok(Exit::Passed)
}

/// Moves the letters that are there now, oldest first: one that dies again meanwhile has a higher number, and stays.
async fn redrive(store: &SqliteStore, vendor: Vendor, cause: Option<FailureKind>) -> Result<u64, StoreError> {
    let backlog = store.backlog(vendor);
    let (mut after, mut moved) = (0, 0);
    loop {
        let page = backlog.letters().page(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(moved) };
        after = last.id;
        let chosen = page.iter().filter(|letter| cause.is_none_or(|cause| letter.cause == cause));
        for result in join_all(chosen.map(|letter| backlog.redrive(letter.id, now()))).await {
            moved += u64::from(result?);
        }
    }
}
