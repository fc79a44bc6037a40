//! Whether a timetable makes sense, told before a load starts rather than by a fault that quietly does nothing.

use std::collections::HashSet;

use super::{Fault, FaultKind, Outage, error, rate_limit};
use crate::vendor::{RouteName, routes};

/// One thing wrong with a fault, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FaultProblem {
    /// The field at fault: `name`, `vendor`, `routes`, `lasts`, `share`, `how`, `status`, `rate`, `burst` or `model`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl FaultProblem {
    pub(super) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

impl Fault {
    /// Checks everything that can be checked without knowing the load.
    ///
    /// # Errors
    ///
    /// Every problem found: an empty name or length, a share outside 0 to 1, an unknown route or one of the other
    /// vendor, refused connections for less than a whole vendor, a status outside 400 to 599, a rate or burst of 0, a
    /// latency model with its bounds in the wrong order.
    pub fn validate(&self) -> Result<(), Vec<FaultProblem>> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push(FaultProblem::new("name", "is empty; a fault needs a name for the timeline"));
        }
        if self.lasts.is_zero() {
            problems.push(FaultProblem::new("lasts", "is 0; a fault must last some time"));
        }
        // `contains` is false for NaN too.
        if !(0.0..=1.0).contains(&self.share) {
            problems.push(FaultProblem::new("share", format!("{} is not a share; it must be from 0 to 1", self.share)));
        }
        problems.extend(self.routes.iter().filter_map(|route| self.route_problem(route)));
        self.kind_problems(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn route_problem(&self, name: &str) -> Option<FaultProblem> {
        let Some(route) = routes().find(|route| route.name == name) else {
            return Some(FaultProblem::new("routes", unknown_route(name)));
        };
        self.vendor.filter(|vendor| *vendor != route.vendor).map(|vendor| {
            FaultProblem::new("routes", format!("`{name}` is not a route of `{}`, which the fault is for", vendor.as_str()))
        })
    }

    fn kind_problems(&self, problems: &mut Vec<FaultProblem>) {
        match &self.kind {
            FaultKind::Outage { how: Outage::Refuse } if self.share < 1.0 || !self.routes.is_empty() => {
                problems.push(FaultProblem::new(
                    "how",
                    "`refuse` closes the vendor's port, so it hits every request: leave out `share` and `routes`, or use \
                     `close`, which accepts connections and closes them without an answer",
                ));
            }
            FaultKind::Outage { .. } => {}
            FaultKind::Error { status, .. } => problems.extend(error::problem(*status)),
            FaultKind::RateLimit { rate, burst, .. } => rate_limit::problems(*rate, *burst, problems),
            FaultKind::Latency { model } => {
                problems.extend(model.validate().err().map(|problem| FaultProblem::new("model", problem)));
            }
        }
    }
}

