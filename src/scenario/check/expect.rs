//! What must be true: refused where it could never be judged, or never be kept.
//!
//! An expectation that nothing in the scenario can put to the test would pass for ever, and look like a proof.

use std::time::Duration;

use mock_server::fault::{Fault, FaultKind};

use crate::config::KeyPath;
use crate::config::Period;
use crate::outcome::{FailureKind, Vendor};
use crate::resilience::Resilience;
use crate::resilience::policy::{Blame, policy};
use crate::resilience::{BreakerMode, PipelineSettings};
use crate::scenario::expectations::{BreakerExpectations, Expectations};
use crate::scenario::model::{Target, WeightedJourney};
use crate::scenario::raw::{RawExpect, RawExpectBreaker, RawTestPlan};
use crate::units::format_duration;

use super::faults::concerns;
use crate::config::Checker;

/// What a scenario puts to the test.
pub(super) struct Tested<'a> {
    /// `None` where they are unknown.
    pub(super) journeys: Option<&'a [WeightedJourney]>,
    pub(super) resilience: &'a Resilience,
    pub(super) faults: &'a [Fault],
    pub(super) target: &'a Target,
}

impl Tested<'_> {
    fn pipes(&self, vendor: Vendor) -> bool {
        let calls = |weighted: &WeightedJourney| {
            let kind = weighted.journey.kind();
            kind.uses_pipeline() && kind.calls(vendor)
        };
        self.journeys.is_none_or(|journeys| journeys.iter().any(calls))
    }
}

