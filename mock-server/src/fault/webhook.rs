//! Webhook: something happens to the callbacks that Clay makes.
//!
//! Delivery is not guaranteed, says Clay, and integrators report callbacks that came twice. A receiver has to live with all of
//! it: wait without hanging, take a duplicate for one, put what overtakes in order, and refuse what is badly signed.

use super::{Begun, Effect, Facts, FaultForm, FaultProblem, HowName, Moment, Verdict, WebhookFault};
use crate::simulated::{Request, SimulatedVendor, Vendor};

pub(super) const FACTS: Facts = Facts {
    keys: &["how", "by"],
    ways: &[HowName::Late, HowName::Twice, HowName::OutOfOrder, HowName::Lost, HowName::BadlySigned],
    needs: &[("how", "how = \"late\"")],
    contradiction,
    only_of: Some((SimulatedVendor::Clay, "makes callbacks")),
    hits_callbacks: true,
    ..Facts::NONE
};

fn contradiction(form: &FaultForm) -> Option<FaultProblem> {
    match (form.how?, form.by) {
        (HowName::Late, None) => Some(FaultProblem::missing(form.kind, "by", "by = \"30s\"")),
        (HowName::Late, Some(_)) | (_, None) => None,
        (_, Some(_)) => {
            let problem = "only callbacks that are `late` are late by something";
            Some(FaultProblem::value("by", problem, "leave it out, or let `how` be \"late\""))
        }
    }
}

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