/// Checks every fault, and that names are unique.
///
/// # Errors
///
/// Every problem found, with the index of its fault.
pub fn validate_timetable(faults: &[Fault]) -> Result<(), Vec<(usize, FaultProblem)>> {
    let mut problems = Vec::new();
    let mut names = HashSet::new();
    for (index, fault) in faults.iter().enumerate() {
        problems.extend(fault.validate().err().into_iter().flatten().map(|problem| (index, problem)));
        if !names.insert(fault.name.as_str()) {
            let problem = format!("`{}` is used twice; the timeline tells faults apart by name", fault.name);
            problems.push((index, FaultProblem::new("name", problem)));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn unknown_route(name: &str) -> String {
    let nearest = routes()
        .map(|RouteName { name: known, .. }| (strsim::jaro_winkler(name, known), known))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .filter(|(similarity, _)| *similarity > 0.8);
    match nearest {
        Some((_, known)) => format!("there is no route `{name}`; did you mean `{known}`?"),
        None => {
            let known: Vec<&str> = routes().map(|route| route.name).collect();
            format!("there is no route `{name}`; there are {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::fault;
    use super::super::{RetryAfterStyle, SimulatedVendor};
    use super::*;
    use crate::latency::LatencyModel;

    fn fields(fault: &Fault) -> Vec<&'static str> {
        fault.validate().err().unwrap_or_default().iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn good_faults_pass() {
        for kind in [
            FaultKind::Outage { how: Outage::Refuse },
            FaultKind::Outage { how: Outage::Close },
            FaultKind::Error { status: 400, body: None },
            FaultKind::Error { status: 599, body: Some("x".to_owned()) },
            FaultKind::RateLimit { rate: 0.1, burst: 1, retry_after: RetryAfterStyle::None },
            FaultKind::Latency { model: LatencyModel::Fixed { delay: Duration::ZERO } },
        ] {
            assert_eq!(fault(kind).validate(), Ok(()));
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let mut bad = fault(FaultKind::RateLimit { rate: 0.0, burst: 0, retry_after: RetryAfterStyle::None });
        bad.name = " ".to_owned();
        bad.lasts = Duration::ZERO;
        bad.share = 1.5;
        bad.routes = vec!["clay.webhok".to_owned()];
        assert_eq!(fields(&bad), ["name", "lasts", "share", "routes", "rate", "burst"]);
    }

    #[test]
    fn shares_are_from_0_to_1() {
        let mut bad = fault(FaultKind::Error { status: 500, body: None });
        for (share, good) in [(0.0, true), (1.0, true), (-0.01, false), (1.01, false), (f64::NAN, false)] {
            bad.share = share;
            assert_eq!(bad.validate().is_ok(), good, "{share}");
        }
    }

    #[test]
    fn statuses_are_errors() {
        for (status, good) in [(399, false), (400, true), (599, true), (600, false), (0, false)] {
            assert_eq!(fault(FaultKind::Error { status, body: None }).validate().is_ok(), good, "{status}");
        }
    }

    #[test]
    fn rates_are_positive_numbers() {
        for (rate, good) in [(1.0, true), (0.0, false), (-1.0, false), (f64::NAN, false), (f64::INFINITY, false)] {
            let kind = FaultKind::RateLimit { rate, burst: 1, retry_after: RetryAfterStyle::None };
            assert_eq!(fault(kind).validate().is_ok(), good, "{rate}");
        }
    }

    #[test]
    fn a_refused_connection_cannot_be_for_some_requests_only() {
        let mut partial = fault(FaultKind::Outage { how: Outage::Refuse });
        partial.share = 0.5;
        assert_eq!(fields(&partial), ["how"]);
        partial.share = 1.0;
        partial.routes = vec!["clay.webhook".to_owned()];
        assert_eq!(fields(&partial), ["how"]);
        partial.kind = FaultKind::Outage { how: Outage::Close };
        assert_eq!(partial.validate(), Ok(()));
    }

    #[test]
    fn routes_are_known_and_of_the_vendor() {
        let mut bad = fault(FaultKind::Error { status: 500, body: None });
        bad.routes = vec!["clay.webhok".to_owned()];
        assert!(bad.validate().unwrap_err()[0].problem.contains("did you mean `clay.webhook`"));
        bad.routes = vec!["zzz".to_owned()];
        assert!(bad.validate().unwrap_err()[0].problem.contains("customer_io.identify"));
        bad.routes = vec!["clay.webhook".to_owned()];
        bad.vendor = Some(SimulatedVendor::CustomerIo);
        assert!(bad.validate().unwrap_err()[0].problem.contains("not a route of `customer_io`"));
    }

    #[test]
    fn names_are_unique() {
        let faults = [fault(FaultKind::Outage { how: Outage::Close }), fault(FaultKind::Outage { how: Outage::Close })];
        let problems = validate_timetable(&faults).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].0, problems[0].1.field), (1, "name"));
        assert_eq!(validate_timetable(&faults[..1]), Ok(()));
    }
}
