//! `plimsoll queue ls`: how much is where.

use std::fmt::Write as _;

use clap::Args;

use crate::resilience::UnixMillis;
use crate::store::listing::{StoreSummary, VendorSummary};

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

fn text(summary: &StoreSummary, now: UnixMillis) -> String {
    let mut text = format!("{} leads, {} of them with operations still open\n", summary.leads, summary.open_leads);
    if summary.vendors.is_empty() {
        return text;
    }
    let _ = write!(text, "\n{:<12}", "operations");
    for place in RestingState::ALL {
        let _ = write!(text, " {:>13}", place.as_str());
    }
    let _ = writeln!(text, "  {:>14}  {:>14}", "oldest queued", "next due");
    for vendor in &summary.vendors {
        row(&mut text, vendor, now);
    }
    if summary.vendors.iter().any(|vendor| !vendor.dead_letters.is_empty()) {
        let _ = writeln!(text, "\ndead letters by cause");
        for vendor in &summary.vendors {
            for (cause, count) in &vendor.dead_letters {
                let _ = writeln!(text, "{:<12} {count:>13}  {cause}", vendor.vendor.as_str());
            }
        }
    }
    text
}

fn row(text: &mut String, vendor: &VendorSummary, now: UnixMillis) {
    let _ = write!(text, "{:<12}", vendor.vendor.as_str());
    for place in RestingState::ALL {
        let _ = write!(text, " {:>13}", vendor.places.get(&place).copied().unwrap_or(0));
    }
    let when = |at: Option<UnixMillis>| at.map_or_else(|| "-".to_owned(), |at| from_now(at, now));
    let due = match vendor.next_due {
        Some(due) if due <= now => "now".to_owned(),
        due => when(due),
    };
    let _ = writeln!(text, "  {:>14}  {due:>14}", when(vendor.oldest_queued));
}
