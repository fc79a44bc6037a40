//! Leads that were acknowledged and are nowhere.
//!
//! Where the driver kept a book, its audit decides; a pipeline that counts its own leads does not count what it forgot.

use super::{ExpectationInput, ExpectationJudgement, Finding};
use crate::units::format_count;

pub(super) fn judge(most: u64, grounds: &ExpectationInput<'_>) -> ExpectationJudgement {
    find(most, grounds).judgement("leads_lost", format!("at most {}", format_count(most)))
}

fn find(most: u64, grounds: &ExpectationInput<'_>) -> Finding {
    let leads = grounds.run.result.leads;
    let audited = match grounds.audited() {
        Ok(audited) => audited,
        Err(finding) => return finding,
    };
    if let Some(audit) = audited {
        let uncertain = match audit.uncertain {
            0 => String::new(),
            count => format!("; {} without an answer", format_count(count)),
        };
        return Finding {
            truth: format!("the driver's book: {} acknowledged{uncertain}", format_count(audit.acknowledged)),
            seen: format!("{} in no place", format_count(audit.lost)),
            passed: audit.lost <= most && audit.acknowledged > 0,
        };
    }
    if leads.submitted == 0 {
        return Finding::no_data("no operation was handed to a pipeline");
    }
    Finding {
        truth: format!("the pipelines' own count: {} operations submitted", format_count(leads.submitted)),
        seen: format!("{} in no place", format_count(leads.lost)),
        passed: leads.lost <= most,
    }
}
