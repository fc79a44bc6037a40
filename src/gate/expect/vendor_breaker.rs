//! One vendor's circuit breaker during a run: its states without gaps, beside the faults and the calls that reached the vendor.

use super::judgement::{ExpectationInput, NoData, no_data};
use crate::event::{Event, EventKind, Guard};
use crate::gate::{BreakerSpan, breaker_spans};
use crate::outcome::Vendor;
use crate::result::FaultRecord;

/// What expectations of a breaker look at.
pub(super) struct VendorBreaker<'a> {
    pub(super) vendor: Vendor,
    pub(super) input: &'a ExpectationInput<'a>,
    pub(super) spans: Vec<BreakerSpan>,
    /// Whether the run had this breaker at all.
    is_there: bool,
}

/// A fault as it was executed, from its start to its end.
pub(super) struct Executed<'a> {
    pub(super) record: &'a FaultRecord,
    pub(super) start_us: u64,
    /// `None` where the run was over before.
    pub(super) end_us: Option<u64>,
}

impl<'a> VendorBreaker<'a> {
    pub(super) fn of(vendor: Vendor, input: &'a ExpectationInput<'a>) -> Self {
        let run = input.run;
        let spans = breaker_spans(&run.result.events, vendor, Guard::CircuitBreaker, run.result.load_us);
        let is_there = spans.len() > 1 || run.seconds.iter().any(|second| second.gauges.breakers.contains_key(&vendor));
        Self { vendor, input, spans, is_there }
    }

    /// Its name in the scenario's `[expect]`.
    pub(super) fn named(&self, expectation: &str) -> String {
        format!("{}.{expectation}", self.vendor)
    }

    /// An error where the run had no such breaker.
    pub(super) fn is_there(&self) -> Result<(), NoData> {
        if self.is_there { Ok(()) } else { no_data(format!("{} had no circuit breaker in this run", self.vendor.display_name())) }
    }

    /// The fault of this name as it was executed, or why it says nothing.
    pub(super) fn executed(&self, name: &str) -> Result<Executed<'a>, NoData> {
        let Some(record) = self.input.run.result.faults.iter().find(|fault| fault.name == name) else {
            return no_data(format!("there was no fault `{name}`"));
        };
        let Some(start_us) = record.started_us else {
            return no_data(format!("fault `{name}` never began"));
        };
        Ok(Executed { record, start_us, end_us: record.ended_us })
    }

    /// The first OPEN span that has a part from `from_us` to `to_us`.
    pub(super) fn open_between(&self, from_us: u64, to_us: u64) -> Option<&BreakerSpan> {
        self.spans.iter().find(|span| span.is_open() && span.end_us > from_us && span.start_us <= to_us)
    }

    /// The transition with which a span began.
    pub(super) fn transition(&self, span: &BreakerSpan) -> Option<Transition<'a>> {
        let of = |event: &'a Event| match &event.kind {
            EventKind::Transition { guard: Guard::CircuitBreaker, to, cause, failures, .. }
                if event.vendor == Some(self.vendor) && event.at_us == span.start_us && *to == span.state =>
            {
                Some(Transition { cause, failures: u64::from(*failures) })
            }
            _ => None,
        };
        self.input.run.result.events.iter().find_map(of)
    }
}

/// Why a breaker changed its state.
pub(super) struct Transition<'a> {
    pub(super) cause: &'a str,
    /// Failures that the decision rests on.
    pub(super) failures: u64,
}
