//! Calls that reach the vendor while the breaker is OPEN: a breaker that lets calls through does not protect the vendor.

use super::judgement::{ExpectationJudgement, Finding, Found, judgement, no_data};
use super::vendor_breaker::VendorBreaker;
use crate::units::micros;
use crate::units::{format_count, three_figures};

pub(super) fn judge(most: f64, breaker: &VendorBreaker<'_>) -> ExpectationJudgement {
    judgement(breaker.named("max_calls_while_open"), format!("at most {most} a second while OPEN"), find(most, breaker))
}

fn find(most: f64, breaker: &VendorBreaker<'_>) -> Found {
    breaker.is_there()?;
    let facts = breaker.input.ledger()?;
    // What was sent before the breaker opened may arrive after; a probe is sent as soon as it is not OPEN any more.
    let (tolerance, skew) = (facts.clock.tolerance_us(), micros(facts.clock.skew));
    let inside = |start: u64, end: u64| (start.saturating_add(tolerance), end.saturating_sub(skew));
    let spans = breaker.spans.iter().filter(|span| span.is_open()).map(|span| inside(span.start_us, span.end_us));
    let spans: Vec<(u64, u64)> = spans.filter(|(start, end)| start < end).collect();
    if spans.is_empty() {
        return no_data("it was never OPEN");
    }
    let seconds = spans.iter().map(|(start, end)| end - start).sum::<u64>() as f64 / 1e6;
    let one = facts.vendors.get(&breaker.vendor);
    let calls = one.map_or(0, |one| spans.iter().map(|(start, end)| one.arrived(*start, *end)).sum::<u64>());
    let all = one.map_or(0, |one| one.arrivals.len() as u64);
    let rate = calls as f64 / seconds;
    Ok(Finding {
        truth: format!("the vendor's ledger: {} of {} calls arrived while OPEN", format_count(calls), format_count(all)),
        seen: format!(
            "{} a second, over {} s OPEN",
            if calls == 0 { "0".to_owned() } else { three_figures(rate) },
            three_figures(seconds)
        ),
        passed: rate <= most,
    })
}
