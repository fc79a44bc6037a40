//! The breaker is not OPEN without a reason: a vendor that is well and not called is an outage that the breaker made.

use std::time::Duration;

use super::judgement::{ExpectationJudgement, Finding, Found, at, judgement};
use super::vendor_breaker::VendorBreaker;
use crate::scenario::BreakerExpectations;
use crate::units::micros;
use crate::units::{format_duration, three_figures};

pub(super) fn judge(most: Duration, expected: &BreakerExpectations, breaker: &VendorBreaker<'_>) -> ExpectationJudgement {
    let bound = match most.is_zero() {
        true => "never OPEN".to_owned(),
        false => format!("OPEN for at most {}", format_duration(most)),
    };
    let text = format!("{bound} but during a fault and {} after it", format_duration(expected.recovery));
    judgement(breaker.named("max_false_open"), text, find(most, expected, breaker))
}

fn find(most: Duration, expected: &BreakerExpectations, breaker: &VendorBreaker<'_>) -> Found {
    breaker.is_there()?;
    let mut reasons = Vec::new();
    for name in &expected.reasons {
        let fault = breaker.executed(name)?;
        let recovery = micros(expected.recovery);
        reasons.push((fault.start_us, fault.end_us.map_or(u64::MAX, |end| end.saturating_add(recovery))));
    }
    let open: Vec<(u64, u64)> =
        breaker.spans.iter().filter(|span| span.is_open()).map(|span| (span.start_us, span.end_us)).collect();
    let without = without_reason(&open, &reasons);
    let sum = |spans: &[(u64, u64)]| spans.iter().map(|(start, end)| end - start).sum::<u64>();
    let (all, wrong) = (sum(&open), sum(&without));
    let faults = match expected.reasons.as_slice() {
        [] => "no fault of this vendor".to_owned(),
        [one] => format!("one fault of this vendor, `{one}`"),
        all => format!("{} faults of this vendor", all.len()),
    };
    let seconds = |us: u64| format!("{} s", three_figures(us as f64 / 1e6));
    let seen = match (all, without.first()) {
        (0, _) => "never OPEN".to_owned(),
        (_, None) => format!("OPEN for {}, never without a reason", seconds(all)),
        (_, Some((start, end))) => format!(
            "OPEN for {}, of which {} without a reason, first from {} to {}",
            seconds(all),
            seconds(wrong),
            at(*start),
            at(*end)
        ),
    };
    Ok(Finding { truth: faults, seen, passed: u128::from(wrong) <= most.as_micros() })
}

/// The parts of `spans` that lie in none of `reasons`; both as start and end.
fn without_reason(spans: &[(u64, u64)], reasons: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut reasons = reasons.to_vec();
    reasons.sort_unstable();
    let mut left = Vec::new();
    for (start, end) in spans {
        let mut from = *start;
        for (begins, ends) in &reasons {
            if *begins > from && *begins < *end {
                left.push((from, *begins));
            }
            if *begins < *end {
                from = from.max(*ends);
            }
            if from >= *end {
                break;
            }
        }
        if from < *end {
            left.push((from, *end));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_without_a_reason_is_what_no_reason_covers() {
        let left = |spans: &[(u64, u64)], reasons: &[(u64, u64)]| without_reason(spans, reasons);
        assert_eq!(left(&[(5, 10)], &[]), [(5, 10)]);
        assert_eq!(left(&[(5, 10)], &[(4, 11)]), []);
        assert_eq!(left(&[(5, 10)], &[(0, 7)]), [(7, 10)]);
        assert_eq!(left(&[(5, 10)], &[(7, 20)]), [(5, 7)]);
        assert_eq!(left(&[(5, 10)], &[(8, 9), (6, 7)]), [(5, 6), (7, 8), (9, 10)]);
        assert_eq!(left(&[(5, 10), (20, 30)], &[(0, 8), (6, 21)]), [(21, 30)]);
        assert_eq!(left(&[(5, 10)], &[(10, 12), (0, 5)]), [(5, 10)]);
    }
}
