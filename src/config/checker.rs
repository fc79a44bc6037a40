//! Checking a file of the right structure: what every check needs, and the checks of values that many settings share.
//!
//! Each room whose settings a file holds adds its own checks to [`Checker`]. Every check reports and goes on.

use std::ops::Range;
use std::path::Path;

use mock_server::latency::LatencyModel;

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
    /// The value of an environment variable, with its prefix.
    pub(crate) fn secret(&mut self, variable: &EnvVar, place: &KeyPath) -> Secret {
        let value = (self.environment)(&variable.env).filter(|value| !value.is_empty());
        if value.is_none() {
            let message = format!("the environment variable {} is not set", variable.env);
            let help = format!("set it first: export {}=…", variable.env);
            self.report(self.missing_variable, place, message, help);
        }
        Secret::new(format!("{}{}", variable.prefix, value.unwrap_or_default()))
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

    /// A whole URL, http or https, without credentials in it.
    pub(crate) fn url(&mut self, text: &str, place: &KeyPath) -> Option<http::Uri> {
        let parsed = text.parse::<http::Uri>().ok();
        let whole = parsed
            .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty()));
        let Some(uri) = whole else {
            self.error(
                place,
                format!("`{}` is not a whole URL", text.escape_debug()),
                "write it with its scheme: \"https://example.com/path\"",
            );
            return None;
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            let span = self.document.value_span(place);
            self.diagnostics.redact(span);
            self.error(
                place,
                "a credential does not belong in a URL",
                "send it in a header: { Authorization = { env = \"NAME\" } }",
            );
            return None;
        }
        Some(uri)
    }
}
