//! What a scenario expects of the faults and of what came of them, judged by the vendors' own account.
//!
//! A pipeline that judges itself finds what it believes: it cannot see the duplicate that it made, or the request that it sent
//! although it had been asked to wait. So the truth comes from the other side (the fault timetable as the simulator executed it, and the
//! simulator's ledger) and stands in each verdict beside what was seen. Where there is no truth, an expectation fails: without
//! data, nothing is proven.

mod calls_while_open;
mod credits;
mod degraded;
mod drains;
mod duplicates;
mod facts;
mod false_open;
mod judgement;
mod leads_lost;
mod no_call_before;
mod opens;
mod recovers;
mod retry_after;
mod retry_amplification;
#[cfg(test)]
mod tests;
mod vendor_breaker;

use crate::scenario::Expectations;

pub use facts::{FactsError, Faulted, LedgerClock, OneVendor, VendorFacts};
pub use judgement::{AuditFigures, ExpectationInput, ExpectationJudgement};

use vendor_breaker::VendorBreaker;

/// Judges every expectation, in the order in which they are documented.
pub fn judge_expectations(expectations: &Expectations, input: &ExpectationInput<'_>) -> Vec<ExpectationJudgement> {
    let mut judged = Vec::new();
    judged.extend(expectations.leads_lost.map(|most| leads_lost::judge(most, input)));
    judged.extend(expectations.duplicates.map(|most| duplicates::judge(most, input)));
    judged.extend(expectations.credits_match_effects.then(|| credits::judge(input)));
    judged.extend(expectations.max_degraded.map(|most| degraded::judge(most, input)));
    judged.extend(expectations.drains_within.map(|within| drains::judge(within, input)));
    judged.extend(expectations.max_retry_amplification.map(|most| retry_amplification::judge(most, input)));
    judged.extend(expectations.respects_retry_after.then(|| retry_after::judge(input)));
    for (vendor, expected) in expectations.breakers.iter() {
        if expected.is_empty() {
            continue;
        }
        let breaker = VendorBreaker::of(vendor, input);
        judged.extend(opens::judge(expected, &breaker));
        judged.extend(recovers::judge(expected, &breaker));
        judged.extend(expected.max_false_open.map(|most| false_open::judge(most, expected, &breaker)));
        judged.extend(expected.max_calls_while_open.map(|most| calls_while_open::judge(most, &breaker)));
    }
    judged
}
