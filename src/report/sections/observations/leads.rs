//! What became of the leads: delivered, waiting, given up, lost.

use crate::event::EventKind;
use crate::units::format_count;

use crate::report::document::Text;
use crate::report::view::View;
use crate::report::words::{clock, plural};

/// What the leads were answered. A refused lead is not lost, but it was not taken either.
pub(super) fn answers(view: &View<'_>) -> Option<Text> {
    let leads = view.run.result.leads;
    let sent = plural(leads.submitted, "lead");
    Some(match (leads.submitted, leads.submitted - leads.accepted.min(leads.submitted)) {
        (0, _) => return None,
        (_, 0) => format!("{sent} sent, and all were accepted.").into(),
        _ => {
            let [accepted, refused, unanswered] = [leads.accepted, leads.refused, leads.unanswered()].map(format_count);
            format!(
                "Of {sent} sent, {accepted} were accepted, {refused} refused, and {unanswered} had no answer that decides it."
            )
            .into()
        }
    })
}

/// Where every operation ended up.
pub(super) fn fate(view: &View<'_>) -> Option<Text> {
    let operations = view.run.result.operations;
    if operations.submitted == 0 {
        return None;
    }
    let parts = [
        (operations.delivered, "delivered"),
        (operations.duplicate, "recognised as duplicates"),
        (operations.degraded, "answered from cache or by a local guess"),
        (operations.queued, "still queued"),
        (operations.dead_lettered, "in the dead letters"),
        (operations.rejected, "rejected with an error to the caller"),
        (operations.unacknowledged, "never acknowledged"),
    ];
    let said = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", format_count(*count)));
    let parts = said.collect::<Vec<_>>().join(", ");
    let all = plural(operations.submitted, "operation");
    Some(match operations.lost {
        0 if operations.delivered == operations.submitted => {
            format!("No accepted lead was lost: all {all} were delivered.").into()
        }
        0 => format!("No accepted lead was lost: of {all}, {parts}.").into(),
        lost => Text::default()
            .strong(format!("{} lost", plural(lost, "operation")))
            .plain(format!(": acknowledged, and then found nowhere. Of {all}, {parts}.")),
    })
}

/// How many waited at the peak, and when the queue was empty again.
pub(super) fn queue(view: &View<'_>) -> Option<Text> {
    let seconds = &view.run.seconds;
    let depth = |index: usize| seconds[index].gauges.queue_depth;
    // The first of equals.
    let peak = (0..seconds.len()).rev().max_by_key(|index| depth(*index)).filter(|index| depth(*index) > 0)?;
    let at = seconds[peak].start_us + seconds[peak].length_us;
    let waited = format!("{} waited in the queue at the peak ({})", plural(depth(peak), "operation"), clock(at));
    let Some(empty) = (peak..seconds.len()).find(|index| depth(*index) == 0) else {
        let last = depth(seconds.len() - 1);
        let after = match view.run.result.operations.queued {
            queued if queued == last => " and when the run was over".to_owned(),
            0 => "; none was when the run was over".to_owned(),
            queued => format!("; {} were when the run was over", format_count(queued)),
        };
        return Some(format!("{waited}; {} were still there when the load ended{after}.", format_count(last)).into());
    };
    let empty_us = seconds[empty].start_us + seconds[empty].length_us;
    let start = (0..peak).rev().find(|index| depth(*index) == 0).map_or(0, |index| seconds[index].gauges.dead_letters);
    let dead = seconds[empty].gauges.dead_letters.saturating_sub(start);
    let fate = match dead {
        0 => "all were delivered".to_owned(),
        dead => format!("{} went to the dead letters and the others were delivered", format_count(dead)),
    };
    let cause = view.bands.iter().rfind(|band| band.ended && band.start_us <= at && band.end_us <= empty_us);
    Some(match cause {
        Some(band) => Text::from(format!("{waited}; {fate} within {} of the end of ", clock(empty_us - band.end_us)))
            .code(band.name.as_str())
            .plain("."),
        None => format!("{waited}; {fate} by {}.", clock(empty_us)).into(),
    })
}

/// When the budget of credits ran out, and what was used: by the vendor's account where that can be read, or else what was reserved.
pub(super) fn credits(view: &View<'_>) -> Vec<Text> {
    let Some(gauges) = view.run.seconds.last().map(|second| &second.gauges) else { return Vec::new() };
    let exhausted = view.run.result.events.iter().find_map(|event| match event.kind {
        EventKind::CreditsExhausted { used, limit } => Some((event.at_us, used, limit)),
        _ => None,
    });
    let exhausted = exhausted.map(|(at, used, limit)| {
        let (at, used, limit) = (clock(at), format_count(used), plural(limit, "credit"));
        format!("Clay's daily credit budget was used up at {at} ({used} of {limit} by its own count).")
    });
    let spent = match (gauges.credits_used, gauges.credits_reserved, view.run.result.credits_per_lead) {
        (Some(0), ..) | (None, 0, _) => None,
        (Some(used), ..) => Some(format!("{} were used.", plural(used, "Clay credit"))),
        (None, reserved, None) => Some(format!("{} were reserved.", plural(reserved, "Clay credit"))),
        (None, reserved, Some(per_lead)) => {
            Some(format!("{} were reserved, at an estimate of {per_lead} a lead.", plural(reserved, "Clay credit")))
        }
    };
    exhausted.into_iter().chain(spent).map(Text::from).collect()
}
