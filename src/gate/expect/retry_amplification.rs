//! Attempts for each operation: retries that multiply the load of a vendor in trouble keep it there (a retry storm).

use super::{ExpectationInput, ExpectationJudgement, Finding};
use crate::outcome::Vendor;
use crate::units::format_count;

pub(super) fn judge(most: f64, grounds: &ExpectationInput<'_>) -> ExpectationJudgement {
    find(most, grounds)
        .judgement("max_retry_amplification", format!("at most {most} attempts for each operation, at each vendor"))
}

fn find(most: f64, grounds: &ExpectationInput<'_>) -> Finding {
    let facts = match grounds.vendors {
        Ok(facts) => facts,
        Err(why) => return Finding::no_data(why),
    };
    if let Some(gap) = facts.gap() {
        return Finding::no_data(gap);
    }
    let (attempts, operations) = (facts.sum(|one| one.attempts), facts.sum(|one| one.operations));
    if operations == 0 {
        return Finding::no_data("no request carried an Idempotency-Key, so attempts of one operation cannot be told");
    }
    // By vendor: the calm of one must not hide the storm at the other.
    let ratios: Vec<(Vendor, f64)> = facts
        .vendors
        .iter()
        .filter(|(_, one)| one.operations > 0)
        .map(|(vendor, one)| (*vendor, one.attempts as f64 / one.operations as f64))
        .collect();
    let each: Vec<String> = ratios.iter().map(|(vendor, ratio)| format!("{} {ratio:.2}", vendor.display_name())).collect();
    Finding {
        truth: format!("the vendors' ledger: {} requests for {} operations", format_count(attempts), format_count(operations)),
        seen: each.join(", "),
        passed: ratios.iter().all(|(_, ratio)| *ratio <= most),
    }
}
