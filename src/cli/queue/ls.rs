//! `plimsoll queue ls`: how much is where.

use std::fmt::Write as _;

use clap::Args;

use crate::resilience::UnixMillis;
use crate::service;
use crate::store::listing::{HeldIn, StoreSummary, VendorSummary};

use super::error::QueueError;
use super::names::{from_now, now};
use super::stores::StoreArgs;
use crate::cli::{Exit, output};
use crate::outcome::RestingState;

/// Arguments of `plimsoll queue ls`.
#[derive(Debug, Args)]
pub(super) struct LsArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON; times are milliseconds since 1970
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &LsArgs) -> Result<Exit, QueueError> {
    let summary = args.store.read()?.summary()?;
    output::json_or_text(args.json, &summary, || text(&summary, now()).trim_end().to_owned());
    Ok(Exit::Passed)
}

/// One column for each vendor, so that the table fits a narrow terminal.
fn text(summary: &StoreSummary, now: UnixMillis) -> String {
    let mut text = format!("{} leads, {} of them with operations still open\n", summary.leads, summary.open_leads);
    if summary.vendors.is_empty() {
        unreadable(&mut text, summary);
        return text;
    }
    let mut row = |name: &str, cell: &dyn Fn(&VendorSummary) -> String| {
        let _ = write!(text, "{name:<14}");
        summary.vendors.iter().for_each(|vendor| _ = write!(text, " {:>14}", cell(vendor)));
        text.push('\n');
    };
    row("\noperations", &|vendor| vendor.vendor.to_string());
    for place in RestingState::ALL {
        row(place.as_str(), &|vendor| vendor.places.get(&place).copied().unwrap_or(0).to_string());
    }
    let when = |at: Option<UnixMillis>| at.map_or_else(|| "-".to_owned(), |at| from_now(at, now));
    row("oldest queued", &|vendor| when(vendor.oldest_queued));
    row("next due", &|vendor| next_due(vendor, now));
    holding(&mut text, summary);
    unreadable(&mut text, summary);
    if summary.vendors.iter().any(|vendor| !vendor.dead_letters.is_empty()) {
        let _ = writeln!(text, "\ndead letters by cause");
        for vendor in &summary.vendors {
            for (cause, count) in &vendor.dead_letters {
                let _ = writeln!(text, "{:<14} {count:>14}  {cause}", vendor.vendor.as_str());
            }
        }
    }
    text
}

/// Most records that are named here; the export has all.
const NAMED: usize = 20;

/// Records that were set aside.
fn unreadable(text: &mut String, summary: &StoreSummary) {
    let all = &summary.quarantined;
    if all.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nquarantined    {:>14}  (`plimsoll queue export --quarantined` writes them as they are)", all.len());
    all.iter().take(NAMED).for_each(|record| _ = writeln!(text, "  {record}"));
    if all.len() > NAMED {
        let _ = writeln!(text, "  and {} more", all.len() - NAMED);
    }
}

/// When an operation is tried next: not while something holds it.
fn next_due(vendor: &VendorSummary, now: UnixMillis) -> String {
    let Some(due) = vendor.next_due else { return "-".to_owned() };
    let held = vendor.held.iter().map(|held| held.held.until.unwrap_or(UnixMillis::MAX)).max();
    match held.unwrap_or(0).max(due) {
        UnixMillis::MAX => "held".to_owned(),
        due if due <= now => "now".to_owned(),
        due => from_now(due, now),
    }
}

/// What holds operations that are due, and how to end it.
fn holding(text: &mut String, summary: &StoreSummary) {
    for vendor in summary.vendors.iter().filter(|vendor| vendor.next_due.is_some()) {
        for HeldIn { replica, held } in &vendor.held {
            let replica = if replica.is_empty() { String::new() } else { format!(", in replica {replica}") };
            let _ = writeln!(text, "\n{} is sent nothing{replica}", vendor.vendor.display_name());
            let _ = writeln!(text, "  {held}\n  {}", service::to_end(vendor.vendor, held.by));
        }
    }
}
