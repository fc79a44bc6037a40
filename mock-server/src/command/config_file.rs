//! A file that says how the vendors behave and what is broken: TOML with `[clay]`, `[customer_io]` and `[[faults]]`, in the
//! form that scenarios have.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::fault::form::FaultForm;
use crate::fault::{Fault, FaultProblem, validate_timetable};
use crate::settings::{ClaySettings, CustomerIoSettings, SettingsProblem, SimulationSettings};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    /// Read for what is wrong with it; its keys are laid over the settings as they are.
    #[serde(rename = "clay")]
    _clay: Option<ClaySettings>,
    /// Likewise.
    #[serde(rename = "customer_io")]
    _customer_io: Option<CustomerIoSettings>,
    #[serde(default)]
    faults: Vec<FaultForm>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}", list(path, problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        problems: Vec<Placed>,
    },
}

/// Something that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

fn list(path: &Path, problems: &[Placed]) -> String {
    let line = |problem: &Placed| format!("{}:{}:{}: {}", path.display(), problem.line, problem.column, problem.message);
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `settings` with everything that a file says: its keys in place of what is there, and its faults.
///
/// # Errors
///
/// It cannot be read, or something in it is wrong; then everything that is, with its place.
pub(super) fn read(path: &Path, settings: SimulationSettings) -> Result<SimulationSettings, ConfigFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigFileError::Read { path: path.to_owned(), source })?;
    parse(&text, settings).map_err(|problems| ConfigFileError::Wrong { path: path.to_owned(), problems })
}

fn parse(text: &str, settings: SimulationSettings) -> Result<SimulationSettings, Vec<Placed>> {
    let wrong = |error: toml::de::Error| {
        // Only the first line says what is wrong; the others repeat where.
        vec![placed(text, error.span(), error.message().to_owned())]
    };
    let file: ConfigFile = toml::from_str(text).map_err(wrong)?;
    let mut keys: Value = toml::from_str(text).map_err(wrong)?;
    let places = Places::of(text);
    let settings = SimulationSettings {
        clay: overlaid(settings.clay, keys["clay"].take()),
        customer_io: overlaid(settings.customer_io, keys["customer_io"].take()),
        faults: faults(text, &file.faults, &places)?,
        ..settings
    };
    settings.validate().map_err(|SettingsProblem { setting, problem }| {
        vec![placed(text, places.of_setting(setting), format!("{setting}: {problem}"))]
    })?;
    Ok(settings)
}

fn faults(text: &str, forms: &[FaultForm], places: &Places<'_>) -> Result<Vec<Fault>, Vec<Placed>> {
    let mut problems = Vec::new();
    let mut faults = Vec::new();
    for (index, form) in forms.iter().enumerate() {
        match form.check() {
            Ok(fault) => faults.push(fault),
            Err(wrong) => problems.extend(wrong.into_iter().map(|problem| (index, problem))),
        }
    }
    if problems.is_empty() {
        problems = validate_timetable(&faults).err().unwrap_or_default();
    }
    let placed = |(index, problem): (usize, FaultProblem)| {
        placed(text, places.of_field(index, &problem.field), format!("{}; {}", problem.problem, problem.help))
    };
    if problems.is_empty() { Ok(faults) } else { Err(problems.into_iter().map(placed).collect()) }
}

/// `settings` with the keys that are given in place of theirs. They have been read as such settings before.
fn overlaid<Settings: Serialize + DeserializeOwned>(settings: Settings, keys: Value) -> Settings {
    let Ok(mut written) = serde_json::to_value(&settings) else { return settings };
    lay_over(&mut written, keys);
    serde_json::from_value(written).unwrap_or(settings)
}

fn lay_over(base: &mut Value, keys: Value) {
    match (base, keys) {
        (_, Value::Null) => {}
        // A choice among forms (`{ uniform = … }`, `{ lognormal = … }`) is replaced as a whole, and so is a list.
        (Value::Object(base), Value::Object(keys)) if keys.keys().all(|key| base.contains_key(key)) => {
            for (key, value) in keys {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, keys) => *base = keys,
    }
}

/// Where the tables and their keys stand.
struct Places<'a>(Option<toml::Spanned<DeTable<'a>>>);

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        Self(DeTable::parse(text).ok())
    }

    /// The value of a field of a fault, or the fault where it has no such field. A path (`routes[1]`) is cut to its first part.
    fn of_field(&self, index: usize, field: &str) -> Option<Range<usize>> {
        let faults = self.0.as_ref()?.get_ref().get("faults")?;
        let DeValue::Array(faults) = faults.get_ref() else { return None };
        let fault = faults.get(index)?;
        let DeValue::Table(keys) = fault.get_ref() else { return None };
        let key = field.split(['.', '[']).next().unwrap_or(field);
        Some(keys.get(key).map_or_else(|| fault.span(), |value| value.span()))
    }

    /// A setting called `clay.callbacks.url`, or the nearest table around it that is there.
    fn of_setting(&self, setting: &str) -> Option<Range<usize>> {
        let mut table = self.0.as_ref()?.get_ref();
        let mut place = None;
        for key in setting.split('.') {
            let Some(value) = table.get(key) else { return place };
            place = Some(value.span());
            let DeValue::Table(inner) = value.get_ref() else { return place };
            table = inner;
        }
        place
    }
}

