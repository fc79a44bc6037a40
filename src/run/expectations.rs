//! What the scenario expects, judged by the vendors' ledger of this run.

use std::io;
use std::path::PathBuf;

use super::audited::Audited;
use super::running::Ended;
use super::simulator::SimulatorOutcome;
use crate::gate::{ExpectationInput, ExpectationJudgement, VendorFacts, judge_expectations};
use crate::result::Run;
use crate::scenario::TestPlan;

/// Judges what the scenario expects; nothing where it expects nothing.
pub(super) fn judged(test_plan: &TestPlan, run: &Run, ended: &Ended, audited: Option<&Audited>) -> Vec<ExpectationJudgement> {
    let expectations = &test_plan.expectations;
    if expectations.is_empty() {
        return Vec::new();
    }
    let simulator = ended.simulator.as_ref();
    let facts =
        if expectations.needs_ledger() { facts(simulator, ended.vendors.as_ref()) } else { Err("it was not read".to_owned()) };
    let vendors = facts.as_ref().map_err(String::as_str);
    let audit = audited.map(|audited| audited.figures.as_ref().copied().map_err(String::as_str));
    let bill = simulator.and_then(|simulator| simulator.bill);
    judge_expectations(expectations, &ExpectationInput { run, vendors, bill, audit })
}

fn facts(simulator: Option<&SimulatorOutcome>, ledger: Option<&io::Result<PathBuf>>) -> Result<VendorFacts, String> {
    match (simulator, ledger) {
        (Some(simulator), _) if simulator.lost.is_some() => Err("the simulated vendors were lost".to_owned()),
        (Some(simulator), Some(Ok(path))) => VendorFacts::read(path, simulator.ledger).map_err(|error| error.to_string()),
        (_, Some(Err(error))) => Err(format!("the vendors' ledger could not be kept: {error}")),
        _ => Err("only simulated vendors keep a ledger".to_owned()),
    }
}
