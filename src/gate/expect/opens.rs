//! The breaker opens soon after a fault's start: every call until then waits for a vendor that is gone.

use std::time::Duration;

use super::judgement::{ExpectationJudgement, Finding, Found, NoData, at, executed, judgement};
use super::vendor_breaker::{Executed, VendorBreaker};
use crate::gate::BreakerSpan;
use crate::scenario::BreakerExpectations;
use crate::units::{format_count, format_duration};

/// What is measured until the breaker is OPEN.
#[derive(Clone, Copy)]
enum Within {
    Time(Duration),
    Calls(u64),
}

pub(super) fn judge(expected: &BreakerExpectations, breaker: &VendorBreaker<'_>) -> Vec<ExpectationJudgement> {
    let time = expected.opens_within.map(|time| ("opens_within", Within::Time(time)));
    let calls = expected.opens_within_calls.map(|calls| ("opens_within_calls", Within::Calls(calls)));
    let mut judged = Vec::new();
    for (name, within) in time.into_iter().chain(calls) {
        let bound = match within {
            Within::Time(time) => format_duration(time),
            Within::Calls(1) => "1 call".to_owned(),
            Within::Calls(calls) => format!("{} calls", format_count(calls)),
        };
        for fault in &expected.faults {
            let text = format!("OPEN within {bound} of the start of `{fault}`");
            judged.push(judgement(breaker.named(name), text, find(fault, within, breaker)));
        }
    }
    judged
}

fn find(fault: &str, within: Within, breaker: &VendorBreaker<'_>) -> Found {
    breaker.is_there()?;
    let fault = breaker.executed(fault)?;
    let truth = executed(fault.record);
    let Some(open) = breaker.open_between(fault.start_us, u64::MAX) else {
        return Ok(Finding { truth, seen: "it never opened after that".to_owned(), passed: false });
    };
    let after_us = open.start_us.saturating_sub(fault.start_us);
    let cause = breaker.transition(open).map_or(String::new(), |transition| format!(", by {}", transition.cause));
    // What opens it at the instant of the start is the fault.
    let mut seen = match open.start_us < fault.start_us {
        true => format!("OPEN already, since {}{cause}", at(open.start_us)),
        false => format!("OPEN at {}, {} after{cause}", at(open.start_us), at(after_us)),
    };
    let passed = match within {
        Within::Time(time) => u128::from(after_us) <= time.as_micros(),
        Within::Calls(most) => {
            let calls = calls(&fault, open, breaker)?;
            seen = format!("{} calls; {seen}", format_count(calls));
            calls <= most
        }
    };
    Ok(Finding { truth, seen, passed })
}

/// Calls from the fault's start to the opening. A vendor that refuses connections sees none of them; those that the breaker's
/// decision rests on were made all the same.
fn calls(fault: &Executed<'_>, open: &BreakerSpan, breaker: &VendorBreaker<'_>) -> Result<u64, NoData> {
    let facts = breaker.input.ledger()?;
    if open.start_us < fault.start_us {
        return Ok(0);
    }
    let arrived = facts.vendors.get(&breaker.vendor).map_or(0, |one| one.arrived(fault.start_us, open.start_us));
    let failures = breaker.transition(open).map_or(0, |transition| transition.failures);
    Ok(arrived.max(failures))
}
