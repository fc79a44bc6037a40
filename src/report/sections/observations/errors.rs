//! What failed, how much of it under faults, and what the generator itself cut off.

use crate::event::EventKind;
use crate::measure::SampleKind;
use crate::outcome::FailureKind;
use crate::result::FaultedRequests;
use crate::units::format_count;

use crate::report::document::Text;
use crate::report::series::{failures, paused_us};
use crate::report::view::View;
use crate::report::words::{clock, plural, share};

/// The share of failed requests under faults and outside them.
pub(super) fn shares(view: &View<'_>) -> Option<Text> {
    if view.failed == 0 {
        return Some(format!("None of {} failed.", plural(view.total, "request")).into());
    }
    let count = |under: bool, failed: bool| {
        view.run.totals.count(SampleKind::Attempt, |l| l.under_fault == under && (!failed || l.failure.is_some()))
    };
    let (under, outside) = (count(true, false), count(false, false));
    let all =
        format!("{} of {} failed ({})", format_count(view.failed), plural(view.total, "request"), share(view.failed, view.total));
    if under == 0 {
        return Some(format!("{all}, with no fault active.").into());
    }
    let (failed_under, failed_outside) = (count(true, true), count(false, true));
    let (under, outside) = (share(failed_under, under), share(failed_outside, outside));
    Some(format!("{all}: {under} of those under a fault, {outside} of the others.").into())
}

/// What the vendors' ledger says that each fault did.
pub(super) fn faulted(view: &View<'_>) -> Vec<Text> {
    let sentence = |faulted: &FaultedRequests| {
        let FaultedRequests { fault, vendor, requests, failed } = faulted;
        let failed = match failed {
            0 => "none failed".to_owned(),
            failed => format!("{} failed", format_count(*failed)),
        };
        let (who, requests) = (vendor.display_name(), plural(*requests, "request"));
        Text::from("By the vendors' ledger, ").code(fault.as_str()).plain(format!(" hit {requests} to {who}, of which {failed}."))
    };
    view.run.result.faulted_requests.iter().map(sentence).collect()
}

/// 429 answers and the pauses that vendors asked for.
pub(super) fn rate_limits(view: &View<'_>) -> Vec<Text> {
    let mut sentences = Vec::new();
    for vendor in view.vendors() {
        let rows = failures(view.run).into_iter().filter(|row| row.vendor == vendor && row.kind == FailureKind::RateLimited);
        let (count, under) = rows.fold((0, 0), |(count, under), row| (count + row.count, under + row.under_fault));
        if count == 0 {
            continue;
        }
        let pauses = view.run.result.events.iter().filter_map(|event| match event.kind {
            EventKind::Paused { for_ms } if event.vendor.is_some_and(|asked| vendor == asked) => Some((event.at_us, for_ms)),
            _ => None,
        });
        let pauses: Vec<_> = pauses.collect();
        let pauses = match pauses.len() {
            0 => String::new(),
            times => format!(", and asked for {}, {} in all", plural(times as u64, "pause"), clock(paused_us(pauses))),
        };
        let (who, what) = (vendor.display_name(), plural(count, "request"));
        sentences.push(format!("{who} answered 429 to {what}, {} of them under a fault{pauses}.", format_count(under)).into());
    }
    sentences
}

/// Checks that did not always hold.
pub(super) fn checks(view: &View<'_>) -> Vec<Text> {
    let failing = view.run.totals.checks.iter().filter(|(_, count)| count.fails > 0);
    failing
        .map(|(name, count)| {
            let all = count.passes + count.fails;
            let fails = format_count(count.fails);
            format!("The check \"{name}\" failed {fails} of {} times ({}).", format_count(all), share(count.fails, all)).into()
        })
        .collect()
}

/// What did not run to its end.
pub(super) fn cut_off(view: &View<'_>) -> Vec<Text> {
    let totals = &view.run.totals;
    let rows = [
        (totals.interrupted_requests, "request", "was cut off by the end of the run", "were cut off by the end of the run"),
        (totals.dropped_iterations, "iteration", "that was due could not start", "that were due could not start"),
        (totals.interrupted_iterations, "iteration", "was cut off by the end of the run", "were cut off by the end of the run"),
        (totals.panics, "iteration", "panicked; its user went on", "panicked; their users went on"),
    ];
    let said = rows.into_iter().filter(|(count, ..)| *count > 0);
    said.map(|(count, what, one, many)| format!("{} {}.", plural(count, what), if count == 1 { one } else { many }).into())
        .collect()
}
