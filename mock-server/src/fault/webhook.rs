//! Webhook: something happens to the callbacks that Clay makes.
//!
//! Delivery is not guaranteed, says Clay, and integrators report callbacks that came twice. A receiver has to live with all of
//! it: wait without hanging, take a duplicate for one, put what overtakes in order, and refuse what is badly signed.

use super::{Begun, Effect, Facts, FaultForm, FaultProblem, HowName, Moment, Verdict, WebhookFault, keys};
use crate::duration::Period;
use crate::simulated::{Request, SimulatedVendor, Vendor};

pub(super) const FACTS: Facts = Facts {
    keys: &["how", "by"],
    ways: &[HowName::Late, HowName::Twice, HowName::OutOfOrder, HowName::Lost, HowName::BadlySigned],
    only_of: Some((SimulatedVendor::Clay, "makes callbacks")),
    hits_callbacks: true,
    ..Facts::NONE
};

pub(super) fn describe(how: &WebhookFault) -> String {
    match how {
        WebhookFault::Late { by } => format!("callbacks {by:?} late"),
        WebhookFault::Twice => "callbacks sent twice".to_owned(),
        WebhookFault::OutOfOrder => "callbacks out of order".to_owned(),
        WebhookFault::Lost => "callbacks lost".to_owned(),
        WebhookFault::BadlySigned => "callbacks badly signed".to_owned(),
    }
}

pub(super) fn check(how: &WebhookFault, problems: &mut Vec<FaultProblem>) {
    let WebhookFault::Late { by } = *how else { return };
    if by.is_zero() {
        let problem = "a callback that is late by nothing is not late";
        problems.push(FaultProblem::value("by", problem, "give it a length, as in \"30s\""));
    }
    problems.extend(FaultProblem::too_long("by", by));
}

pub(super) fn read(form: &FaultForm, problems: &mut Vec<FaultProblem>) -> Option<(WebhookFault,)> {
    let how = form.needed(form.how, "how", "how = \"late\"", problems)?;
    if how == HowName::Late {
        return Some((WebhookFault::Late { by: form.needed(form.by, "by", "by = \"30s\"", problems)?.0 },));
    }
    if form.by.is_some() {
        let problem = "only callbacks that are `late` are late by something";
        problems.push(FaultProblem::value("by", problem, "leave it out, or let `how` be \"late\""));
    }
    Some((form.way(how, FACTS.ways, problems)?,))
}

pub(super) fn write(how: &WebhookFault, form: &mut FaultForm) {
    (form.how, form.by) = match how {
        WebhookFault::Late { by } => (Some(HowName::Late), Some(Period(*by))),
        other => (keys::how(other), None),
    };
}

pub(super) fn effect(how: &WebhookFault, _: Begun<'_>) -> Box<dyn Effect> {
    Box::new(*how)
}

impl Effect for WebhookFault {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Pass
    }

    fn callback_fault(&self) -> Option<WebhookFault> {
        Some(*self)
    }
}
