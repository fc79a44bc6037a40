//! `plimsoll queue show`: one lead or one operation, with when and why every attempt failed.

use std::fmt::Write as _;

use clap::Args;

use crate::outcome::{FailureKind, RestingState};
use crate::resilience::{Attempt, Settled, UnixMillis};
use crate::service;
use crate::store::LeadRecord;
use crate::store::listing::{Shown, StoredOperation};

use super::error::QueueError;
use super::names::{date, from_now, now};
use super::stores::StoreArgs;
use crate::cli::{Exit, output};

/// Arguments of `plimsoll queue show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The key of a lead, or the Idempotency-Key that it was submitted with; or the key of an operation, or its number (as
    /// `export` writes it)
    name: String,
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON; times are milliseconds since 1970
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ShowArgs) -> Result<Exit, QueueError> {
    let mut file = args.store.read()?;
    let name = &args.name;
    let shown = match file.find(name)? {
        None => file.find(&service::key_of(name))?,
        found => found,
    };
    let Some(shown) = shown else {
        return Err(QueueError::NotFound(format!(
            "no lead and no operation is known by {name:?} in {}: give a whole key (64 hex digits, or `content-` and as many), the \
             Idempotency-Key of a lead, or an operation's number",
            args.store
        )));
    };
    let text = || match &shown {
        Shown::Lead(lead) => lead_text(lead, now()),
        Shown::Operation(entry) => operation_text(entry, now()),
    };
    output::json_or_text(args.json, &shown, || text().trim_end().to_owned());
    Ok(Exit::Passed)
}

fn when(at: UnixMillis, now: UnixMillis) -> String {
    format!("{} ({})", date(at), from_now(at, now))
}

fn lead_text(lead: &LeadRecord, now: UnixMillis) -> String {
    let mut text = format!("lead      {}\n", lead.key);
    let _ = writeln!(text, "user      {}", lead.user.escape_debug());
    let _ = writeln!(text, "accepted  {}", when(lead.accepted_at, now));
    let _ = writeln!(text, "data      {}", lead.data);
    for operation in &lead.operations {
        let vendor = operation.kind.vendor().display_name();
        let _ = writeln!(text, "\n{} at {vendor}: {}", operation.kind.as_str(), operation.place.as_str());
        let _ = writeln!(text, "  key       {}", operation.key);
        history(&mut text, operation.due, &operation.attempts, operation.redrives, operation.settled.as_ref(), now);
    }
    if !lead.enrichments.is_empty() {
        let _ = writeln!(text, "\nfound out");
    }
    for found in &lead.enrichments {
        let _ = writeln!(text, "  {}  {}", when(found.at, now), found.data);
    }
    text
}

fn operation_text(entry: &StoredOperation, now: UnixMillis) -> String {
    let (kind, vendor) = (entry.operation.as_str(), entry.vendor.display_name());
    let mut text = format!("{kind} at {vendor}: {}\n", entry.place.as_str());
    let _ = writeln!(text, "  number    {}", entry.id);
    let _ = writeln!(text, "  key       {}", entry.key);
    if let Some(lead) = &entry.lead {
        let _ = writeln!(text, "  lead      {lead}");
    }
    let _ = writeln!(text, "  user      {}", entry.user.escape_debug());
    let _ = writeln!(text, "  data      {}", entry.data);
    let _ = writeln!(text, "  came      {}", when(entry.came_at, now));
    if let (RestingState::DeadLettered, Some(cause), Some(at)) = (entry.place, entry.cause, entry.dead_at) {
        let _ = writeln!(text, "  given up  {}  {cause}", when(at, now));
    }
    history(&mut text, entry.due_at, &entry.attempts, entry.redrives, entry.settled.as_ref(), now);
    text
}

fn history(
    text: &mut String,
    due: Option<UnixMillis>,
    attempts: &[Attempt],
    redrives: u32,
    settled: Option<&Settled>,
    now: UnixMillis,
) {
    for attempt in attempts {
        let _ = writeln!(text, "  failed    {}  {}", when(attempt.at, now), why(attempt.cause, attempt.status));
    }
    if redrives > 0 {
        let _ = writeln!(text, "  redriven  {redrives} times");
    }
    if let Some(due) = due {
        let _ = writeln!(text, "  due       {}", when(due, now));
    }
    if let Some(settled) = settled {
        let why = settled.cause.map_or_else(
            || settled.status.map_or_else(String::new, |status| format!("  {status}")),
            |cause| format!("  {}", why(cause, settled.status)),
        );
        let _ = writeln!(text, "  left      {}{why}", when(settled.at, now));
    }
}

fn why(cause: FailureKind, status: Option<u16>) -> String {
    status.map_or_else(|| cause.to_string(), |status| format!("{cause} {status}"))
}
