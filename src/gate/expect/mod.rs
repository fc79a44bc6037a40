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
mod leads_lost;
mod opens;
mod recovers;
mod retry_after;
mod retry_amplification;
#[cfg(test)]
mod tests;
mod vendor_breaker;

use mock_server::process::Bill;
use serde::{Deserialize, Serialize};

use crate::result::{FaultRecord, Run};
use crate::scenario::Expectations;

pub use facts::{FactsError, LedgerClock, OneVendor, VendorFacts};

use vendor_breaker::VendorBreaker;

/// An expectation and how it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectationJudgement {
    /// Its name in the scenario: `clay.opens_within`.
    pub name: String,
    /// What was expected: "OPEN within 3 s of the start of `outage`".
    pub expected: String,
    /// What was done, by the vendors' account: "`outage` from 20.003 s to 30.001 s".
    pub truth: String,
    /// What was seen of it, or why nothing could be.
    pub seen: String,
    /// Whether it held. Without data it did not.
    pub passed: bool,
}

/// What an audit of a run's books found; it sees more than the pipeline's own counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFigures {
    /// Leads in the driver's book as acknowledged, and in no place.
    pub lost: u64,
    /// Effects that a vendor has more than once for one operation.
    pub duplicates: u64,
    /// Submissions without an answer: they may have been taken or not.
    pub uncertain: u64,
    /// Leads that were acknowledged.
    pub acknowledged: u64,
    /// Whether the service reported where every lead ended up; without that, degraded answers are unknown.
    pub places: bool,
}

/// Everything that expectations are judged by.
#[derive(Debug, Clone, Copy)]
pub struct ExpectationInput<'a> {
    /// The run, with the faults as executed.
    pub run: &'a Run,
    /// What the vendors' ledger says, or why it says nothing.
    pub vendors: Result<&'a VendorFacts, &'a str>,
    /// What Clay's rows have cost and will cost, where the simulator was asked.
    pub bill: Option<Bill>,
    /// What an audit found, or why it proves nothing, where there was one.
    pub audit: Option<Result<AuditFigures, &'a str>>,
}

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

/// The parts of a judgement that come from the run; the expectation itself supplies the rest.
struct Finding {
    truth: String,
    seen: String,
    passed: bool,
}

/// Why nothing can be said about an expectation, which then fails.
struct NoData(String);

/// What was found about an expectation.
type Found = Result<Finding, NoData>;

fn no_data<T>(why: impl Into<String>) -> Result<T, NoData> {
    Err(NoData(why.into()))
}

/// The judgement on an expectation: it never passes without data.
fn judgement(name: impl Into<String>, expected: impl Into<String>, found: Found) -> ExpectationJudgement {
    let missing = |NoData(why)| Finding { truth: "none".to_owned(), seen: format!("no data: {why}"), passed: false };
    let Finding { truth, seen, passed } = found.unwrap_or_else(missing);
    ExpectationJudgement { name: name.into(), expected: expected.into(), truth, seen, passed }
}

impl<'a> ExpectationInput<'a> {
    fn fault(&self, name: &str) -> Option<&'a FaultRecord> {
        self.run.result.faults.iter().find(|fault| fault.name == name)
    }

    /// What the vendors' ledger says, when it is whole.
    fn ledger(&self) -> Result<&'a VendorFacts, NoData> {
        let facts = self.vendors.map_err(|why| NoData(why.to_owned()))?;
        facts.gap().map_or(Ok(facts), no_data)
    }

    /// What an audit found, where there was one. The pipelines' own counts replace an audit only where none was
    /// possible, not one that proves nothing; a service's own counts never do.
    fn audited(&self) -> Result<Option<AuditFigures>, NoData> {
        match self.audit {
            Some(Ok(figures)) => Ok(Some(figures)),
            Some(Err(why)) => no_data(why),
            None if self.run.result.service.is_some() => {
                no_data("without the run's books, only the service's own counts are left")
            }
            None => Ok(None),
        }
    }
}

/// A time of the run: "20.003 s".
fn at(us: u64) -> String {
    format!("{:.3} s", us as f64 / 1e6)
}

/// "`outage` from 20.003 s to 30.001 s", or what is missing.
fn executed(fault: &FaultRecord) -> String {
    let name = &fault.name;
    match (fault.started_us, fault.ended_us) {
        (Some(start), Some(end)) => format!("`{name}` from {} to {}", at(start), at(end)),
        (Some(start), None) => format!("`{name}` from {}, and it never ended", at(start)),
        _ => format!("`{name}` never began"),
    }
}
