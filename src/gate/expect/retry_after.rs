//! After a 429 with Retry-After, nothing is sent before it is over.
//!
//! A client that comes back early is refused again, and keeps the vendor's bucket empty for every other client. What had been sent
//! before the 429 could be known does not count.

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, at, judgement, no_data};
use crate::units::format_count;

/// Times in which a route has asked not to be called, in order, those that touch as one.
#[derive(Debug, Default)]
pub(super) struct Bars(Vec<(u64, u64)>);

impl Bars {
    /// Notes a refusal that was over at `from` and asked to wait until `until`. Refusals come in the order of `from`.
    pub(super) fn add(&mut self, from: u64, until: u64) {
        match self.0.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => self.0.push((from, until)),
        }
    }

    /// Until when a request that arrived at `arrival` should have waited; `None` where it had not to, or could not know
    /// because it was on its way (`tolerance`).
    pub(super) fn barred(&self, arrival: u64, tolerance: u64) -> Option<u64> {
        let after = self.0.partition_point(|(from, _)| from.saturating_add(tolerance) < arrival);
        let (_, until) = self.0.get(after.checked_sub(1)?)?;
        (arrival < *until).then_some(*until)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_begins_when_the_refusal_can_be_known_and_ends_on_time() {
        let mut bars = Bars::default();
        bars.add(1_000, 3_000);
        let barred = |bars: &Bars, arrival| bars.barred(arrival, 50);
        assert_eq!(
            [0, 1_000, 1_050, 1_051, 2_999, 3_000].map(|arrival| barred(&bars, arrival)),
            [None, None, None, Some(3_000), Some(3_000), None]
        );
        bars.add(2_000, 4_000);
        bars.add(2_100, 3_500);
        assert_eq!(barred(&bars, 3_900), Some(4_000));
        bars.add(10_000, 11_000);
        assert_eq!([3_999, 5_000, 10_060].map(|arrival| barred(&bars, arrival)), [Some(4_000), None, Some(11_000)]);
        assert_eq!(bars.0.len(), 2);
    }
}
