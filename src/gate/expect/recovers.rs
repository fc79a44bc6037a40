//! The breaker tries the vendor again, and closes, soon after a fault's end: an outage must not outlast itself.

use std::time::Duration;

use super::judgement::{ExpectationJudgement, Finding, Found, at, executed, judgement, no_data};
use super::vendor_breaker::VendorBreaker;
use crate::event::BreakerState;
use crate::gate::BreakerSpan;
use crate::scenario::BreakerExpectations;
use crate::units::format_duration;
use crate::units::micros;

pub(super) fn judge(expected: &BreakerExpectations, breaker: &VendorBreaker<'_>) -> Vec<ExpectationJudgement> {
    let half_open = expected.half_open_within.map(|within| ("half_open_within", BreakerState::HalfOpen, within));
    let closed = expected.closes_within.map(|within| ("closes_within", BreakerState::Closed, within));
    let mut judged = Vec::new();
    for (name, state, within) in half_open.into_iter().chain(closed) {
        for fault in &expected.faults {
            let text = format!("{} within {} of the end of `{fault}`", state.as_str(), format_duration(within));
            judged.push(judgement(breaker.named(name), text, find(fault, state, within, expected, breaker)));
        }
    }
    judged
}

fn find(
    fault: &str,
    state: BreakerState,
    within: Duration,
    expected: &BreakerExpectations,
    breaker: &VendorBreaker<'_>,
) -> Found {
    breaker.is_there()?;
    let fault = breaker.executed(fault)?;
    let Some(end_us) = fault.end_us else { return no_data(executed(fault.record)) };
    let truth = executed(fault.record);
    let late = opened_late(end_us, within, expected, breaker);
    if late.is_none() && breaker.open_between(fault.start_us, end_us).is_none() {
        // Without any opening there was no recovery to be seen; with one for another fault, this one just did no harm.
        let any = expected.faults.iter().filter_map(|name| breaker.executed(name).ok());
        let opened =
            any.into_iter().any(|other| breaker.open_between(other.start_us, other.end_us.unwrap_or(u64::MAX)).is_some());
        let seen = if opened { "it had not opened" } else { "no data: it never opened, so it had nothing to recover from" };
        return Ok(Finding { truth, seen: seen.to_owned(), passed: opened });
    }
    let reached = |span_state| span_state == state || span_state == BreakerState::Closed;
    let from_us = late.map_or(end_us, |open| open.end_us);
    let found = breaker.spans.iter().find(|span| span.end_us > from_us && reached(span.state));
    let Some(span) = found else {
        let last = breaker.spans.last().map_or("unknown", |span| span.state.as_str());
        return Ok(Finding { truth, seen: format!("never again: {last} at the end"), passed: false });
    };
    let after_us = span.start_us.saturating_sub(end_us);
    let seen = match span.start_us <= end_us {
        true => format!("{} already at its end, since {}", span.state.as_str(), at(span.start_us)),
        false => format!("{} at {}, {} after", span.state.as_str(), at(span.start_us), at(after_us)),
    };
    Ok(Finding { truth, seen, passed: u128::from(after_us) <= within.as_micros() })
}

/// The breaker may be CLOSED at a fault's end and open just after it: the last calls of the fault run into their timeouts. From
/// that, too, it has to recover in time. What opens it when the next fault has begun is that one's.
fn opened_late<'a>(
    end_us: u64,
    within: Duration,
    expected: &BreakerExpectations,
    breaker: &'a VendorBreaker<'_>,
) -> Option<&'a BreakerSpan> {
    let closed = breaker.spans.iter().find(|span| span.end_us > end_us)?;
    if closed.state != BreakerState::Closed || closed.start_us > end_us {
        return None;
    }
    let starts = expected.reasons.iter().filter_map(|name| breaker.executed(name).ok()).map(|fault| fault.start_us);
    let next = starts.filter(|start| *start >= end_us).min().unwrap_or(u64::MAX);
    let horizon = next.min(end_us.saturating_add(micros(within)));
    breaker.spans.iter().find(|span| span.is_open() && span.start_us >= closed.end_us).filter(|span| span.start_us < horizon)
}
