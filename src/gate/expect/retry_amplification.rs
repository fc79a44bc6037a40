//! Attempts for each operation: retries that multiply the load of a vendor in trouble keep it there (a retry storm).

use super::{ExpectationJudgement, Finding, Grounds};
use crate::units::format_count;

pub(super) fn judge(most: f64, grounds: &Grounds<'_>) -> ExpectationJudgement {
    find(most, grounds).judgement("max_retry_amplification", format!("at most {most} attempts for each operation"))
}

fn find(most: f64, grounds: &Grounds<'_>) -> Finding {
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
    let ratio = attempts as f64 / operations as f64;
    let each = facts.vendors.iter().filter(|(_, one)| one.operations > 0);
    let each: Vec<String> = each
        .map(|(vendor, one)| format!("{} {:.2}", vendor.display_name(), one.attempts as f64 / one.operations as f64))
        .collect();
    Finding {
        truth: format!("the vendors' ledger: {} requests for {} operations", format_count(attempts), format_count(operations)),
        seen: format!("{ratio:.2} ({})", each.join(", ")),
        passed: ratio <= most,
    }
}
