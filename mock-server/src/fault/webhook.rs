//! Webhook: something happens to the callbacks that Clay makes.
//!
//! Delivery is not guaranteed, says Clay, and integrators report callbacks that came twice. A receiver has to live with all of
//! it: wait without hanging, take a duplicate for one, put what overtakes in order, and refuse what is badly signed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::effect::{CallbackVerdict, Effect, Moment, Verdict};
use super::problem::FaultProblem;
use crate::duration::format_duration;
use crate::latency::LONGEST_DELAY;
use crate::simulated::{Request, Vendor};

/// What happens to a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// It comes later.
    Late {
        /// By how much.
        by: Duration,
    },
    /// It comes twice.
    Twice,
    /// The next one overtakes it.
    OutOfOrder,
    /// It never comes.
    Lost,
    /// Its signature is wrong.
    BadlySigned,
}

pub(super) fn describe(how: WebhookFault) -> String {
    match how {
        WebhookFault::Late { by } => format!("callbacks {by:?} late"),
        WebhookFault::Twice => "callbacks sent twice".to_owned(),
        WebhookFault::OutOfOrder => "callbacks out of order".to_owned(),
        WebhookFault::Lost => "callbacks lost".to_owned(),
        WebhookFault::BadlySigned => "callbacks badly signed".to_owned(),
    }
}

pub(super) fn problem(how: WebhookFault) -> Option<FaultProblem> {
    let WebhookFault::Late { by } = how else { return None };
    if by.is_zero() {
        return Some(FaultProblem::value(
            "by",
            "a callback that is late by nothing is not late",
            "give it a length, as in \"30s\"",
        ));
    }
    (by > LONGEST_DELAY).then(|| {
        let problem = format!("the simulator does not wait for {}", format_duration(by));
        FaultProblem::value("by", problem, format!("give at most {}", format_duration(LONGEST_DELAY)))
    })
}

pub(super) struct Disturbed(pub(super) WebhookFault);

impl Effect for Disturbed {
    fn judge(&self, _vendor: &dyn Vendor, _request: &Request<'_>, _moment: Moment) -> Verdict {
        Verdict::Pass
    }

    fn judge_callback(&self) -> CallbackVerdict {
        match self.0 {
            WebhookFault::Late { by } => CallbackVerdict::Delay(by),
            WebhookFault::Twice => CallbackVerdict::Twice,
            WebhookFault::OutOfOrder => CallbackVerdict::Swap,
            WebhookFault::Lost => CallbackVerdict::Lose,
            WebhookFault::BadlySigned => CallbackVerdict::BadSignature,
        }
    }
}
