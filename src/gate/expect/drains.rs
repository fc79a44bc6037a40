//! After the last fault the queue is emptied in time: an outage is over for the users when what it held back has arrived.

use std::time::Duration;

use super::judgement::{ExpectationInput, ExpectationJudgement, Finding, Found, at, executed, judgement, no_data};
use crate::measure::Second;
use crate::units::{format_count, format_duration};

pub(super) fn judge(within: Duration, input: &ExpectationInput<'_>) -> ExpectationJudgement {
    let expected = format!("queue empty within {} of the last fault's end", format_duration(within));
    judgement("drains_within", expected, find(within, input))
}

fn find(within: Duration, input: &ExpectationInput<'_>) -> Found {
    let faults = &input.run.result.faults;
    if let Some(unfinished) = faults.iter().find(|fault| fault.ended_us.is_none()) {
        return no_data(executed(unfinished));
    }
    let Some((end, last)) = faults.iter().filter_map(|fault| Some((fault.ended_us?, fault))).max_by_key(|(end, _)| *end) else {
        return no_data("there was no fault");
    };
    let reports = |second: &Second| second.gauges.operations.submitted > 0 || !second.gauges.breakers.is_empty();
    if !input.run.seconds.iter().any(reports) {
        return no_data("the depth of the queue was never reported");
    }
    let over = |second: &Second| second.start_us + second.length_us;
    let after: Vec<&Second> = input.run.seconds.iter().filter(|second| over(second) >= end).collect();
    let Some(first) = after.first() else { return no_data("the load ended with the fault") };
    let most = input.run.seconds.iter().map(|second| second.gauges.queue_depth).max().unwrap_or(0);
    let held = format_count(first.gauges.queue_depth);
    let truth = format!("{}; the queue held {held} then, {} at most", executed(last), format_count(most));
    let empty = after.iter().find(|second| second.gauges.queue_depth == 0);
    let left = after.last().map_or(0, |second| second.gauges.queue_depth);
    let (seen, passed) = match empty.map(|second| over(second)) {
        Some(time) => {
            let taken = Duration::from_micros(time - end);
            let seconds = format!("{:.1} s", taken.as_secs_f64());
            (format!("empty at {}, {seconds} after", at(time)), taken <= within)
        }
        None => (format!("never empty: {} at the end", format_count(left)), false),
    };
    Ok(Finding { truth, seen, passed })
}