impl Checker<'_> {
    pub(super) fn expectations(&mut self, raw: &RawTestPlan, tested: &Tested<'_>) -> Expectations {
        let Some(raw) = &raw.expect else { return Expectations::default() };
        let place = KeyPath::of("expect");
        let expectations = Expectations {
            leads_lost: raw.leads_lost,
            duplicates: raw.duplicates,
            credits_match_effects: raw.credits_match_effects == Some(true),
            max_degraded: self.max_degraded(raw, &place),
            drains_within: raw.drains_within.map(|period| period.0),
            max_retry_amplification: raw.max_retry_amplification,
            respects_retry_after: raw.respects_retry_after == Some(true),
            breakers: raw.breakers.map(|vendor, raw| self.expected_breaker(raw.as_ref(), vendor, tested, &place)),
        };
        self.check_pipelines(&expectations, tested, &place);
        self.check_ledger(&expectations, raw, tested, &place);
        if expectations.is_empty() && raw.max_degraded.is_none() && !self.document.is_damaged(&place) {
            let help = "say what must be true, as in `leads_lost = 0`, or leave it out";
            self.error_at(self.document.key_span(&place), "nothing is expected here", help);
        }
        expectations
    }

    fn max_degraded(&mut self, raw: &RawExpect, place: &KeyPath) -> Option<f64> {
        let share = raw.max_degraded?;
        if share >= 1.0 {
            let help = "write a smaller share, as in \"5%\" or 0.05";
            self.error(&place.key("max_degraded"), "this can never fail: no more than all can be degraded", help);
        }
        Some(share)
    }

    /// Expectations about leads need leads, and those about a queue that drains a fault that fills it.
    fn check_pipelines(&mut self, expectations: &Expectations, tested: &Tested<'_>, place: &KeyPath) {
        let needs_pipeline = [
            ("leads_lost", expectations.leads_lost.is_some()),
            ("duplicates", expectations.duplicates.is_some()),
            ("max_degraded", expectations.max_degraded.is_some()),
            ("drains_within", expectations.drains_within.is_some()),
            ("max_retry_amplification", expectations.max_retry_amplification.is_some()),
        ];
        let has_pipeline = tested.pipes(Vendor::Clay) || tested.pipes(Vendor::CustomerIo);
        for (key, _) in needs_pipeline.iter().filter(|(_, expected)| *expected && !has_pipeline) {
            let help = "add a journey through a pipeline: `lead`, `clay.enrich`, `customer_io.identify` or `customer_io.track`";
            self.never(place, key, "no journey goes through a pipeline", help);
        }
        if expectations.credits_match_effects && !tested.pipes(Vendor::Clay) {
            let help = "add the journey `lead` or `clay.enrich`";
            self.never(place, "credits_match_effects", "no journey spends Clay's credits", help);
        }
        if expectations.drains_within.is_some() && tested.faults.is_empty() && !self.faults_are_damaged() {
            self.never(
                place,
                "drains_within",
                "it counts from the last fault's end, and there is no fault",
                "add one to `[[faults]]`",
            );
        }
    }

    /// Only the simulated vendors keep a ledger.
    fn check_ledger(&mut self, expectations: &Expectations, raw: &RawExpect, tested: &Tested<'_>, place: &KeyPath) {
        if matches!(tested.target, Target::BaseUrls(_)) && expectations.needs_ledger() {
            let mut keys = vec![
                (place.key("duplicates"), raw.duplicates.is_some()),
                (place.key("credits_match_effects"), expectations.credits_match_effects),
                (place.key("max_retry_amplification"), raw.max_retry_amplification.is_some()),
                (place.key("respects_retry_after"), expectations.respects_retry_after),
            ];
            for (vendor, breaker) in raw.breakers.iter() {
                let place = place.key(vendor.as_str());
                let says = |key: fn(&RawExpectBreaker) -> bool| breaker.as_ref().is_some_and(key);
                keys.push((place.key("opens_within_calls"), says(|raw| raw.opens_within_calls.is_some())));
                keys.push((place.key("max_calls_while_open"), says(|raw| raw.max_calls_while_open.is_some())));
            }
            for (place, _) in keys.iter().filter(|(_, expected)| *expected) {
                let help = "leave it out, or leave out `[target]` to use the simulated vendors, which keep a ledger";
                self.error_at(self.document.key_span(place), "only the ledger of the simulated vendors can show this", help);
            }
        }
    }

    fn expected_breaker(
        &mut self,
        raw: Option<&RawExpectBreaker>,
        vendor: Vendor,
        tested: &Tested<'_>,
        expect: &KeyPath,
    ) -> BreakerExpectations {
        let Some(raw) = raw else { return BreakerExpectations::default() };
        let place = expect.key(vendor.as_str());
        let settings = &tested.resilience[vendor];
        let duration = |period: Option<Period>| period.map(|period| period.0);
        let longest_cooldown =
            settings.breaker.as_ref().map_or(Duration::ZERO, |breaker| breaker.cooldown.mul_f64(1.0 + breaker.cooldown_jitter));
        let expected = BreakerExpectations {
            faults: self.expected_faults(raw, vendor, tested, &place),
            reasons: tested.faults.iter().filter(|fault| concerns(fault, vendor)).map(|fault| fault.name.clone()).collect(),
            opens_within: duration(raw.opens_within),
            opens_within_calls: raw.opens_within_calls.map(u64::from),
            half_open_within: duration(raw.half_open_within),
            closes_within: duration(raw.closes_within),
            max_false_open: duration(raw.max_false_open),
            recovery: duration(raw.closes_within).unwrap_or(longest_cooldown + settings.timeout),
            max_calls_while_open: raw.max_calls_while_open,
        };
        let key_span = self.document.key_span(&place);
        if !tested.pipes(vendor) {
            let message = format!("no journey calls {} through a pipeline", vendor.display_name());
            self.error_at(key_span, message, "leave it out, or add such a journey: `lead`");
        } else if !may_open(settings) && !self.document.is_damaged(&KeyPath::of("resilience")) {
            let message = format!("{} has no circuit breaker in force here", vendor.display_name());
            let help = format!("leave it out, or do not switch `breaker` off in `[resilience.{vendor}]`");
            self.error_at(key_span, message, help);
        } else {
            self.check_breaker(raw, &expected, longest_cooldown, vendor, &place);
        }
        expected
    }

    fn check_breaker(
        &mut self,
        raw: &RawExpectBreaker,
        expected: &BreakerExpectations,
        cooldown: Duration,
        vendor: Vendor,
        place: &KeyPath,
    ) {
        let of_faults = ["opens_within", "opens_within_calls", "half_open_within", "closes_within"];
        let untested = expected.faults.is_empty() && raw.faults.is_none() && !self.faults_are_damaged();
        let document = self.document;
        for key in of_faults.into_iter().filter(|key| untested && document.has(&place.key(key))) {
            let why = format!("no fault of this scenario can make calls of {} fail", vendor.display_name());
            let help = "add one to `[[faults]]`: `outage`, `error` with a 5xx, `hang`, `reset`, `latency` with a `slow_call` …";
            self.never(place, key, &why, help);
        }
        for (key, period) in [("half_open_within", raw.half_open_within), ("closes_within", raw.closes_within)] {
            let Some(Period(within)) = period.filter(|period| period.0 < cooldown) else { continue };
            let message =
                format!("a breaker may be OPEN for its cool-down of {} after the fault has ended", format_duration(cooldown));
            let help = format!(
                "give more than that, or a shorter `cooldown` in `[resilience.{vendor}]`: {} is too short",
                format_duration(within)
            );
            self.error(&place.key(key), message, help);
        }
    }

    /// The faults that a breaker must answer to.
    fn expected_faults(&mut self, raw: &RawExpectBreaker, vendor: Vendor, tested: &Tested<'_>, place: &KeyPath) -> Vec<String> {
        let settings = &tested.resilience[vendor];
        let trips = |fault: &&Fault| concerns(fault, vendor) && can_open(fault, settings);
        let all: Vec<&str> = tested.faults.iter().filter(trips).map(|fault| fault.name.as_str()).collect();
        let Some(named) = &raw.faults else { return all.into_iter().map(str::to_owned).collect() };
        let list = place.key("faults");
        if named.is_empty() && !self.document.is_damaged(&list) {
            self.error(&list, "there is no fault here", "name one, or leave it out for all that can make calls fail");
        }
        for (index, name) in named.iter().enumerate().filter(|(_, name)| !all.contains(&name.as_str())) {
            if self.faults_are_damaged() {
                break;
            }
            let known = tested.faults.iter().any(|fault| fault.name == *name);
            let name = name.escape_debug();
            let message = match known {
                true => format!("`{name}` cannot open the circuit breaker of {}", vendor.display_name()),
                false => format!("there is no fault `{name}`"),
            };
            let help = match all.as_slice() {
                [] => "leave it out: no fault of this scenario can".to_owned(),
                all => format!("here it can be {}", crate::text::any_of(all)),
            };
            self.error(&list.item(index), message, help);
        }
        // In the order of the timetable, however they were named.
        all.into_iter().filter(|name| named.iter().any(|named| named == name)).map(str::to_owned).collect()
    }

    fn never(&mut self, table: &KeyPath, key: &str, why: &str, help: &str) {
        let span = self.document.key_span(&table.key(key));
        self.error_at(span, format!("`{key}` is never put to the test: {why}"), help);
    }

    fn faults_are_damaged(&self) -> bool {
        self.document.is_damaged(&KeyPath::of("faults"))
    }
}

