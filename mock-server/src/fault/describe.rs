//! A fault in a few words, for reports and lists.

use super::definition::Fault;
use crate::duration::format_duration;

impl Fault {
    /// In a few words for a report, the scope included where it is not everything: "outage (connection refused)",
    /// "429 beyond 5 requests/s (burst 5), 30 % of clay.webhook".
    pub fn describe(&self) -> String {
        let mut text = self.kind.describe();
        let everything = if self.kind.only_of().is_some() { "" } else { "all requests" };
        let place = match self.vendor {
            _ if !self.routes.is_empty() => Some(self.routes.join(", ")),
            Some(vendor) if self.kind.only_of().is_none() => Some(vendor.as_str().to_owned()),
            _ => None,
        };
        let part = match self.every {
            Some(nth) if nth > 1 => Some(format!("every {}", ordinal(nth))),
            _ => (self.share < 1.0).then(|| format!("{} %", percent(self.share))),
        };
        match (part, place) {
            (Some(part), Some(place)) => text.push_str(&format!(", {part} of {place}")),
            (Some(part), None) if everything.is_empty() => text.push_str(&format!(", {part}")),
            (Some(part), None) => text.push_str(&format!(", {part} of {everything}")),
            (None, Some(place)) if !self.routes.is_empty() => text.push_str(&format!(", {place} only")),
            (None, _) => {}
        }
        match self.customers.as_slice() {
            [] => {}
            [one] => text.push_str(&format!(", customer {one} only")),
            several => text.push_str(&format!(", {} customers only", several.len())),
        }
        match (self.ramp_up.is_zero(), self.ramp_down.is_zero()) {
            (true, true) => {}
            (false, true) => text.push_str(&format!(", growing over {}", format_duration(self.ramp_up))),
            (true, false) => text.push_str(&format!(", shrinking over {}", format_duration(self.ramp_down))),
            (false, false) => {
                let (up, down) = (format_duration(self.ramp_up), format_duration(self.ramp_down));
                text.push_str(&format!(", growing over {up} and shrinking over {down}"));
            }
        }
        text
    }
}

/// A share in percent with no more digits than it needs.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

/// "2nd", "3rd", "11th".
fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (1, last) if last != 11 => "st",
        (2, last) if last != 12 => "nd",
        (3, last) if last != 13 => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{FaultKind, SimulatedVendor};
    use super::*;

    fn error() -> Fault {
        Fault::new("f", FaultKind::Error { status: 500, body: None })
    }

    #[test]
    fn the_scope_is_named_where_it_is_not_everything() {
        for (fault, scope) in [
            (error(), ""),
            (error().on_vendor(SimulatedVendor::Clay), ""),
            (error().with_share(0.125), ", 12.5 % of all requests"),
            (error().with_share(0.3).on_vendor(SimulatedVendor::Clay), ", 30 % of clay"),
            (error().on_routes(["customer_io.track"]), ", customer_io.track only"),
            (error().on_routes(["clay.webhook"]).every(3), ", every 3rd of clay.webhook"),
            (error().every(12), ", every 12th of all requests"),
            (error().every(1), ""),
            (error().on_customers(["ada"]), ", customer ada only"),
            (error().on_customers(["ada", "bob"]).with_share(0.5), ", 50 % of all requests, 2 customers only"),
        ] {
            assert_eq!(fault.describe(), format!("status 500{scope}"));
        }
    }

    #[test]
    fn ramps_are_named() {
        let (up, down) = (Duration::from_secs(10), Duration::from_secs(90));
        assert_eq!(error().ramping(up, Duration::ZERO).describe(), "status 500, growing over 10s");
        assert_eq!(error().ramping(Duration::ZERO, down).describe(), "status 500, shrinking over 1m30s");
        assert_eq!(error().ramping(up, down).describe(), "status 500, growing over 10s and shrinking over 1m30s");
    }
}
