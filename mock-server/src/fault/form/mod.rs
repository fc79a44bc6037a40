//! How a fault is written, in a scenario (TOML) or to the admin API (JSON): one flat table of keys.
//!
//! Which keys there are beside the common ones depends on the kind. [`FaultForm::check`] reports everything that is wrong at
//! once, with the key at fault; a [`Fault`] that has been made from a form is valid.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::Fault;
use super::problem::{FaultProblem, Wrong};

pub use super::keys::FaultForm;
pub use super::words::{HowName, KindName, WhenName};

impl FaultForm {
    /// The fault that is meant.
    ///
    /// # Errors
    ///
    /// Everything that is wrong: keys that the kind needs or does not take, and values that make no sense.
    pub fn check(&self) -> Result<Fault, Vec<FaultProblem>> {
        let form = self.with_defaults();
        let mut written = form.written();
        let mut problems = form.superfluous(&written);
        problems.extend(form.own_problems(&written));
        let fault = Fault::deserialize(Value::Object(written.clone())).or_else(|error| {
            if problems.is_empty() {
                problems.push(FaultProblem::value("kind", error.to_string(), "compare the fault with its JSON Schema"));
            }
            // A kind without keys stands in for it, so that the rest is judged too.
            written.insert("kind".to_owned(), KindName::Hang.as_str().into());
            Fault::deserialize(Value::Object(written))
        });
        let Ok(fault) = fault else { return Err(problems) };
        let fault = Fault { vendor: fault.vendor.or(fault.kind.only_of()), ..fault };
        problems.extend(fault.validate().err().into_iter().flatten());
        if problems.is_empty() { Ok(fault) } else { Err(problems) }
    }

    /// The form with the values of keys that the kind takes and that are left out.
    fn with_defaults(&self) -> Self {
        let mut form = self.clone();
        let facts = self.kind.facts();
        if !facts.needs.iter().any(|(key, _)| *key == "how") {
            form.how = form.how.or(facts.ways.first().copied());
        }
        (facts.defaults)(&mut form);
        form
    }

    /// The keys that are there.
    fn written(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut written)) = serde_json::to_value(self) else { return Map::new() };
        written.retain(|_, value| !value.is_null());
        written
    }

    /// Keys that are missing or contradict each other, and a `how` that is another kind's.
    fn own_problems(&self, written: &Map<String, Value>) -> Vec<FaultProblem> {
        let facts = self.kind.facts();
        let missing = facts.needs.iter().filter(|(key, _)| !written.contains_key(*key));
        let mut problems: Vec<FaultProblem> =
            missing.map(|(key, example)| FaultProblem::missing(self.kind, key, example)).collect();
        problems.extend((facts.contradiction)(self));
        if let Some(how) = self.how.filter(|how| !facts.ways.is_empty() && !facts.ways.contains(how)) {
            let problem = format!("`how` cannot be `{}` for a fault of kind `{}`", how.as_str(), self.kind.as_str());
            let ways: Vec<String> = facts.ways.iter().map(|way| format!("`{}`", way.as_str())).collect();
            problems.push(FaultProblem::value("how", problem, format!("it can be {}", ways.join(", "))));
        }
        problems
    }

    /// Keys that are there, that are of another kind, and that this one does not take.
    fn superfluous(&self, written: &Map<String, Value>) -> Vec<FaultProblem> {
        let (kind, keys) = (self.kind.as_str(), self.kind.keys());
        let takes = if keys.is_empty() {
            "no keys of its own".to_owned()
        } else {
            keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
        };
        let superfluous = |key: &String| FaultProblem {
            problem: format!("`{key}` does not belong to a fault of kind `{kind}`"),
            help: format!("leave it out: a fault of kind `{kind}` takes {takes}"),
            wrong: Wrong::Superfluous,
            field: key.clone(),
        };
        // Only keys that are there are written.
        let is_anothers = |key: &str| !keys.contains(&key) && KindName::ALL.iter().any(|kind| kind.keys().contains(&key));
        written.keys().filter(|key| is_anothers(key)).map(superfluous).collect()
    }
}

#[cfg(test)]
mod tests;
