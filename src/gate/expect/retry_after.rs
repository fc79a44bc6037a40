//! After a 429 with Retry-After, nothing is sent before it is over.
//!
//! A client that comes back early is refused again, and keeps the vendor's bucket empty for every other client. What had been sent
//! before the 429 could be known does not count.

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, at, judgement, no_data};
use crate::units::format_count;

pub(super) fn judge(input: &ExpectationInput<'_>) -> ExpectationJudgement {
    judgement("respects_retry_after", "no request before a 429's Retry-After is over", find(input))
}

fn find(input: &ExpectationInput<'_>) -> Found {
    let facts = input.ledger()?;
    let refusals = facts.sum(|one| one.refusals);
    if refusals == 0 {
        return no_data("no vendor answered 429 with Retry-After");
    }
    let early = facts.sum(|one| one.early);
    let truth =
        format!("{} of {} requests were answered 429 with Retry-After", format_count(refusals), format_count(facts.entries));
    let first = facts.vendors.iter().filter_map(|(vendor, one)| Some((one.first_early?, *vendor))).min();
    let seen = match first {
        None => "none came before it was over".to_owned(),
        Some(((arrival, until), vendor)) => format!(
            "{} came too early, the first to {} at {}: it had been asked to wait until {}",
            format_count(early),
            vendor.display_name(),
            at(arrival),
            at(until)
        ),
    };
    Ok(Finding { truth, seen, passed: early == 0 })
}
