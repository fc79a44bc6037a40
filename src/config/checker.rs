//! Checking a file of the right structure: what every check needs, and the checks of values that many settings share.
//!
//! Each room whose settings a file holds adds its own checks to [`Checker`]. Every check reports and goes on.

use std::ops::Range;
use std::path::Path;

use crate::text::all_of;

use super::diagnostics::{Diagnostics, Severity};
use super::document::{Document, KeyPath};
use super::secret::Secret;
use super::values::{EnvVar, Percentiles, Period};

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

    /// Two percentiles must be in the right order.
    pub(crate) fn check_percentiles(&mut self, percentiles: Percentiles, place: &KeyPath) {
        let Percentiles { p50: Period(p50), p99: Period(p99) } = percentiles;
        if p50.is_zero() {
            self.error(&place.key("p50"), "a lognormal delay is never zero", "give a median above 0, or a fixed delay of \"0s\"");
        } else if p99 < p50 {
            self.error(&place.key("p99"), "the 99th percentile is below the median", "make `p99` at least `p50`");
        }
    }

    /// Two bounds must be in the right order.
    pub(crate) fn check_bounds(&mut self, [Period(min), Period(max)]: [Period; 2], place: &KeyPath) {
        if max < min {
            self.error(place, "the longest is below the shortest", "write [shortest, longest]");
        }
    }

    /// Reports each key of `table` that is there and does not belong to `owner`.
    pub(crate) fn refuse_keys(&mut self, table: &KeyPath, owner: &str, present: &[(&str, bool)], allowed: &[&str]) {
        let takes = if allowed.is_empty() { "no keys of its own".to_owned() } else { all_of(allowed) };
        for (key, _) in present.iter().filter(|(key, is_there)| *is_there && !allowed.contains(key)) {
            let span = self.document.key_span(&table.key(key));
            self.error_at(span, format!("`{key}` does not belong to {owner}"), format!("leave it out: {owner} takes {takes}"));
        }
    }

    /// Whether the file has a sound value at `place`, or else its default stands.
    pub(crate) fn is_written(&self, place: &KeyPath) -> bool {
        self.document.is_written(place) && !self.document.is_damaged(place)
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
