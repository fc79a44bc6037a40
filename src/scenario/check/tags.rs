//! The tags that a file gives to its samples: on a scenario, and on its journeys.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Checker, KeyPath};
use crate::measure::{MOST_TAG_SETS, UserTags};
use crate::scenario::model::WeightedJourney;
use crate::scenario::raw::RawTestPlan;

impl Checker<'_> {
    /// The tags at `place`, beside the `outer` ones, of which they override those of the same name.
    pub(super) fn tags(&mut self, raw: Option<&BTreeMap<String, String>>, place: &KeyPath, outer: &UserTags) -> UserTags {
        let own = UserTags::new(raw.cloned().unwrap_or_default());
        own.and_then(|own| outer.with(&own)).unwrap_or_else(|error| {
            let span = match &error.key {
                Some(key) => self.document.key_span(&place.key(key)),
                None => self.document.value_span(place),
            };
            self.error_at(span, error.message, error.help);
            outer.clone()
        })
    }

    /// Each set of tags multiplies the series that a run keeps.
    pub(super) fn bound_tag_sets<'a>(&mut self, journeys: impl IntoIterator<Item = &'a WeightedJourney>, place: &KeyPath) {
        let sets: BTreeSet<&UserTags> = journeys.into_iter().map(|weighted| &weighted.tags).collect();
        if sets.len() > MOST_TAG_SETS {
            let help = format!("use at most {MOST_TAG_SETS}: tags are for what thresholds select, not for each journey's name");
            self.error(place, format!("the journeys have {} different sets of tags", sets.len()), help);
        }
    }
}

/// The names of all tags that a file gives.
pub(super) fn names(raw: &RawTestPlan) -> Vec<&str> {
    let scenarios = || raw.scenarios.iter().flat_map(BTreeMap::values).chain([&raw.only]);
    let of_journeys =
        scenarios().flat_map(|scenario| scenario.journeys.iter().flatten()).filter_map(|journey| journey.tags.as_ref());
    let of_scenarios = scenarios().filter_map(|scenario| scenario.tags.as_ref());
    of_scenarios.chain(of_journeys).flat_map(BTreeMap::keys).map(String::as_str).collect()
}
