//! How a fault is written, in a scenario (TOML) or to the admin API (JSON): one flat table of keys.
//!
//! Which keys there are beside the common ones depends on the kind. [`FaultForm::check`] reports everything that is wrong at
//! once, with the key at fault; a [`Fault`] that has been made from a form is valid.

use std::time::Duration;

use serde_json::Value;

use super::definition::Fault;
use super::kind::FaultKind;
use super::problem::{FaultProblem, Wrong};
use crate::duration::Period;

pub use super::keys::FaultForm;
pub use super::words::{HowName, KindName, WhenName};

impl FaultForm {
    /// The fault that is meant.
    ///
    /// # Errors
    ///
    /// Everything that is wrong: keys that the kind needs or does not take, and values that make no sense.
    pub fn check(&self) -> Result<Fault, Vec<FaultProblem>> {
        let mut problems = self.superfluous();
        let kind = FaultKind::read(self, &mut problems);
        // Where the kind cannot be made, another stands in for it, so that the rest is judged too.
        let fault = self.fault(kind.unwrap_or(FaultKind::Hang));
        problems.extend(fault.validate().err().into_iter().flatten());
        if problems.is_empty() { Ok(fault) } else { Err(problems) }
    }

    fn fault(&self, kind: FaultKind) -> Fault {
        let time = |period: Option<Period>| period.map(|period| period.0).unwrap_or_default();
        Fault {
            name: self.name.clone(),
            vendor: self.vendor.or(kind.only_of()),
            routes: self.routes.clone(),
            customers: self.customers.clone(),
            at: time(self.at),
            lasts: self.lasts.map(|lasts| lasts.0),
            share: self.share.unwrap_or(1.0),
            every: self.every,
            ramp_up: time(self.ramp_up),
            ramp_down: time(self.ramp_down),
            kind,
        }
    }

    /// Keys that are there, that are of another kind, and that this one does not take.
    fn superfluous(&self) -> Vec<FaultProblem> {
        let (kind, keys) = (self.kind.as_str(), self.kind.keys());
        let takes = if keys.is_empty() {
            "no keys of its own".to_owned()
        } else {
            keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
        };
        let superfluous = |key: String| FaultProblem {
            problem: format!("`{key}` does not belong to a fault of kind `{kind}`"),
            help: format!("leave it out: a fault of kind `{kind}` takes {takes}"),
            wrong: Wrong::Superfluous,
            field: key,
        };
        // Only keys that are there are written.
        let Ok(Value::Object(written)) = serde_json::to_value(self) else { return Vec::new() };
        let is_anothers = |key: &str| !keys.contains(&key) && KindName::ALL.iter().any(|kind| kind.keys().contains(&key));
        written.into_iter().map(|(key, _)| key).filter(|key| is_anothers(key)).map(superfluous).collect()
    }
}

impl From<&Fault> for FaultForm {
    fn from(fault: &Fault) -> Self {
        let time = |duration: Duration| (!duration.is_zero()).then_some(Period(duration));
        let mut form = Self {
            vendor: fault.vendor,
            routes: fault.routes.clone(),
            customers: fault.customers.clone(),
            at: time(fault.at),
            lasts: fault.lasts.map(Period),
            share: (fault.share < 1.0).then_some(fault.share),
            every: fault.every,
            ramp_up: time(fault.ramp_up),
            ramp_down: time(fault.ramp_down),
            ..Self::new(fault.name.clone(), fault.kind.word())
        };
        fault.kind.write(&mut form);
        form
    }
}

#[cfg(test)]
mod tests;
