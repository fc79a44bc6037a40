//! What a threshold is judged on: borrowed, so that the same rules serve a load under way and a saved run.

use std::time::Duration;

use crate::event::Event;
use crate::measure::{Second, Totals};
use crate::outcome::OperationCounts;
use crate::result::Run;

/// Everything that a threshold may look at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Histograms and counts since the load began.
    pub totals: &'a Totals,
    /// The seconds so far.
    pub seconds: &'a [Second],
    /// The events so far, in order.
    pub events: &'a [Event],
    /// What became of the operations.
    pub operations: OperationCounts,
    /// Time since the load began; of a run that has ended, its length.
    pub elapsed: Duration,
    /// Of it, the end in which nothing was submitted any more: rates are of the time before it.
    pub rest: Duration,
}

impl<'a> Evidence<'a> {
    /// The evidence of a run that has ended.
    pub fn of_run(run: &'a Run) -> Self {
        Self {
            totals: &run.totals,
            seconds: &run.seconds,
            events: &run.result.events,
            operations: run.result.operations,
            elapsed: Duration::from_micros(run.result.load_us),
            rest: Duration::from_micros(run.result.rest_us),
        }
    }

    /// The evidence so far of a load under way; the operations are those of the last second's gauges.
    pub fn live(totals: &'a Totals, seconds: &'a [Second], events: &'a [Event], elapsed: Duration) -> Self {
        let operations = seconds.last().map(|second| second.gauges.operations).unwrap_or_default();
        Self { totals, seconds, events, operations, elapsed, rest: Duration::ZERO }
    }

    /// Whether a pipeline was there to be observed: otherwise its queue and its credits are not zero but unknown.
    pub(super) fn has_pipeline(&self) -> bool {
        self.operations.submitted > 0 || self.seconds.iter().any(|second| !second.gauges.breakers.is_empty())
    }
}
