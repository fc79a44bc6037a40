//! From the text of a file to what it means, with everything that is wrong with it at once.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::checker::Checker;
use super::diagnostics::{ConfigErrors, Diagnostics, Severity};
use super::document::Document;
use super::file_kind::FileKind;
use super::structure::{keys, sound_part};
use crate::text::nearest;

/// The text of the file at `path`, which is to be of this kind.
pub(crate) fn text_of(path: &Path, kind: &FileKind) -> Result<String, ConfigErrors> {
    let what = kind.what;
    let refuse = |text: &str, at: usize, message: String, help: &str| {
        let mut diagnostics = Diagnostics::new(path, text);
        diagnostics.add(Severity::Error, at..at, message, help.to_owned());
        ConfigErrors(diagnostics)
    };
    let bytes = std::fs::read(path)
        .map_err(|error| refuse("", 0, format!("the {what} cannot be read: {error}"), &advice(path, &error, kind.writes)))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let readable = String::from_utf8_lossy(error.as_bytes());
        refuse(&readable, at, format!("the {what} is not UTF-8 from here on"), "save the file as UTF-8")
    })
}

/// What to do about a file that cannot be read.
fn advice(path: &Path, error: &std::io::Error, writes: &str) -> String {
    match error.kind() {
        ErrorKind::NotFound => match neighbour(path) {
            Some(meant) => format!("did you mean {}?", meant.display()),
            None => format!("there is no file of this name; `{writes}` writes one"),
        },
        ErrorKind::PermissionDenied => "its permissions keep you from reading it".to_owned(),
        ErrorKind::IsADirectory => "it is a directory: name a file in it".to_owned(),
        _ => "the file is there, and the system does not let it be read".to_owned(),
    }
}

/// The TOML file beside it whose name is the nearest.
fn neighbour(path: &Path) -> Option<PathBuf> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wanted = path.file_name()?.to_str()?;
    let names = std::fs::read_dir(directory).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<String> = names.filter(|name| name.ends_with(".toml") && name != wanted).collect();
    let whole = format!("{wanted}.toml");
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let meant = known.iter().copied().find(|name| *name == whole).or_else(|| nearest(wanted, &known))?;
    Some(path.with_file_name(meant))
}

/// Reads a file of a kind, of the structure that `schema` describes, and judges it by `check`. Gives its warnings with what it
/// says.
pub(crate) fn read_as<R: DeserializeOwned, T>(
    kind: &FileKind,
    text: &str,
    path: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
    missing_variable: Severity,
    schema: &Value,
    check: impl FnOnce(&mut Checker<'_>, &R) -> Option<T>,
) -> Result<(T, Diagnostics), ConfigErrors> {
    // A byte order mark is not part of the text; TOML's parser would skip it, and count it in its positions.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut diagnostics = Diagnostics::new(path, text);
    let (mut document, syntax_errors) = Document::parse(text);
    if let Some(first) = syntax_errors.first() {
        if kind.is_unlike(document.table.get_ref(), &keys(schema)) {
            let (message, help) = (format!("this is not TOML: {}", first.message()), kind.how_to_begin());
            diagnostics.add(Severity::Error, first.span().unwrap_or(0..0), message, help);
            return Err(ConfigErrors(diagnostics.finish()));
        }
        for error in syntax_errors {
            let (message, help) = syntax_advice(error.message());
            diagnostics.add(Severity::Error, error.span().unwrap_or(0..0), message, help);
        }
        return Err(ConfigErrors(diagnostics.finish()));
    }
    if let Some((at, message, help)) = kind.mistaken(document.table.get_ref(), &keys(schema)) {
        diagnostics.add(Severity::Error, at, message, help);
        return Err(ConfigErrors(diagnostics.finish()));
    }
    let sound = sound_part(&mut document, schema, &mut diagnostics);
    let mut checked = None;
    match R::deserialize(sound) {
        Ok(raw) => {
            let directory = path.parent().unwrap_or(Path::new(""));
            let mut checker =
                Checker { document: &document, diagnostics: &mut diagnostics, directory, environment, missing_variable };
            checked = check(&mut checker, &raw);
        }
        // The schema is generated from these types, so what it passes is read; if not, the file's fault is not hidden.
        Err(error) => {
            diagnostics.add(Severity::Error, 0..0, error.to_string(), "compare the file with its JSON Schema".to_owned());
        }
    }
    let diagnostics = diagnostics.finish();
    match checked {
        Some(checked) if !diagnostics.has_errors() => Ok((checked, diagnostics)),
        _ => Err(ConfigErrors(diagnostics)),
    }
}

/// The parser says what is wrong and what it expected; a file that is no TOML cannot be judged further.
fn syntax_advice(message: &str) -> (String, String) {
    let rest = "everything else is judged once the file is TOML";
    match message.split_once(", expected ") {
        Some((message, expected)) => (message.to_owned(), format!("expected {expected}; {rest}")),
        None => (message.to_owned(), rest.to_owned()),
    }
}
