//! Effects that a vendor has a second time for one operation: the welcome e-mail that came twice.

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, judgement, no_data};
use crate::units::format_count;

pub(super) fn judge(most: u64, input: &ExpectationInput<'_>) -> ExpectationJudgement {
    judgement("duplicates", format!("at most {}", format_count(most)), find(most, input))
}

fn find(most: u64, input: &ExpectationInput<'_>) -> Found {
    let facts = input.ledger()?;
    let nameless = facts.sum(|one| one.nameless_effects);
    if nameless > 0 {
        let count = format_count(nameless);
        return no_data(format!(
            "{count} effects carry neither an Idempotency-Key nor a user, so duplicates cannot be recognised"
        ));
    }
    let (effects, distinct) = (facts.sum(|one| one.effects), facts.sum(|one| one.distinct_effects));
    if effects == 0 {
        return no_data("no vendor recorded an effect");
    }
    // The audit reads the same ledger, and more: it knows a second effect under another key.
    let audited = input.audited()?.map_or(0, |audit| audit.duplicates);
    let duplicates = facts.sum(|one| one.duplicates).max(audited);
    let keys: Vec<&str> = facts.vendors.values().flat_map(|one| &one.duplicate_keys).map(String::as_str).collect();
    let keys = if keys.is_empty() { String::new() } else { format!(", of {}…", keys.join("…, ")) };
    Ok(Finding {
        truth: format!("the vendors' ledger: {} effects of {} operations", format_count(effects), format_count(distinct)),
        seen: format!("{} repeated{keys}", format_count(duplicates)),
        passed: duplicates <= most,
    })
}
