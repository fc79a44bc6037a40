//! What is broken and when: each kind with its own keys, and none of it after the load.

use std::collections::BTreeSet;
use std::time::Duration;

use mock_server::fault::{Fault, FaultKind, Outage, RetryAfterStyle, SimulatedVendor};

use crate::outcome::Vendor;
use crate::scenario::document::Place;
use crate::scenario::model::{Journey, Load, Target, WeightedJourney};
use crate::scenario::raw::{RawFault, RawFaultKind, RawOutage, RawRetryAfter, RawScenario, RawVendor};
use crate::units::format_duration;

use super::Checker;
use super::thresholds::vendors_of;

impl Checker<'_> {
    pub(super) fn faults(
        &mut self,
        raw: &RawScenario,
        load: Option<&Load>,
        journeys: Option<&[WeightedJourney]>,
        target: Option<&Target>,
    ) -> Option<Vec<Fault>> {
        let place = Place::of("faults");
        let raw_faults = raw.faults.as_deref().unwrap_or_default();
        let mut fine = !self.document.is_damaged(&place);
        if !raw_faults.is_empty() && matches!(target, Some(Target::BaseUrls { .. })) {
            let help = "leave out `[target]`, or the faults: only simulated vendors can be broken";
            self.error(&place.item(0), "these faults would break nothing, for there is a `[target]`", help);
            fine = false;
        }
        let mut names = BTreeSet::new();
        let mut faults = Vec::new();
        for (index, raw) in raw_faults.iter().enumerate() {
            let place = place.item(index);
            if raw.name.trim().is_empty() {
                self.error(&place.key("name"), "a fault needs a name", "the report's timeline calls it by that");
                fine = false;
            } else if !names.insert(raw.name.as_str()) {
                let help = "the report tells faults apart by their names: give each its own";
                self.error(&place.key("name"), format!("there are two faults `{}`", raw.name.escape_debug()), help);
                fine = false;
            }
            fine &= self.fits_in_time(raw, load.map(|load| load.plan.duration()), &place);
            self.warn_if_unused(raw, journeys, &place);
            fine &= self.routes_fit(raw, &place);
            match self.fault_kind(raw, &place) {
                Some(kind) => faults.push(fault(raw, kind)),
                None => fine = false,
            }
        }
        faults.sort_by_key(|fault| fault.at);
        fine.then_some(faults)
    }

    fn fits_in_time(&mut self, raw: &RawFault, end: Option<Duration>, place: &Place) -> bool {
        let (at, lasts) = (raw.at.0, raw.lasts.0);
        if lasts.is_zero() {
            self.error(&place.key("lasts"), "a fault of no length breaks nothing", "give it a length, as in \"5s\"");
            return false;
        }
        let Some(end) = end else { return true };
        let load_ends = format_duration(end);
        if at >= end {
            let message = format!("the fault begins at {}, and the load has ended at {load_ends}", format_duration(at));
            self.error(&place.key("at"), message, format!("let it begin before {load_ends}, or make the load longer"));
        } else if at.saturating_add(lasts) > end {
            let message = format!(
                "the fault ends at {}, after the load, which ends at {load_ends}",
                format_duration(at.saturating_add(lasts))
            );
            let help = format!("let it last at most {}, or make the load longer", format_duration(end - at));
            self.error(&place.key("lasts"), message, help);
        }
        at.saturating_add(lasts) <= end
    }

    fn warn_if_unused(&mut self, raw: &RawFault, journeys: Option<&[WeightedJourney]>, place: &Place) {
        let (Some(vendor), Some(journeys)) = (raw.vendor, journeys) else { return };
        // A service of the user's own may call any vendor.
        let may_be_called = |weighted: &WeightedJourney| {
            matches!(weighted.journey, Journey::Http(_)) || vendors_of(&weighted.journey).contains(&outcome_vendor(vendor))
        };
        if !journeys.iter().any(may_be_called) {
            let message = format!("no journey calls `{}`, so this fault hits nothing", outcome_vendor(vendor));
            self.warning(&place.key("vendor"), message, "name the vendor that the journeys call");
        }
    }

    fn routes_fit(&mut self, raw: &RawFault, place: &Place) -> bool {
        let mut fine = true;
        for (index, route) in raw.routes.iter().enumerate() {
            if raw.vendor.is_some_and(|vendor| vendor != route.vendor()) {
                let message = format!("`{}` is not a route of the fault's vendor", route.as_str());
                self.error(
                    &place.key("routes").item(index),
                    message,
                    format!("its vendor is `{}`", outcome_vendor(route.vendor())),
                );
                fine = false;
            }
        }
        fine
    }

    fn fault_kind(&mut self, raw: &RawFault, place: &Place) -> Option<FaultKind> {
        let present = [
            ("how", raw.how.is_some()),
            ("status", raw.status.is_some()),
            ("body", raw.body.is_some()),
            ("rate", raw.rate.is_some()),
            ("burst", raw.burst.is_some()),
            ("retry_after", raw.retry_after.is_some()),
            ("add", raw.add.is_some()),
        ];
        let (name, keys): (_, &[&str]) = match raw.kind {
            RawFaultKind::Outage => ("outage", &["how"]),
            RawFaultKind::Error => ("error", &["status", "body"]),
            RawFaultKind::RateLimit => ("rate_limit", &["rate", "burst", "retry_after"]),
            RawFaultKind::Latency => ("latency", &["add"]),
        };
        let fine = self.refuse_keys(place, &format!("a fault of kind `{name}`"), &present, keys);
        let kind = match raw.kind {
            RawFaultKind::Outage => self.outage(raw, place)?,
            RawFaultKind::Error => {
                let status = self.needed(raw.status, "error", "status", "status = 503", place)?;
                FaultKind::Error { status, body: raw.body.clone() }
            }
            RawFaultKind::RateLimit => {
                let rate = self.needed(raw.rate, "rate_limit", "rate", "rate = 5", place)?;
                let retry_after = match raw.retry_after {
                    None | Some(RawRetryAfter::Seconds) => RetryAfterStyle::Seconds,
                    Some(RawRetryAfter::Date) => RetryAfterStyle::Date,
                    Some(RawRetryAfter::None) => RetryAfterStyle::None,
                };
                FaultKind::RateLimit { rate, burst: raw.burst.unwrap_or(1), retry_after }
            }
            RawFaultKind::Latency => {
                let add = self.needed(raw.add, "latency", "add", "add = \"500ms\"", place)?;
                FaultKind::Latency { model: self.latency_model(add, &place.key("add"))? }
            }
        };
        fine.then_some(kind)
    }

    fn outage(&mut self, raw: &RawFault, place: &Place) -> Option<FaultKind> {
        let how = match raw.how {
            None | Some(RawOutage::Refuse) => Outage::Refuse,
            Some(RawOutage::Close) => Outage::Close,
            Some(RawOutage::Unavailable) => Outage::Unavailable,
        };
        if how == Outage::Refuse && (raw.share.is_some_and(|share| share < 1.0) || !raw.routes.is_empty()) {
            let key = if raw.routes.is_empty() { "share" } else { "routes" };
            let help = "leave it out, or use `how = \"close\"`, which can hit a part of the requests";
            self.error(&place.key(key), "a vendor that refuses connections refuses every request", help);
            return None;
        }
        Some(FaultKind::Outage { how })
    }

    fn needed<T>(&mut self, value: Option<T>, kind: &str, key: &str, example: &str, place: &Place) -> Option<T> {
        if value.is_none() && !self.document.is_damaged(&place.key(key)) {
            self.error(&place.key("kind"), format!("a fault of kind `{kind}` needs `{key}`"), format!("add `{example}`"));
        }
        value
    }
}

fn fault(raw: &RawFault, kind: FaultKind) -> Fault {
    Fault {
        name: raw.name.clone(),
        vendor: raw.vendor.map(|vendor| match vendor {
            RawVendor::Clay => SimulatedVendor::Clay,
            RawVendor::CustomerIo => SimulatedVendor::CustomerIo,
        }),
        routes: raw.routes.iter().map(|route| route.as_str().to_owned()).collect(),
        at: raw.at.0,
        lasts: raw.lasts.0,
        share: raw.share.unwrap_or(1.0),
        kind,
    }
}

fn outcome_vendor(vendor: RawVendor) -> Vendor {
    match vendor {
        RawVendor::Clay => Vendor::Clay,
        RawVendor::CustomerIo => Vendor::CustomerIo,
    }
}
