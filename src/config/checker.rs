//! Checking a file of the right structure: what every check needs, and the checks of values that many settings share.
//!
//! Each room whose settings a file holds adds its own checks to [`Checker`]. Every check reports and goes on.

use std::ops::Range;
use std::path::Path;

use mock_server::latency::LatencyModel;
use mock_server::settings::flaw;

use crate::text::all_of;

use super::diagnostics::{Diagnostics, Severity};
use super::document::{Document, KeyPath};
use super::secret::Secret;
use super::values::EnvVar;

/// What every check needs.
pub(crate) struct Checker<'a> {
    pub(crate) document: &'a Document<'a>,
    pub(crate) diagnostics: &'a mut Diagnostics,
    /// Where the scenario's file is: other files are named from there.
    pub(crate) directory: &'a Path,
    /// Reads an environment variable.
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
    /// What it means that an environment variable is not set.
    pub(crate) missing_variable: Severity,
}

impl Checker<'_> {
    /// The credential in an environment variable, with its prefix.
    pub(crate) fn secret(&mut self, variable: &EnvVar, place: &KeyPath) -> Secret {
        self.credential(variable, place, flaw)
    }

    /// As [`Checker::secret`], but words may be apart, as in "Bearer …".
    pub(crate) fn secret_words(&mut self, variable: &EnvVar, place: &KeyPath) -> Secret {
        self.credential(variable, place, |value| {
            flaw(value).filter(|_| value.is_empty() || value.trim() != value || value.contains(char::is_control))
        })
    }

    /// The value of an environment variable behind its prefix; empty where it has a flaw, which is reported.
    fn credential(&mut self, variable: &EnvVar, place: &KeyPath, flaw: fn(&str) -> Option<&'static str>) -> Secret {
        let EnvVar { env, prefix } = variable;
        let mut value = (self.environment)(env).unwrap_or_default();
        let flaw = flaw(&value)
            .map(|flaw| if value.is_empty() { (self.missing_variable, "is not set") } else { (Severity::Error, flaw) });
        if let Some((severity, flaw)) = flaw {
            let message = format!("the environment variable {env} {flaw}");
            // Wherever else it is named: it is set once.
            if self.diagnostics.problems().iter().all(|problem| problem.message != message) {
                self.report(severity, place, message, format!("set it first: export {env}=…"));
            }
            value.clear();
        }
        Secret::new(format!("{prefix}{value}"))
    }

    /// Bounds and percentiles must be in the right order.
    pub(crate) fn check_bounds(&mut self, model: LatencyModel, place: &KeyPath) {
        if let Some([key, problem, help]) = model.wrong_bounds() {
            self.error(&place.within(key), problem, help);
        }
    }

    /// Reports each of `keys` that is in `table` and not among those that `owner` is `allowed`.
    pub(crate) fn refuse_keys(&mut self, table: &KeyPath, owner: &str, keys: &[&str], allowed: &[&str]) {
        let takes = if allowed.is_empty() { "no keys of its own".to_owned() } else { all_of(allowed) };
        let document = self.document;
        for key in keys.iter().filter(|key| document.has(&table.key(key)) && !allowed.contains(key)) {
            let span = document.key_span(&table.key(key));
            self.error_at(span, format!("`{key}` does not belong to {owner}"), format!("leave it out: {owner} takes {takes}"));
        }
    }

    /// An error at the value of `place`.
    pub(crate) fn error(&mut self, place: &KeyPath, message: impl Into<String>, help: impl Into<String>) {
        self.report(Severity::Error, place, message, help);
    }

    /// A warning at the value of `place`.
    pub(crate) fn warning(&mut self, place: &KeyPath, message: impl Into<String>, help: impl Into<String>) {
        self.report(Severity::Warning, place, message, help);
    }

    pub(crate) fn report(&mut self, severity: Severity, place: &KeyPath, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.add(severity, self.document.value_span(place), message.into(), help.into());
    }

    pub(crate) fn error_at(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.add(Severity::Error, span, message.into(), help.into());
    }

    pub(crate) fn webhook_path(&mut self, path: &str, place: &KeyPath) {
        if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
            let help = "write the path under Clay's base URL: \"/v3/sources/webhook/…\"";
            self.error(place, format!("`{}` is not a path", path.escape_debug()), help);
        }
    }

    /// A whole URL, http or https, without credentials in it. What a URL does not hold as it is, is encoded as a browser would.
    pub(crate) fn url(&mut self, text: &str, place: &KeyPath) -> Option<http::Uri> {
        let mut url = match whole_url(text) {
            Ok(url) => url,
            Err((reason, help)) => {
                self.error(place, format!("`{}` {reason}", text.escape_debug()), help);
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            let span = self.document.value_span(place);
            self.diagnostics.redact(span);
            self.error(
                place,
                "a credential does not belong in a URL",
                "send it in a header: { Authorization = { env = \"NAME\" } }",
            );
            return None;
        }
        if url.fragment().is_some() {
            self.error(place, "what follows `#` in a URL is never sent", "leave it out, or write `%23` for the character itself");
            url.set_fragment(None);
        }
        url.as_str().parse().map_err(|_| self.error(place, "the URL is too long", "write at most 65,000 characters")).ok()
    }

    /// The URL under which paths are called.
    pub(crate) fn base_url(&mut self, text: &str, place: &KeyPath) -> Option<http::Uri> {
        let url = self.url(text.trim_end_matches('/'), place)?;
        if url.query().is_some() {
            self.error(place, "paths are put behind this URL, so it can have no query", "leave out what begins with `?`");
            return None;
        }
        Some(url)
    }
}

/// Reads an http or https URL, or says why it is none and what would be right.
fn whole_url(text: &str) -> Result<url::Url, (String, &'static str)> {
    const WHOLE: &str = "write it with its scheme: \"https://example.com/path\"";
    // A browser drops line breaks and finds a host behind a third slash: here they are mistakes.
    if text.contains(char::is_control) {
        return Err(("holds a line break or another control character".to_owned(), "write the URL on one line"));
    }
    let has_host = text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with(['/', '\\']));
    match url::Url::parse(text) {
        Ok(url) if has_host && matches!(url.scheme(), "http" | "https") => Ok(url),
        Err(error) if has_host && !text.ends_with("://") => Err((format!("is not a URL: {error}"), WHOLE)),
        _ => Err(("is not a whole URL".to_owned(), WHOLE)),
    }
}
