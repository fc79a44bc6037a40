//! From a form's keys to what a fault does, and back.

use super::{FaultForm, HowName, KindName, WhenName};
use crate::duration::Period;
use crate::fault::problem::Wrong;
use crate::fault::{
    Fault, FaultKind, FaultProblem, LostAnswer, Malformed, Outage, ResetPoint, RetryAfterStyle, WebhookFault, reset,
};

impl FaultForm {
    /// What the fault does; `None` where a key that it needs is missing or of another kind, which is added to `problems`.
    pub(super) fn fault_kind(&self, problems: &mut Vec<FaultProblem>) -> Option<FaultKind> {
        Some(match self.kind {
            KindName::Outage => FaultKind::Outage { how: self.outage(problems)? },
            KindName::Auth => FaultKind::Auth { status: self.status.unwrap_or(401), new_key: self.new_key.clone() },
            KindName::RateLimit => FaultKind::RateLimit {
                rate: self.needed(self.rate, "rate", "rate = 5", problems)?,
                burst: self.burst.unwrap_or(1),
                retry_after: self.retry_after.unwrap_or(RetryAfterStyle::Seconds),
            },
            KindName::Credits => FaultKind::Credits,
            KindName::Error => FaultKind::Error {
                status: self.needed(self.status, "status", "status = 503", problems)?,
                body: self.body.clone(),
            },
            KindName::Latency => FaultKind::Latency {
                model: self.needed(self.add, "add", "add = \"500ms\"", problems)?.into(),
                jitter: self.jitter.map(|jitter| jitter.0).unwrap_or_default(),
            },
            KindName::LostAnswer => FaultKind::LostAnswer { how: self.lost_answer(problems)? },
            KindName::Hang => FaultKind::Hang,
            KindName::Reset => FaultKind::Reset { when: self.reset(problems) },
            KindName::Malformed => FaultKind::Malformed { how: self.malformed(problems)? },
            KindName::Truncate => FaultKind::Truncate { bytes: self.needed(self.bytes, "bytes", "bytes = 10", problems)? },
            KindName::SlowBody => FaultKind::SlowBody {
                pause: self.needed(self.pause, "pause", "pause = \"100ms\"", problems)?.0,
                chunk: self.chunk.unwrap_or(1),
            },
            KindName::Bandwidth => FaultKind::Bandwidth {
                bytes_per_second: self.needed(self.bytes_per_second, "bytes_per_second", "bytes_per_second = 1000", problems)?,
            },
            KindName::Webhook => FaultKind::Webhook { how: self.webhook(problems)? },
        })
    }

    fn outage(&self, problems: &mut Vec<FaultProblem>) -> Option<Outage> {
        match self.how.unwrap_or(HowName::Refuse) {
            HowName::Refuse => Some(Outage::Refuse),
            HowName::Drop => Some(Outage::Drop),
            HowName::Close => Some(Outage::Close),
            HowName::Unavailable => Some(Outage::Unavailable),
            other => self.no_such_way(other, problems),
        }
    }

    fn lost_answer(&self, problems: &mut Vec<FaultProblem>) -> Option<LostAnswer> {
        match self.how.unwrap_or(HowName::Close) {
            HowName::Close => Some(LostAnswer::Close),
            HowName::Reset => Some(LostAnswer::Reset),
            HowName::Hang => Some(LostAnswer::Hang),
            other => self.no_such_way(other, problems),
        }
    }

    fn malformed(&self, problems: &mut Vec<FaultProblem>) -> Option<Malformed> {
        match self.how.unwrap_or(HowName::Json) {
            HowName::Json => Some(Malformed::Json),
            HowName::Head => Some(Malformed::Head),
            HowName::ContentLengthTooLong => Some(Malformed::ContentLengthTooLong),
            HowName::ContentLengthTooShort => Some(Malformed::ContentLengthTooShort),
            other => self.no_such_way(other, problems),
        }
    }

    fn webhook(&self, problems: &mut Vec<FaultProblem>) -> Option<WebhookFault> {
        let how = self.needed(self.how, "how", "how = \"late\"", problems)?;
        if how != HowName::Late && self.by.is_some() {
            let problem = "only callbacks that are `late` are late by something";
            problems.push(FaultProblem::value("by", problem, "leave it out, or let `how` be \"late\""));
        }
        match how {
            HowName::Late => Some(WebhookFault::Late { by: self.needed(self.by, "by", "by = \"30s\"", problems)?.0 }),
            HowName::Twice => Some(WebhookFault::Twice),
            HowName::OutOfOrder => Some(WebhookFault::OutOfOrder),
            HowName::Lost => Some(WebhookFault::Lost),
            HowName::BadlySigned => Some(WebhookFault::BadlySigned),
            other => self.no_such_way(other, problems),
        }
    }

    fn reset(&self, problems: &mut Vec<FaultProblem>) -> ResetPoint {
        match (self.when.unwrap_or(WhenName::Before), self.bytes) {
            (WhenName::Within, bytes) => ResetPoint::Within { bytes },
            (when, Some(_)) => {
                problems.push(reset::problem(when.as_str()));
                ResetPoint::Before
            }
            (WhenName::Before, None) => ResetPoint::Before,
            (WhenName::After, None) => ResetPoint::After,
        }
    }

