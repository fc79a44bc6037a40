//! Whether breakers opened when a vendor failed, how soon, and when they closed again.

use crate::event::{BreakerState, EventKind, Guard};
use crate::gate::{breaker_spans, open_seconds};
use crate::measure::{Labels, SampleKind};
use crate::outcome::Vendor;

use crate::report::document::Text;
use crate::report::view::{Band, View};
use crate::report::words::clock;

/// For each fault and each breaker of its vendors, what the breaker did; then openings that no fault explains.
pub(super) fn around_faults(view: &View<'_>) -> Vec<Text> {
    let mut sentences = Vec::new();
    for band in &view.bands {
        for vendor in view.breakers() {
            if band.hits(vendor) {
                sentences.extend(around(view, band, vendor));
            }
        }
    }
    for vendor in view.breakers() {
        sentences.extend(unexplained(view, vendor));
    }
    sentences
}

fn around(view: &View<'_>, band: &Band, vendor: Vendor) -> Option<Text> {
    let spans = breaker_spans(&view.run.result.events, vendor, Guard::CircuitBreaker, view.end_us);
    let (who, fault) = (vendor.display_name(), band.name.as_str());
    // What changes at the instant of the fault's start is its effect.
    let at_start = spans.iter().find(|span| span.end_us >= band.start_us && band.start_us < view.end_us)?;
    if at_start.state != BreakerState::Closed {
        let state = at_start.state.as_str();
        return Some(Text::from(format!("{who}'s breaker was already {state} when ")).code(fault).plain(" began."));
    }
    let last_us = band.end_us.saturating_add(late_us(view, vendor));
    let opened = spans.iter().position(|span| span.is_open() && span.start_us >= band.start_us && span.start_us <= last_us);
    let Some(opened) = opened else {
        return Some(Text::from(format!("{who}'s breaker stayed closed through ")).code(fault).plain("."));
    };
    let after = clock(spans[opened].start_us - band.start_us);
    let closed = spans[opened..].iter().find(|span| span.state == BreakerState::Closed);
    let closing = match closed {
        None => "was still not closed when the load ended".to_owned(),
        Some(_) if !band.ended => "closed again before the load ended".to_owned(),
        Some(span) if span.start_us >= band.end_us => format!("closed {} after it ended", clock(span.start_us - band.end_us)),
        Some(span) => format!("closed {} before it ended", clock(band.end_us - span.start_us)),
    };
    let open = clock((open_seconds(&view.run.result.events, vendor, view.end_us) * 1e6) as u64);
    let text = Text::from(format!("{who}'s breaker opened {after} after ")).code(fault);
    Some(text.plain(format!(" began and {closing} ({open} open in the whole run).")))
}

/// How long after a fault's end the last request under it may fail.
fn late_us(view: &View<'_>, vendor: Vendor) -> u64 {
    let failed_under = |labels: &Labels| labels.vendor == vendor && labels.under_fault && labels.failure.is_some();
    let longest = |kind| view.run.totals.merged(kind, failed_under).max();
    [SampleKind::Connecting, SampleKind::TlsHandshaking, SampleKind::Duration].map(longest).iter().sum()
}

/// The first opening of a breaker that no fault of its vendor can have caused, with its cause.
fn unexplained(view: &View<'_>, vendor: Vendor) -> Option<Text> {
    let late_us = late_us(view, vendor);
    let bands = view.bands.iter().filter(|band| band.hits(vendor));
    let explained = |at: u64| bands.clone().any(|band| band.start_us <= at && at <= band.end_us.saturating_add(late_us));
    let mut openings = view.run.result.events.iter().filter_map(|event| match &event.kind {
        EventKind::Transition { guard: Guard::CircuitBreaker, from: BreakerState::Closed, to, cause, .. }
            if event.vendor == Some(vendor)
                && matches!(to, BreakerState::Open | BreakerState::ForcedOpen)
                && !explained(event.at_us) =>
        {
            Some((event.at_us, cause))
        }
        _ => None,
    });
    let (at, cause) = openings.next()?;
    let more = match openings.count() {
        0 => String::new(),
        count => format!(", and {count} more times like it"),
    };
    let who = vendor.display_name();
    Some(format!("{who}'s breaker opened at {} with no fault active: {cause}{more}.", clock(at)).into())
}
