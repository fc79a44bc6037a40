//! Loads that a limit ends before their plan does: a day's credits, and what a webhook source takes in its life.

use std::time::Duration;

use mock_server::settings::ClaySettings;

use crate::config::{Checker, KeyPath};
use crate::outcome::{OperationKind, Vendor};
use crate::plan::Segment;
use crate::scenario::model::{LeadUse, Scenario, ServiceAt, Target, TestPlan};
use crate::threshold::{Metric, Operator, Threshold};
use crate::units::format_count;

/// How long an iteration is taken to be, its think time aside, where the plan does not fix their number: longer than one of a
/// healthy integration, so that a warning is not a false alarm.
const ITERATION: Duration = Duration::from_secs(1);

impl Checker<'_> {
    /// Warns of what cannot carry the whole load.
    pub(super) fn warn_of_limits(&mut self, test_plan: &TestPlan) {
        let expected = Expected::of(test_plan);
        let own_service = matches!(&test_plan.target, Target::Service(service) if service.at != ServiceAt::Started);
        // Who asks that so many credits be spent means to use them up.
        let means_to = test_plan.thresholds.iter().any(asks_for_credits);
        let credits = test_plan.resilience[Vendor::Clay].credits.filter(|_| !own_service && !means_to);
        if let Some(enough) = credits.and_then(|credits| credits.daily_limit.checked_div(credits.per_lead))
            && expected.leads > enough
        {
            let (limit, per_lead) = credits.map_or((0, 0), |credits| (credits.daily_limit, credits.per_lead));
            let place = self.where_written("resilience", &["clay", "credits", "daily_limit"]);
            let message = format!(
                "a day's budget of {} credits is used up by {} leads at an estimate of {per_lead} each, and this load sends {expected}",
                format_count(limit),
                format_count(enough)
            );
            let needed = expected.leads.saturating_mul(per_lead);
            let help = format!(
                "what is left stays in the queue; for the whole load, give `credits = {{ daily_limit = {needed} }}` or more in \
                 `[resilience.clay]`"
            );
            self.warning(&place, message, help);
        }
        let simulated = test_plan.simulates_vendors().then_some(&test_plan.simulation.clay);
        let real = matches!(test_plan.target, Target::BaseUrls(_)).then(ClaySettings::default);
        let life = simulated.or(real.as_ref()).map(|clay| clay.webhook_submissions);
        if let Some(life) = life.filter(|life| expected.leads > *life) {
            let (place, help) = match simulated {
                Some(_) => (
                    self.where_written("simulation", &["clay", "webhook_submissions"]),
                    format!("give `webhook_submissions = {}` or more in `[simulation.clay]`", expected.leads),
                ),
                None => (
                    self.where_written("target", &["clay_webhook_path"]),
                    "give a source that has taken nothing yet, and play the load in parts".to_owned(),
                ),
            };
            let message = format!(
                "a webhook source takes {} submissions in its life and refuses the rest with 403, and this load sends {expected}",
                format_count(life)
            );
            self.warning(&place, message, help);
        }
    }

    /// The setting, or what is nearest to it; where the file has no such settings, what makes the load.
    fn where_written(&self, settings: &str, setting: &[&str]) -> KeyPath {
        let load = ["journeys", "scenarios"].map(KeyPath::of).into_iter().find(|key| self.document.has(key));
        let place = KeyPath::of(settings);
        match load {
            Some(load) if !self.document.has(&place) => load,
            _ => setting.iter().fold(place, |place, key| place.key(key)),
        }
    }
}

fn asks_for_credits(threshold: &Threshold) -> bool {
    let counts_credits = matches!(threshold.metric, Metric::CreditsUsed | Metric::CreditsReserved);
    counts_credits && matches!(threshold.operator, Operator::Greater | Operator::GreaterOrEqual)
}

/// The leads that a load sends to Clay.
struct Expected {
    leads: u64,
    /// Their number is a guess.
    is_guess: bool,
}

impl Expected {
    fn of(test_plan: &TestPlan) -> Self {
        let mut expected = Self { leads: 0, is_guess: false };
        for scenario in &test_plan.scenarios {
            let iterations = scenario.load.planned_iterations(Segment::WHOLE);
            let (all, enriched) = weights(scenario);
            // A guess for every scenario that is bound by its time alone, and where journeys are drawn.
            expected.is_guess |= enriched > 0 && (iterations.is_none() || enriched < all);
            let each = ITERATION + scenario.think_time.mean();
            let iterations = iterations.unwrap_or_else(|| (scenario.load.user_seconds() / each.as_secs_f64()) as u64);
            let leads = u128::from(iterations) * u128::from(enriched) / u128::from(all.max(1));
            expected.leads = expected.leads.saturating_add(u64::try_from(leads).unwrap_or(u64::MAX));
        }
        if let Some(data) = test_plan.data.as_ref().filter(|data| data.usage == LeadUse::Once) {
            expected.leads = expected.leads.min(data.rows.len() as u64);
        }
        expected
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let about = if self.is_guess { "about " } else { "" };
        write!(f, "{about}{}", format_count(self.leads))
    }
}

/// The weights of all journeys, and of those that enrich a lead.
fn weights(scenario: &Scenario) -> (u64, u64) {
    scenario.journeys.iter().fold((0, 0), |(all, enriched), weighted| {
        let weight = u64::from(weighted.weight);
        let enriches = weighted.journey.kind().operations.contains(&OperationKind::Enrich);
        (all + weight, if enriches { enriched + weight } else { enriched })
    })
}