    fn no_such_way<T>(&self, how: HowName, problems: &mut Vec<FaultProblem>) -> Option<T> {
        let problem = format!("`how` cannot be `{}` for a fault of kind `{}`", how.as_str(), self.kind.as_str());
        let ways: Vec<String> = self.kind.ways().iter().map(|way| format!("`{}`", way.as_str())).collect();
        problems.push(FaultProblem::value("how", problem, format!("it can be {}", ways.join(", "))));
        None
    }

    fn needed<T>(&self, value: Option<T>, key: &str, example: &str, problems: &mut Vec<FaultProblem>) -> Option<T> {
        if value.is_none() {
            problems.push(FaultProblem {
                field: key.to_owned(),
                problem: format!("a fault of kind `{}` needs `{key}`", self.kind.as_str()),
                help: format!("add `{example}`"),
                wrong: Wrong::Missing,
            });
        }
        value
    }
}

impl From<&Fault> for FaultForm {
    fn from(fault: &Fault) -> Self {
        let time = |duration: std::time::Duration| (!duration.is_zero()).then_some(Period(duration));
        let form = Self {
            vendor: fault.vendor,
            routes: fault.routes.clone(),
            customers: fault.customers.clone(),
            at: time(fault.at),
            lasts: fault.lasts.map(Period),
            share: (fault.share < 1.0).then_some(fault.share),
            every: fault.every,
            ramp_up: time(fault.ramp_up),
            ramp_down: time(fault.ramp_down),
            ..Self::new(fault.name.clone(), KindName::of(&fault.kind))
        };
        form.with_kind(&fault.kind)
    }
}

impl KindName {
    /// The kind's word.
    pub fn of(kind: &FaultKind) -> Self {
        match kind {
            FaultKind::Outage { .. } => Self::Outage,
            FaultKind::Auth { .. } => Self::Auth,
            FaultKind::RateLimit { .. } => Self::RateLimit,
            FaultKind::Credits => Self::Credits,
            FaultKind::Error { .. } => Self::Error,
            FaultKind::Latency { .. } => Self::Latency,
            FaultKind::LostAnswer { .. } => Self::LostAnswer,
            FaultKind::Hang => Self::Hang,
            FaultKind::Reset { .. } => Self::Reset,
            FaultKind::Malformed { .. } => Self::Malformed,
            FaultKind::Truncate { .. } => Self::Truncate,
            FaultKind::SlowBody { .. } => Self::SlowBody,
            FaultKind::Bandwidth { .. } => Self::Bandwidth,
            FaultKind::Webhook { .. } => Self::Webhook,
        }
    }
}

impl FaultForm {
    fn with_kind(self, kind: &FaultKind) -> Self {
        match kind {
            FaultKind::Outage { how } => Self { how: Some((*how).into()), ..self },
            FaultKind::LostAnswer { how } => Self { how: Some((*how).into()), ..self },
            FaultKind::Malformed { how } => Self { how: Some((*how).into()), ..self },
            FaultKind::Auth { status, new_key } => Self { status: Some(*status), new_key: new_key.clone(), ..self },
            FaultKind::RateLimit { rate, burst, retry_after } => {
                Self { rate: Some(*rate), burst: Some(*burst), retry_after: Some(*retry_after), ..self }
            }
            FaultKind::Credits | FaultKind::Hang => self,
            FaultKind::Error { status, body } => Self { status: Some(*status), body: body.clone(), ..self },
            FaultKind::Latency { model, jitter } => {
                let jitter = (!jitter.is_zero()).then_some(Period(*jitter));
                Self { add: Some((*model).into()), jitter, ..self }
            }
            FaultKind::Reset { when } => {
                let (when, bytes) = match when {
                    ResetPoint::Before => (WhenName::Before, None),
                    ResetPoint::Within { bytes } => (WhenName::Within, *bytes),
                    ResetPoint::After => (WhenName::After, None),
                };
                Self { when: Some(when), bytes, ..self }
            }
            FaultKind::Truncate { bytes } => Self { bytes: Some(*bytes), ..self },
            FaultKind::SlowBody { chunk, pause } => Self { chunk: Some(*chunk), pause: Some(Period(*pause)), ..self },
            FaultKind::Bandwidth { bytes_per_second } => Self { bytes_per_second: Some(*bytes_per_second), ..self },
            FaultKind::Webhook { how } => {
                let (how, by) = match how {
                    WebhookFault::Late { by } => (HowName::Late, Some(Period(*by))),
                    WebhookFault::Twice => (HowName::Twice, None),
                    WebhookFault::OutOfOrder => (HowName::OutOfOrder, None),
                    WebhookFault::Lost => (HowName::Lost, None),
                    WebhookFault::BadlySigned => (HowName::BadlySigned, None),
                };
                Self { how: Some(how), by, ..self }
            }
        }
    }
}
