//! What must hold: each condition parsed, and refused when this scenario can never have data for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use mock_server::settings::SimulationSettings;

use crate::config::KeyPath;
use crate::executor::Load;
use crate::outcome::{Peer, Vendor};
use crate::resilience::Resilience;
use crate::scenario::model::{Journey, ServiceAt, Target, WeightedJourney, has_ports};
use crate::scenario::raw::{RawTestPlan, RawThreshold};
use crate::text::any_of;
use crate::threshold::{Metric, MetricKind, Operator, Part, Threshold, ThresholdError, parse};

use super::scenarios::Judged;
use super::tags;
use crate::config::Checker;

/// What a run of this scenario can have data about.
pub(super) struct Produced<'a> {
    scenarios: Vec<&'a str>,
    peers: BTreeSet<Peer>,
    /// Labels of requests.
    routes: BTreeSet<String>,
    /// Labels of iterations.
    journeys: BTreeSet<String>,
    checks: BTreeSet<String>,
    /// Vendors that are called through a pipeline with a circuit breaker.
    breakers: BTreeSet<Vendor>,
    has_pipeline: bool,
    /// Rows are added at a simulated Clay, whose account can be read.
    charges_credits: bool,
    reserves_credits: bool,
    stages: Option<usize>,
    has_faults: bool,
    /// The values of each tag that the file gives.
    tags: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Produced<'a> {
    pub(super) fn of(
        journeys: &[WeightedJourney],
        resilience: &Resilience,
        target: &Target,
        scenarios: &'a [Judged],
        load: Option<&Load>,
        has_faults: bool,
        simulation: &SimulationSettings,
    ) -> Self {
        // A service has the pipelines then, and reports on them.
        let to_service = matches!(target, Target::Service(_));
        let own_service = matches!(target, Target::Service(service) if service.at != ServiceAt::Started);
        let all = || journeys.iter().map(|weighted| &weighted.journey);
        let piped: BTreeSet<Vendor> =
            all().flat_map(|journey| journey.kind().operations).map(|operation| operation.vendor()).collect();
        let guarded = |vendor: &Vendor| own_service || resilience[*vendor].breaker.is_some();
        let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, value) in journeys.iter().flat_map(|weighted| weighted.tags.iter()) {
            tags.entry(key.to_owned()).or_default().insert(value.to_owned());
        }
        Self {
            scenarios: scenarios.iter().map(|scenario| scenario.name.as_str()).collect(),
            tags,
            peers: all().flat_map(|journey| peers_of(journey, to_service)).collect(),
            routes: all().flat_map(|journey| journey.routes(to_service)).collect(),
            journeys: all().map(|journey| journey.label().to_owned()).collect(),
            checks: all().flat_map(|journey| journey.checks(to_service)).collect(),
            breakers: piped.iter().copied().filter(guarded).collect(),
            has_pipeline: !piped.is_empty(),
            charges_credits: piped.contains(&Vendor::Clay) && simulates_clay(target, simulation),
            reserves_credits: piped.contains(&Vendor::Clay) && (own_service || resilience[Vendor::Clay].credits.is_some()),
            stages: load.map(|load| load.phases().len()),
            has_faults,
        }
    }

    /// Why there would be no data, with what to do about it.
    fn objection(&self, threshold: &Threshold) -> Option<(String, String)> {
        let metric = threshold.metric.as_str();
        let no_pipeline = "a journey through a pipeline: `lead`, `clay.enrich`, `customer_io.identify` or `customer_io.track`";
        match threshold.metric {
            Metric::CreditsUsed if !self.charges_credits => Some((
                format!("this scenario adds no rows at a simulated Clay, so `{metric}` has no data"),
                "it needs the journey `lead` or `clay.enrich`, and simulated vendors; what the pipeline itself counts is \
                 `credits_reserved`"
                    .to_owned(),
            )),
            Metric::CreditsReserved if !self.reserves_credits => Some((
                format!("this scenario has no budget of credits, so `{metric}` has no data"),
                "it needs the journey `lead` or `clay.enrich`, and `credits` in `[resilience.clay]` not switched off".to_owned(),
            )),
            Metric::LeadsLost | Metric::QueueDepth if !self.has_pipeline => Some((
                format!("no journey goes through a pipeline, so `{metric}` has no data"),
                format!("it needs {no_pipeline}"),
            )),
            Metric::BreakerOpenSeconds if self.breakers.is_empty() => Some((
                format!("no journey goes through a circuit breaker, so `{metric}` has no data"),
                format!("it needs {no_pipeline}, and a `breaker` that is not switched off"),
            )),
            metric => threshold.tags.iter().find_map(|(key, value)| self.tag_objection(metric, key, value)),
        }
    }

    fn tag_objection(&self, metric: Metric, key: &str, value: &str) -> Option<(String, String)> {
        let (known, what): (Vec<&str>, &str) = match (key, metric) {
            ("vendor", Metric::BreakerOpenSeconds) => (self.breakers.iter().map(|vendor| vendor.as_str()).collect(), "vendor"),
            ("vendor", _) => (self.peers.iter().map(|peer| peer.as_str()).collect(), "vendor"),
            ("name", Metric::Iterations | Metric::IterationDuration) => {
                (self.journeys.iter().map(String::as_str).collect(), "journey")
            }
            ("check", _) => (self.checks.iter().map(String::as_str).collect(), "check"),
            ("name", _) => (self.routes.iter().map(String::as_str).collect(), "request"),
            ("fault", _) if value == "true" && !self.has_faults => {
                return Some(("nothing happens under a fault in this scenario".to_owned(), "add one to `[[faults]]`".to_owned()));
            }
            ("phase", _) => {
                let stages = self.stages?;
                let phase: usize = value.parse().ok()?;
                let last = stages.saturating_sub(1);
                return (phase >= stages)
                    .then(|| (format!("there is no phase {phase}"), format!("phases are the stages, from 0 to {last}")));
            }
            ("scenario", _) => {
                let help = || format!("here it can be {}", any_of(&self.scenarios));
                return (!self.scenarios.contains(&value)).then(|| (format!("there is no scenario `{value}`"), help()));
            }
            _ => (self.tags.get(key)?.iter().map(String::as_str).collect(), key),
        };
        (!known.contains(&value))
            .then(|| (format!("no {what} of this scenario is `{value}`"), format!("here it can be {}", any_of(&known))))
    }
}

