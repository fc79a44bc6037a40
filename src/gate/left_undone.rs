//! What a run left undone, whether or not a threshold asks for it: a load that a limit ended passes all the same.

use crate::event::EventKind;
use crate::result::RunResult;
use crate::units::format_count;

/// In a few words, for the line of the verdict; `None` where nothing was left.
pub fn left_undone(result: &RunResult) -> Option<String> {
    let (operations, leads) = (result.operations, result.leads);
    let of = |count: u64, all: u64, what: &str| {
        (count > 0).then(|| format!("{} of {} {what}", format_count(count), format_count(all)))
    };
    let undone = of(operations.left_undone(), operations.submitted, "operations left undone");
    let refused = of(leads.refused, leads.submitted, "leads refused");
    undone.into_iter().chain(refused).reduce(|undone, refused| format!("{undone}, {refused}"))
}

/// What that was, and why where the run knows, in a sentence.
pub(super) fn reason(result: &RunResult) -> Option<String> {
    let operations = result.operations;
    let parts = [
        (operations.queued, "queued"),
        (operations.dead_lettered, "in the dead letters"),
        (operations.rejected, "rejected"),
        (operations.lost, "lost"),
    ];
    let parts =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, where_to)| format!("{} {where_to}", format_count(*count)));
    let parts: Vec<String> = parts.collect();
    let used_up = result.events.iter().find_map(|event| match event.kind {
        EventKind::CreditsExhausted { used, limit } => Some(format!(
            ". The budget of credits was used up, {} of {}: `daily_limit` of `credits` raises it",
            format_count(used),
            format_count(limit)
        )),
        _ => None,
    });
    (!parts.is_empty()).then(|| format!("Left undone: {}{}.", parts.join(", "), used_up.unwrap_or_default()))
}
