//! The share of operations that were answered from the cache or by a guess: answers of lesser worth, which go nowhere.

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, judgement, no_data};
use crate::gate::Unit;
use crate::gate::without_zeros;
use crate::units::format_count;

pub(super) fn judge(most: f64, input: &ExpectationInput<'_>) -> ExpectationJudgement {
    let limit = without_zeros(&Unit::Fraction.format(most));
    judgement("max_degraded", format!("at most {limit} of operations"), find(most, input))
}

fn find(most: f64, input: &ExpectationInput<'_>) -> Found {
    let operations = input.run.result.operations;
    let audited = input.audited()?;
    if input.run.result.service.is_some() && audited.is_some_and(|audit| !audit.places) {
        return no_data("the service does not report how it answered");
    }
    if operations.submitted == 0 {
        return no_data("no operation was handed to a pipeline");
    }
    let share = operations.degraded as f64 / operations.submitted as f64;
    Ok(Finding {
        truth: format!(
            "{} operations submitted, {} delivered",
            format_count(operations.submitted),
            format_count(operations.delivered)
        ),
        seen: format!("{} degraded: {}", format_count(operations.degraded), Unit::Fraction.format(share)),
        passed: share <= most,
    })
}
