//! What expectations are judged by, and what a judgement says.

use mock_server::process::Bill;
use serde::{Deserialize, Serialize};

use super::facts::VendorFacts;
use crate::result::{FaultRecord, Run};

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

/// What an audit of a run's journals found; it sees more than the pipeline's own counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFigures {
    /// Leads in the driver's journal as acknowledged, and in no place.
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

/// The parts of a judgement that come from the run; the expectation itself supplies the rest.
pub(super) struct Finding {
    pub(super) truth: String,
    pub(super) seen: String,
    pub(super) passed: bool,
}

/// Why nothing can be said about an expectation, which then fails.
pub(super) struct NoData(pub(super) String);

/// What was found about an expectation.
pub(super) type Found = Result<Finding, NoData>;

pub(super) fn no_data<T>(why: impl Into<String>) -> Result<T, NoData> {
    Err(NoData(why.into()))
}

/// The judgement on an expectation: it never passes without data.
pub(super) fn judgement(name: impl Into<String>, expected: impl Into<String>, found: Found) -> ExpectationJudgement {
    let missing = |NoData(why)| Finding { truth: "none".to_owned(), seen: format!("no data: {why}"), passed: false };
    let Finding { truth, seen, passed } = found.unwrap_or_else(missing);
    ExpectationJudgement { name: name.into(), expected: expected.into(), truth, seen, passed }
}

impl<'a> ExpectationInput<'a> {
    /// What the vendors' ledger says, when it is whole.
    pub(super) fn ledger(&self) -> Result<&'a VendorFacts, NoData> {
        let facts = self.vendors.map_err(|why| NoData(why.to_owned()))?;
        facts.gap().map_or(Ok(facts), no_data)
    }

    /// What an audit found, where there was one. The pipelines' own counts replace an audit only where none was
    /// possible, not one that proves nothing; a service's own counts never do.
    pub(super) fn audited(&self) -> Result<Option<AuditFigures>, NoData> {
        match self.audit {
            Some(Ok(figures)) => Ok(Some(figures)),
            Some(Err(why)) => no_data(why),
            None if self.run.result.service.is_some() => {
                no_data("without the run's journals, only the service's own counts are left")
            }
            None => Ok(None),
        }
    }
}

/// A time of the run: "20.003 s".
pub(super) fn at(us: u64) -> String {
    format!("{:.3} s", us as f64 / 1e6)
}

/// "`outage` from 20.003 s to 30.001 s", or what is missing.
pub(super) fn executed(fault: &FaultRecord) -> String {
    let name = &fault.name;
    match (fault.started_us, fault.ended_us) {
        (Some(start), Some(end)) => format!("`{name}` from {} to {}", at(start), at(end)),
        (Some(start), None) => format!("`{name}` from {}, and it never ended", at(start)),
        _ => format!("`{name}` never began"),
    }
}