impl Checker<'_> {
    pub(super) fn thresholds(&mut self, raw: &RawTestPlan, produced: Option<&Produced<'_>>) -> Vec<Threshold> {
        let place = KeyPath::of("thresholds");
        let user_tags = tags::names(raw);
        let mut found: Vec<(Range<usize>, Threshold)> = Vec::new();
        for (metric, conditions) in raw.thresholds.iter().flatten() {
            let metric_place = place.key(metric);
            for (index, raw) in conditions.iter().enumerate() {
                let place = metric_place.item(index);
                if let Some(threshold) = self.threshold((metric, &metric_place), (raw, &place), &user_tags) {
                    self.check_data(&threshold, produced, &metric_place);
                    found.push((self.document.value_span(&place), threshold));
                }
            }
            if conditions.is_empty() && !self.document.is_damaged(&metric_place) {
                self.error(&metric_place, "there is no condition here", "write one, as in [\"p(95)<500\"]");
            }
        }
        found.sort_by_key(|(span, _)| span.start);
        found.into_iter().map(|(_, threshold)| threshold).collect()
    }

    fn threshold(
        &mut self,
        (metric, metric_place): (&str, &KeyPath),
        (raw, place): (&RawThreshold, &KeyPath),
        user_tags: &[&str],
    ) -> Option<Threshold> {
        let (expression, expression_place) = match raw {
            RawThreshold::Plain(expression) => (expression, place.clone()),
            RawThreshold::Full(full) => (&full.threshold, place.key("threshold")),
        };
        let mut threshold = match parse(metric, expression, user_tags) {
            Ok(threshold) => threshold,
            Err(error) => {
                let span = self.span_of(&error, (metric, metric_place), (expression, &expression_place));
                self.error_at(span, error.message, error.help);
                return None;
            }
        };
        if threshold.metric.kind() == MetricKind::Rate && threshold.operator == Operator::GreaterOrEqual && threshold.limit <= 0.0
        {
            let help = "write what could fail, as in `rate>0.99`";
            self.warning(&expression_place, "this holds whenever there is data", help);
        }
        if let RawThreshold::Full(full) = raw {
            threshold.abort_on_fail = full.abort_on_fail;
            threshold.delay_abort_eval = full.delay_abort_eval.map_or(std::time::Duration::ZERO, |period| period.0);
            if full.delay_abort_eval.is_some() && !full.abort_on_fail {
                let help = "add `abortOnFail = true`, or leave it out";
                self.warning(&place.key("delayAbortEval"), "`delayAbortEval` does nothing without `abortOnFail`", help);
            }
        }
        Some(threshold)
    }

    /// Where in the file an error stands; the whole text where its bytes differ from the file's (escapes).
    fn span_of(&self, error: &ThresholdError, metric: (&str, &KeyPath), expression: (&str, &KeyPath)) -> Range<usize> {
        let (inside, whole) = match error.part {
            Part::Metric => (self.document.key_text_span(metric.1, metric.0), self.document.key_span(metric.1)),
            Part::Expression => (self.document.string_span(expression.1, expression.0), self.document.value_span(expression.1)),
        };
        inside.map_or(whole, |inside| inside.start + error.span.start..inside.start + error.span.end)
    }

    fn check_data(&mut self, threshold: &Threshold, produced: Option<&Produced<'_>>, place: &KeyPath) {
        if let Some((message, help)) = produced.and_then(|produced| produced.objection(threshold)) {
            self.error_at(self.document.key_span(place), message, help);
        }
    }
}

/// Whether the run starts the Clay that its pipelines or its service call.
fn simulates_clay(target: &Target, simulation: &SimulationSettings) -> bool {
    match target {
        Target::Simulated => true,
        Target::Service(service) => service.at == ServiceAt::Started || has_ports(simulation),
        Target::BaseUrls(_) => false,
    }
}

/// Who answers a journey's own requests: what is measured of them has this label.
fn peers_of(journey: &Journey, to_service: bool) -> Vec<Peer> {
    let kind = journey.kind();
    if to_service || kind.peer == Peer::Service {
        return vec![Peer::Service];
    }
    kind.routes().map(|route| Peer::Vendor(route.vendor)).collect()
}
