//! What the scenario expects, judged by the vendors' ledger of this run.

use super::audited::Audited;
use super::running::Ended;
use crate::gate::{ExpectationInput, ExpectationJudgement, VendorFacts, judge_expectations};
use crate::result::Run;
use crate::scenario::TestPlan;

/// Judges what the scenario expects; nothing where it expects nothing.
pub(super) fn judged(
    test_plan: &TestPlan,
    run: &Run,
    ended: &Ended,
    facts: &Result<VendorFacts, String>,
    audited: Option<&Audited>,
) -> Vec<ExpectationJudgement> {
    let expectations = &test_plan.expectations;
    if expectations.is_empty() {
        return Vec::new();
    }
    let vendors = facts.as_ref().map_err(String::as_str);
    let audit = audited.map(|audited| audited.figures.as_ref().copied().map_err(String::as_str));
    let bill = ended.simulator.as_ref().and_then(|simulator| simulator.bill);
    judge_expectations(expectations, &ExpectationInput { run, vendors, bill, audit })
}

/// What the vendors' ledger says, where the scenario has a fault or an expectation that asks for it.
pub(super) fn facts(ended: &Ended, test_plan: &TestPlan) -> Result<VendorFacts, String> {
    if test_plan.faults.is_empty() && !test_plan.expectations.needs_ledger() {
        return Err("it was not read".to_owned());
    }
    match (&ended.simulator, &ended.vendors) {
        (Some(simulator), _) if simulator.lost.is_some() => Err("the simulated vendors were lost".to_owned()),
        (Some(simulator), Some(Ok(path))) => VendorFacts::read(path, simulator.ledger).map_err(|error| error.to_string()),
        (_, Some(Err(error))) => Err(format!("the vendors' ledger could not be kept: {error}")),
        _ => Err("only simulated vendors keep a ledger".to_owned()),
    }
}
