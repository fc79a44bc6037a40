//! Attempts for each operation: retries that multiply the load of a vendor in trouble keep it there (a retry storm).

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, judgement, no_data};
use crate::outcome::Vendor;
use crate::units::format_count;

pub(super) fn judge(most: f64, input: &ExpectationInput<'_>) -> ExpectationJudgement {
    let expected = format!("at most {most} attempts for each operation, at each vendor");
    judgement("max_retry_amplification", expected, find(most, input))
}

fn find(most: f64, input: &ExpectationInput<'_>) -> Found {
    let facts = input.ledger()?;
    let (attempts, operations) = (facts.sum(|one| one.attempts), facts.sum(|one| one.operations));
    if operations == 0 {
        return no_data("no request carried an Idempotency-Key, so the attempts of one operation cannot be matched");
    }
    // By vendor: the calm of one must not hide the storm at the other.
    let ratios: Vec<(Vendor, f64)> = facts
        .vendors
        .iter()
        .filter(|(_, one)| one.operations > 0)
        .map(|(vendor, one)| (*vendor, one.attempts as f64 / one.operations as f64))
        .collect();
    let each: Vec<String> = ratios.iter().map(|(vendor, ratio)| format!("{} {ratio:.2}", vendor.display_name())).collect();
    Ok(Finding {
        truth: format!("the vendors' ledger: {} requests for {} operations", format_count(attempts), format_count(operations)),
        seen: each.join(", "),
        passed: ratios.iter().all(|(_, ratio)| *ratio <= most),
    })
}
