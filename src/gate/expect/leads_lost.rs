//! Leads that were acknowledged and then found nowhere.
//!
//! Where the driver kept a journal, its audit decides; a pipeline that counts its own leads does not count what it forgot.

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, judgement, no_data};
use crate::units::format_count;

pub(super) fn judge(most: u64, input: &ExpectationInput<'_>) -> ExpectationJudgement {
    judgement("leads_lost", format!("at most {}", format_count(most)), find(most, input))
}

fn find(most: u64, input: &ExpectationInput<'_>) -> Found {
    let operations = input.run.result.operations;
    if let Some(audit) = input.audited()? {
        let uncertain = match audit.uncertain {
            0 => String::new(),
            count => format!("; {} without an answer", format_count(count)),
        };
        return Ok(Finding {
            truth: format!("the driver's journal: {} acknowledged{uncertain}", format_count(audit.acknowledged)),
            seen: format!("{} not found anywhere", format_count(audit.lost)),
            passed: audit.lost <= most && audit.acknowledged > 0,
        });
    }
    if operations.submitted == 0 {
        return no_data("no operation was handed to a pipeline");
    }
    Ok(Finding {
        truth: format!("the pipelines' own count: {} operations submitted", format_count(operations.submitted)),
        seen: format!("{} not found anywhere", format_count(operations.lost)),
        passed: operations.lost <= most,
    })
}
