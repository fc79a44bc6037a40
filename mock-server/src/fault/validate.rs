//! Whether a timetable makes sense, checked before a load starts, so that no fault silently does nothing.

use std::collections::HashSet;

use super::definition::Fault;
use super::kind::FaultKind;
use super::outage;
use super::problem::FaultProblem;
use crate::duration::format_duration;
use crate::simulated::routes;
use crate::text::did_you_mean_or_all;

/// Most characters of a fault's name.
const LONGEST_NAME: usize = 100;

impl Fault {
    /// Checks everything that can be checked without knowing the load.
    ///
    /// # Errors
    ///
    /// Every problem found: a name that is empty, too long or not to be used in a path, no length, a share outside 0 to 1, an unknown route or one of the other vendor, ramps
    /// that do not fit, a scope that the kind cannot have, a value that the kind cannot take.
    pub fn validate(&self) -> Result<(), Vec<FaultProblem>> {
        let mut problems = Vec::new();
        problems.extend(self.name_problem());
        if self.lasts.is_some_and(|lasts| lasts.is_zero()) {
            problems.push(FaultProblem::value("lasts", "a fault of no length breaks nothing", "give it a length, as in \"5s\""));
        }
        self.part_problems(&mut problems);
        problems.extend(self.routes.iter().enumerate().filter_map(|(index, route)| self.route_problem(index, route)));
        self.scope_problems(&mut problems);
        self.ramp_problems(&mut problems);
        self.kind.check(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// A name stands in every entry of the ledger, in lists, in metrics, and in the path that ends the fault.
    fn name_problem(&self) -> Option<FaultProblem> {
        let (problem, help) = match self.name.as_str() {
            name if name.trim().is_empty() => ("a fault needs a name", "the timeline calls it by that"),
            name if name.chars().nth(LONGEST_NAME).is_some() => ("the name is too long", "give it at most 100 characters"),
            name if name.chars().any(char::is_control) => ("the name has control characters", "give it one that can be printed"),
            // Clients take these out of a path before they send it (RFC 3986, 5.2.4), percent-encoded or not.
            "." | ".." => ("no path can end in this name, so nothing could end the fault", "give it another one"),
            _ => return None,
        };
        Some(FaultProblem::value("name", problem, help))
    }

    /// Which of the requests in scope.
    fn part_problems(&self, problems: &mut Vec<FaultProblem>) {
        // `contains` is false for NaN too.
        if !(0.0..=1.0).contains(&self.share) {
            problems.push(FaultProblem::value("share", format!("{} is not a share", self.share), "it must be from 0 to 1"));
        }
        match self.every {
            Some(0) => problems.push(FaultProblem::value("every", "there is no 0th request", "it must be at least 1")),
            Some(_) if self.share < 1.0 => {
                let help = "give one of them: `share` for a part by chance, `every` for each nth by arrival";
                problems.push(FaultProblem::value("every", "a fault cannot choose its requests twice", help));
            }
            _ => {}
        }
    }

    fn route_problem(&self, index: usize, name: &str) -> Option<FaultProblem> {
        let field = format!("routes[{index}]");
        let Some(route) = routes().find(|route| route.name == name) else {
            return Some(FaultProblem::value(field, format!("there is no route `{}`", name.escape_debug()), known_routes(name)));
        };
        self.vendor.filter(|vendor| *vendor != route.vendor).map(|_| {
            let help = format!("its vendor is `{}`", route.vendor.as_str());
            FaultProblem::value(field, format!("`{name}` is not a route of the fault's vendor"), help)
        })
    }

    /// A scope that the kind cannot have.
    fn scope_problems(&self, problems: &mut Vec<FaultProblem>) {
        let facts = self.kind.word().facts();
        if let (Some((only, has)), Some(vendor)) = (facts.only_of, self.vendor)
            && only != vendor
        {
            let problem = format!("`{}` has no part in a fault of kind `{}`", vendor.as_str(), self.kind.name());
            problems.push(FaultProblem::value("vendor", problem, format!("only `{}` {has}: leave `vendor` out", only.as_str())));
        }
        let chosen = [
            ("routes", !self.routes.is_empty()),
            ("customers", !self.customers.is_empty()),
            ("share", self.share < 1.0),
            ("every", self.every.is_some_and(|every| every > 1)),
        ];
        let chosen = |among: &[&str]| chosen.iter().find(|(field, is)| *is && among.contains(field)).map(|(field, _)| *field);
        if let FaultKind::Outage { how } = &self.kind
            && self.kind.is_of_connections()
            && let Some(field) = chosen(&["routes", "customers", "share", "every"])
        {
            problems.push(FaultProblem::value(field, outage::hits_everything(how), outage::HIT_A_PART));
        }
        if facts.hits_callbacks
            && let Some(field) = chosen(&["routes", "customers"])
        {
            let help = "leave it out; `share` and `every` choose among callbacks";
            problems.push(FaultProblem::value(field, format!("callbacks cannot be chosen by `{field}`"), help));
        }
        if let Some(index) = self.customers.iter().position(|customer| customer.is_empty()) {
            let help = "give a customer's identifier, or a lead's e-mail address at Clay";
            problems.push(FaultProblem::value(format!("customers[{index}]"), "an identifier must not be empty", help));
        }
    }

    fn ramp_problems(&self, problems: &mut Vec<FaultProblem>) {
        let ramps = [("ramp_up", self.ramp_up), ("ramp_down", self.ramp_down)];
        let Some((first, _)) = ramps.iter().find(|(_, ramp)| !ramp.is_zero()) else { return };
        if let FaultKind::Outage { how } = &self.kind
            && self.kind.is_of_connections()
        {
            problems.push(FaultProblem::value(*first, outage::hits_everything(how), outage::HIT_A_PART));
        }
        match self.lasts {
            None if !self.ramp_down.is_zero() => {
                let help = "give it a length with `lasts`, or leave `ramp_down` out";
                problems.push(FaultProblem::value(
                    "ramp_down",
                    "a fault that lasts until it is removed has no end to shrink to",
                    help,
                ));
            }
            Some(lasts) if self.ramp_up.saturating_add(self.ramp_down) > lasts => {
                let field = if self.ramp_up > lasts { "ramp_up" } else { "ramp_down" };
                let field = if self.ramp_down.is_zero() { "ramp_up" } else { field };
                let problem = format!("the ramps do not fit into the {} that the fault lasts", format_duration(lasts));
                problems.push(FaultProblem::value(field, problem, "let them be as long as `lasts` together at most"));
            }
            _ => {}
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
            let problem = format!("there are two faults `{}`", fault.name.escape_debug());
            let help = "the timeline identifies faults by name: give each its own";
            problems.push((index, FaultProblem::value("name", problem, help)));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn known_routes(name: &str) -> String {
    let known: Vec<&str> = routes().map(|route| route.name).collect();
    did_you_mean_or_all(name, &known)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::fault;
    use super::super::{Outage, RetryAfterStyle, SimulatedVendor, WebhookFault};
    use super::*;
    use crate::latency::LatencyModel;

    fn fields(fault: &Fault) -> Vec<String> {
        fault.validate().err().unwrap_or_default().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn good_faults_pass() {
        for kind in [
            FaultKind::Outage { how: Outage::Refuse },
            FaultKind::Outage { how: Outage::Close },
            FaultKind::Error { status: 400, body: None },
            FaultKind::Error { status: 599, body: Some("x".to_owned()) },
            FaultKind::RateLimit { rate: 0.1, burst: 1, retry_after: RetryAfterStyle::None },
            FaultKind::Latency { model: LatencyModel::Fixed { delay: Duration::ZERO }, jitter: Duration::ZERO },
        ] {
            assert_eq!(fault(kind).validate(), Ok(()));
        }
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let mut bad = fault(FaultKind::RateLimit { rate: 0.0, burst: 0, retry_after: RetryAfterStyle::None });
        bad.name = " ".to_owned();
        bad.lasts = Some(Duration::ZERO);
        bad.share = 1.5;
        bad.routes = vec!["clay.webhok".to_owned()];
        assert_eq!(fields(&bad), ["name", "lasts", "share", "routes[0]", "rate", "burst"]);
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
    fn statuses_are_those_of_http_and_some_have_no_body() {
        for (status, good) in [(99, false), (100, true), (302, true), (599, true), (600, false), (0, false)] {
            assert_eq!(fault(FaultKind::Error { status, body: None }).validate().is_ok(), good, "{status}");
        }
        for (status, good) in [(199, false), (200, true), (204, false), (304, false), (404, true)] {
            assert_eq!(fault(FaultKind::Error { status, body: Some("x".to_owned()) }).validate().is_ok(), good, "{status}");
        }
    }

    #[test]
    fn rates_and_bursts_are_within_bounds_that_a_client_can_notice() {
        let is_good = |rate, burst| {
            let kind = FaultKind::RateLimit { rate, burst, retry_after: RetryAfterStyle::None };
            fault(kind).validate().is_ok()
        };
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
            assert!(!is_good(rate, 1), "{rate}");
        }
        assert!(is_good(0.001, 1) && is_good(1e6, 1_000_000));
        assert!(!is_good(1.0, 0) && !is_good(1.0, 1_000_001));
    }

    #[test]
    fn a_refused_connection_cannot_be_for_some_requests_only() {
        let mut partial = fault(FaultKind::Outage { how: Outage::Refuse });
        partial.share = 0.5;
        assert_eq!(fields(&partial), ["share"]);
        partial.share = 1.0;
        partial.routes = vec!["clay.webhook".to_owned()];
        assert_eq!(fields(&partial), ["routes"]);
        partial.kind = FaultKind::Outage { how: Outage::Close };
        assert_eq!(partial.validate(), Ok(()));
    }

    #[test]
    fn routes_are_known_and_of_the_vendor() {
        let mut bad = fault(FaultKind::Error { status: 500, body: None });
        bad.routes = vec!["clay.webhok".to_owned()];
        assert!(bad.validate().unwrap_err()[0].help.contains("did you mean `clay.webhook`"));
        bad.routes = vec!["zzz".to_owned()];
        assert!(bad.validate().unwrap_err()[0].help.contains("customer_io.identify"));
        bad.routes = vec!["clay.webhook".to_owned()];
        bad.vendor = Some(SimulatedVendor::CustomerIo);
        assert!(bad.validate().unwrap_err()[0].problem.contains("not a route of the fault's vendor"));
    }

    #[test]
    fn what_happens_to_connections_cannot_be_for_some_requests_only() {
        for how in [Outage::Refuse, Outage::Drop] {
            let whole = || fault(FaultKind::Outage { how });
            assert_eq!(whole().every(1).validate(), Ok(()));
            assert_eq!(fields(&whole().on_customers(["ada"])), ["customers"]);
            assert_eq!(fields(&whole().every(2)), ["every"]);
            assert_eq!(fields(&whole().ramping(Duration::from_secs(1), Duration::ZERO)), ["ramp_up"]);
        }
        let close = fault(FaultKind::Outage { how: Outage::Close });
        assert_eq!(close.every(2).on_customers(["ada"]).ramping(Duration::from_secs(1), Duration::ZERO).validate(), Ok(()));
    }

    #[test]
    fn ramps_fit_into_the_fault() {
        let s = Duration::from_secs;
        let hang = || fault(FaultKind::Hang);
        assert_eq!(hang().ramping(s(2), s(3)).validate(), Ok(()));
        assert_eq!(fields(&hang().ramping(s(2), s(4))), ["ramp_down"]);
        assert_eq!(fields(&hang().ramping(s(6), s(0))), ["ramp_up"]);
        assert_eq!(fields(&hang().ramping(Duration::MAX, Duration::MAX)), ["ramp_up"]);
        let endless = Fault { lasts: None, ..hang() };
        assert_eq!(endless.clone().ramping(s(60), s(0)).validate(), Ok(()));
        assert_eq!(fields(&endless.ramping(s(1), s(1))), ["ramp_down"]);
    }

    #[test]
    fn a_share_and_every_nth_exclude_each_other() {
        let hang = || fault(FaultKind::Hang);
        assert_eq!(hang().every(2).validate(), Ok(()));
        assert_eq!(fields(&hang().every(0)), ["every"]);
        assert_eq!(fields(&hang().every(2).with_share(0.5)), ["every"]);
    }

    #[test]
    fn callbacks_have_no_routes_and_no_customers() {
        let lost = || fault(FaultKind::Webhook { how: WebhookFault::Lost });
        assert_eq!(lost().every(2).validate(), Ok(()));
        assert_eq!(fields(&lost().on_routes(["clay.webhook"])), ["routes"]);
        assert_eq!(fields(&lost().on_customers(["ada"])), ["customers"]);
        assert_eq!(fields(&lost().on_vendor(SimulatedVendor::CustomerIo)), ["vendor"]);
        assert_eq!(fields(&fault(FaultKind::Hang).on_customers(["ada", ""])), ["customers[1]"]);
    }

    #[test]
    fn values_that_a_kind_cannot_take_are_reported() {
        let (zero, second, long) = (Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3601));
        let latency = |model, jitter| FaultKind::Latency { model, jitter };
        let fixed = |delay| LatencyModel::Fixed { delay };
        let lognormal = |p50, p99| LatencyModel::Lognormal { p50, p99 };
        let key = |key: &str| Some(crate::secret::Secret(key.to_owned()));
        for (kind, field) in [
            (FaultKind::Auth { status: 400, new_key: None }, "status"),
            (FaultKind::Auth { status: 401, new_key: key("") }, "new_key"),
            (FaultKind::Error { status: 500, body: Some("x".repeat(1024 * 1024 + 1)) }, "body"),
            (latency(fixed(long), zero), "add"),
            (latency(fixed(second), long), "jitter"),
            (latency(fixed(second), second * 2), "jitter"),
            (latency(LatencyModel::Uniform { min: second, max: zero }, zero), "add.uniform"),
            (latency(lognormal(zero, second), zero), "add.lognormal.p50"),
            (latency(lognormal(second, zero), zero), "add.lognormal.p99"),
            (FaultKind::SlowBody { chunk: 0, pause: second }, "chunk"),
            (FaultKind::SlowBody { chunk: 1, pause: zero }, "pause"),
            (FaultKind::SlowBody { chunk: 1, pause: long }, "pause"),
            (FaultKind::Bandwidth { bytes_per_second: 0 }, "bytes_per_second"),
            (FaultKind::Webhook { how: WebhookFault::Late { by: zero } }, "by"),
            (FaultKind::Webhook { how: WebhookFault::Late { by: long } }, "by"),
        ] {
            assert_eq!(fields(&fault(kind.clone())).first().map(String::as_str), Some(field), "{kind:?}");
        }
        for kind in [
            latency(fixed(second), second),
            latency(lognormal(second, second), second * 2),
            FaultKind::Error { status: 500, body: Some("x".repeat(1024 * 1024)) },
            FaultKind::Truncate { bytes: u64::MAX },
            FaultKind::SlowBody { chunk: u64::MAX, pause: second },
            FaultKind::Bandwidth { bytes_per_second: u64::MAX },
        ] {
            assert_eq!(fault(kind).validate(), Ok(()));
        }
    }

    #[test]
    fn names_can_be_listed_and_used_in_a_path() {
        let of = |name: &str| fields(&Fault::new(name, FaultKind::Hang));
        for bad in ["", " ", ".", "..", "a\nb", "\u{7f}", &"é".repeat(LONGEST_NAME + 1)] {
            assert_eq!(of(bad), ["name"], "{bad:?}");
        }
        for good in ["a/b?c#d", "...", "Ausfall bei Clay, 50 % 😀", &"é".repeat(LONGEST_NAME)] {
            assert!(of(good).is_empty(), "{good:?}");
        }
    }

    #[test]
    fn names_are_unique() {
        let faults = [fault(FaultKind::Outage { how: Outage::Close }), fault(FaultKind::Outage { how: Outage::Close })];
        let problems = validate_timetable(&faults).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].0, problems[0].1.field.as_str()), (1, "name"));
        assert_eq!(validate_timetable(&faults[..1]), Ok(()));
    }
}