/// Whether there is a breaker that ever rejects a call.
fn may_open(settings: &PipelineSettings) -> bool {
    let passes = |mode| matches!(mode, BreakerMode::Disabled | BreakerMode::MetricsOnly);
    settings.breaker.as_ref().is_some_and(|breaker| !passes(breaker.mode))
}

/// Whether what a fault does can open a circuit breaker with these settings: a 4xx, 429 included, says nothing against a
/// vendor, and an answer that comes late only where it is too late.
fn can_open(fault: &Fault, settings: &PipelineSettings) -> bool {
    let slow = settings.breaker.as_ref().and_then(|breaker| breaker.slow_call).unwrap_or(settings.timeout);
    match &fault.kind {
        FaultKind::Outage { .. }
        | FaultKind::LostAnswer { .. }
        | FaultKind::Hang
        | FaultKind::Reset { .. }
        | FaultKind::Malformed { .. }
        | FaultKind::Truncate { .. } => true,
        FaultKind::Error { status, .. } => policy(FailureKind::of_unexpected(*status)).blame == Blame::Vendor,
        FaultKind::Latency { model, jitter } => model.longest() + *jitter >= slow,
        // How long a body takes depends on its length.
        FaultKind::SlowBody { .. } | FaultKind::Bandwidth { .. } => true,
        FaultKind::Auth { .. } | FaultKind::RateLimit { .. } | FaultKind::Credits | FaultKind::Webhook { .. } => false,
    }
}
