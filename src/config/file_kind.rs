//! What a file is meant to be, and what it is instead.
//!
//! A file of another kind is one mistake: it would be no help to call each of its keys unknown.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use crate::text::nearest;

/// A kind of file that is read here.
#[derive(Debug)]
pub(crate) struct FileKind {
    /// What a file of this kind is.
    pub(crate) what: &'static str,
    /// What that is called with its article.
    a_what: &'static str,
    /// The command that writes one to begin with.
    pub(crate) writes: &'static str,
    /// The command that takes one.
    takes: &'static str,
    /// Keys of the whole file that no other kind has.
    pub(crate) own_keys: &'static [&'static str],
}

/// A test plan.
pub(crate) const SCENARIO: FileKind = FileKind {
    what: "scenario",
    a_what: "a scenario",
    writes: "plimsoll new NAME",
    takes: "plimsoll run FILE",
    own_keys: &["executor", "expect", "faults", "journeys", "question", "scenarios", "simulation", "stages", "thresholds"],
};

/// The configuration of `plimsoll serve`.
pub(crate) const SERVICE: FileKind = FileKind {
    what: "configuration",
    a_what: "a configuration of the service",
    writes: "plimsoll serve --example > service.toml",
    takes: "plimsoll serve --config FILE",
    own_keys: &["listen", "retention", "shutdown", "store", "vendors", "workers"],
};

impl FileKind {
    /// Where `file` shows that it is of another kind, what is wrong and what would be right: it has keys, but none that only
    /// this kind has, and either one of another kind or none at all that is like the `known` ones of this kind.
    pub(super) fn mistaken(&self, file: &DeTable<'_>, known: &[&str]) -> Option<(Range<usize>, String, String)> {
        if first(file, |key| self.own_keys.contains(&key)).is_some() {
            return None;
        }
        let of_kind = |kind: &'static Self| Some((kind, first(file, |key| kind.own_keys.contains(&key))?));
        if let Some((other, at)) = [&SCENARIO, &SERVICE].into_iter().find_map(of_kind) {
            let help = format!("`{}` takes it; {}", other.takes, self.how_to_begin());
            return Some((at, format!("this is {}, not {}", other.a_what, self.a_what), help));
        }
        let message = format!("this is not {}: it has none of its keys", self.a_what);
        let at = first(file, |_| true).filter(|_| self.is_unlike(file, known))?;
        Some((at, message, self.how_to_begin()))
    }

    /// Whether no key of `file` is like the `known` ones of this kind.
    pub(super) fn is_unlike(&self, file: &DeTable<'_>, known: &[&str]) -> bool {
        first(file, |key| known.contains(&key) || nearest(key, known).is_some()).is_none()
    }

    pub(super) fn how_to_begin(&self) -> String {
        format!("`{}` writes {}", self.writes, self.a_what)
    }
}

/// Where the first key is that is meant.
fn first(file: &DeTable<'_>, is_meant: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let meant = file.keys().filter(|key| is_meant(key.get_ref()));
    meant.map(Spanned::span).min_by_key(|span| span.start)
}
