//! The share of operations that were answered from the cache or by a guess: answers of lesser worth, which go nowhere.

use super::{ExpectationInput, ExpectationJudgement, Finding};
use crate::gate::Unit;
use crate::gate::without_zeros;
use crate::units::format_count;

pub(super) fn judge(most: f64, grounds: &ExpectationInput<'_>) -> ExpectationJudgement {
    let limit = without_zeros(&Unit::Fraction.format(most));
    find(most, grounds).judgement("max_degraded", format!("at most {limit} of operations"))
}

fn find(most: f64, grounds: &ExpectationInput<'_>) -> Finding {
    let leads = grounds.run.result.leads;
    match grounds.audited() {
        Ok(Some(audit)) if !audit.places && grounds.run.result.service.is_some() => {
            return Finding::no_data("the service does not tell how it answered");
        }
        Ok(_) => {}
        Err(finding) => return finding,
    }
    if leads.submitted == 0 {
        return Finding::no_data("no operation was handed to a pipeline");
    }
    let share = leads.degraded as f64 / leads.submitted as f64;
    Finding {
        truth: format!("{} operations submitted, {} delivered", format_count(leads.submitted), format_count(leads.delivered)),
        seen: format!("{} degraded: {}", format_count(leads.degraded), Unit::Fraction.format(share)),
        passed: share <= most,
    }
}