fn placed(text: &str, span: Option<Range<usize>>, message: String) -> Placed {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Placed { line, column, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RateLimit;

    fn parse(text: &str) -> Result<SimulationSettings, Vec<Placed>> {
        super::parse(text, SimulationSettings::default())
    }

    fn problems(text: &str) -> Vec<(usize, usize, String)> {
        parse(text).unwrap_err().into_iter().map(|one| (one.line, one.column, one.message)).collect()
    }

    #[test]
    fn faults_are_read_as_in_a_scenario() {
        let text = "[[faults]]\nname = \"a\"\nkind = \"outage\"\nvendor = \"clay\"\nat = \"30s\"\nlasts = \"1m\"\n";
        let faults = parse(text).unwrap().faults;
        assert_eq!((faults.len(), faults[0].at.as_secs(), faults[0].lasts.map(|lasts| lasts.as_secs())), (1, 30, Some(60)));
        assert_eq!(parse("").unwrap(), SimulationSettings::default());
    }

    #[test]
    fn problems_are_reported_with_line_and_column() {
        let of = |text: &str| problems(text).remove(0);
        let (line, column, message) = of("[[faults]]\nname = \"a\"\nkind = \"outage\"\nhow = \"refuses\"\n");
        assert!((line, column) == (4, 7) && message.contains("refuses"), "{line}:{column}: {message}");
        let (line, _, message) = of("[[faults]]\nname = \"a\"\nkind = \"hang\"\nlast = \"1m\"\n");
        assert!(line == 4 && message.contains("last"), "{line}: {message}");
        let (line, column, message) = of("[[faults]]\nname = \"a\"\nkind = \"hang\"\nlasts = 60\n");
        assert!((line, column) == (4, 9), "{line}:{column}: {message}");
        let (line, _, message) = of("[[faults]\n");
        assert!(line == 1 && !message.is_empty());
        let (line, column, message) = of("[[faults]]\nname = \"a\"\nkind = \"error\"\n");
        assert!((line, column) == (1, 1) && message.contains("status"), "{line}:{column}: {message}");
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let text =
            "[[faults]]\nname = \"é\"\nkind = \"error\"\nstatus = 99\n\n[[faults]]\nname = \"b\"\nkind = \"hang\"\nshare = 2\n";
        let places: Vec<_> = problems(text).into_iter().map(|(line, column, _)| (line, column)).collect();
        assert_eq!(places, [(4, 10), (9, 9)]);
        let twice = "[[faults]]\nname = \"a\"\nkind = \"hang\"\n[[faults]]\nname = \"a\"\nkind = \"hang\"\n";
        assert_eq!(problems(twice).iter().map(|(line, column, _)| (*line, *column)).collect::<Vec<_>>(), [(5, 8)]);
    }

    #[test]
    fn keys_are_laid_over_the_settings_as_they_are() {
        let base = SimulationSettings {
            clay: ClaySettings::documented(),
            customer_io: CustomerIoSettings::documented_limits(),
            ..SimulationSettings::default()
        };
        let text = "[clay]\nlatency = \"5ms\"\n[clay.credits]\nplan = \"growth\"\n[clay.enrichment]\ntime_scale = 0.01\n\
                    [customer_io]\nregion = \"eu\"\nrate_limit = { rate = 5, burst = 6 }\nlatency = { uniform = [\"1ms\", \"2ms\"] }\n";
        let settings = super::parse(text, base.clone()).unwrap();
        assert_eq!(settings.clay.credits.plan, crate::settings::Plan::Growth);
        assert_eq!((settings.clay.rate_limit, settings.clay.enrichment.time_scale), (base.clay.rate_limit, 0.01));
        assert_eq!(settings.clay.enrichment.providers, base.clay.enrichment.providers);
        assert_eq!(settings.customer_io.rate_limit, Some(RateLimit { rate: 5.0, burst: 6 }));
        assert_eq!(settings.customer_io.app_rate_limit, base.customer_io.app_rate_limit);
        assert_eq!(settings.customer_io.latency.to_string(), "1ms to 2ms");
    }

    #[test]
    fn settings_that_make_no_sense_are_reported_with_their_place() {
        let of = |text: &str| problems(text).remove(0);
        let (line, column, message) = of("[clay]\nrate_limit = { rate = 0, burst = 1 }\n");
        assert!((line, column) == (2, 14) && message.contains("clay.rate_limit"), "{line}:{column}: {message}");
        let (line, _, message) = of("[customer_io]\nregiom = \"eu\"\n");
        assert!(line == 2 && message.contains("regiom") && message.contains("region"), "{line}: {message}");
        let (line, column, message) = of("[clay.callbacks]\nattempts = 0\n");
        assert!((line, column) == (2, 12) && message.contains("attempts"), "{line}:{column}: {message}");
    }
}
