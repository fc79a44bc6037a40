//! A file of faults for the timetable: TOML, one table `[[faults]]` for each, in the form that scenarios have.

use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use crate::fault::form::FaultForm;
use crate::fault::{Fault, validate_timetable};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsFile {
    #[serde(default)]
    faults: Vec<FaultForm>,
}

/// Why faults cannot be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum FaultsFileError {
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
    let mut text = String::new();
    for (index, problem) in problems.iter().enumerate() {
        let end = if index + 1 < problems.len() { "\n" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{}:{}:{}: {}{end}", path.display(), problem.line, problem.column, problem.message);
    }
    text
}

/// The faults in a file, all of them valid.
///
/// # Errors
///
/// It cannot be read, or something in it is wrong; then everything that is, with its place.
pub(super) fn read(path: &Path) -> Result<Vec<Fault>, FaultsFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| FaultsFileError::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|problems| FaultsFileError::Wrong { path: path.to_owned(), problems })
}

fn parse(text: &str) -> Result<Vec<Fault>, Vec<Placed>> {
    let file: FaultsFile = toml::from_str(text).map_err(|error| {
        // Only the first line says what is wrong; the others repeat where.
        let message = error.message().to_owned();
        vec![placed(text, error.span(), message)]
    })?;
    let places = Places::of(text);
    let mut problems = Vec::new();
    let mut faults = Vec::new();
    for (index, form) in file.faults.iter().enumerate() {
        match form.check() {
            Ok(fault) => faults.push(fault),
            Err(wrong) => problems.extend(wrong.into_iter().map(|problem| {
                let message = format!("{}; {}", problem.problem, problem.help);
                placed(text, places.of_field(index, &problem.field), message)
            })),
        }
    }
    if problems.is_empty() {
        // Each is valid by itself, so that what is left is between them: a name that is used twice.
        let twice = validate_timetable(&faults).err().unwrap_or_default();
        problems.extend(twice.into_iter().map(|(index, problem)| {
            let message = format!("{}; {}", problem.problem, problem.help);
            placed(text, places.of_field(index, &problem.field), message)
        }));
    }
    if problems.is_empty() { Ok(faults) } else { Err(problems) }
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

    fn problems(text: &str) -> Vec<(usize, usize, String)> {
        parse(text).unwrap_err().into_iter().map(|one| (one.line, one.column, one.message)).collect()
    }

    #[test]
    fn faults_are_read_as_in_a_scenario() {
        let text = "[[faults]]\nname = \"a\"\nkind = \"outage\"\nvendor = \"clay\"\nat = \"30s\"\nlasts = \"1m\"\n";
        let faults = parse(text).unwrap();
        assert_eq!((faults.len(), faults[0].at.as_secs(), faults[0].lasts.map(|lasts| lasts.as_secs())), (1, 30, Some(60)));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
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
    fn everything_that_is_wrong_is_told_at_once() {
        let text =
            "[[faults]]\nname = \"é\"\nkind = \"error\"\nstatus = 99\n\n[[faults]]\nname = \"b\"\nkind = \"hang\"\nshare = 2\n";
        let places: Vec<_> = problems(text).into_iter().map(|(line, column, _)| (line, column)).collect();
        assert_eq!(places, [(4, 10), (9, 9)]);
        let twice = "[[faults]]\nname = \"a\"\nkind = \"hang\"\n[[faults]]\nname = \"a\"\nkind = \"hang\"\n";
        assert_eq!(problems(twice).iter().map(|(line, column, _)| (*line, *column)).collect::<Vec<_>>(), [(5, 8)]);
    }
}
