//! The labels of samples, in one table: what each is called, how its value is written and read back, and where it appears.
//!
//! Thresholds, the interval log and `samples.csv` take their tags and columns from [`LABELS`]. A new label is a field and a row
//! here; one that the hot path has to know is also a field of [`SeriesKey`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize};

use crate::outcome::{FailureKind, Peer};

use super::sample::{AttemptSample, IterationSample};
use super::timetable::{FaultWindow, Timetable};
use super::user_tags::{TagError, UserTags};

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleKind {
    /// One HTTP request, from when it was due to the last byte of its answer's body.
    Attempt,
    /// The same request, from when it was handed to a connection: k6's `http_req_duration`.
    Duration,
    /// The same request, from when it was handed to a connection to the head of its answer: k6's `http_req_waiting`, with sending.
    Waiting,
    /// Making a connection for a request, its name's address included, where one was made: k6's `http_req_connecting`.
    Connecting,
    /// The TLS handshake of such a connection: k6's `http_req_tls_handshaking`.
    TlsHandshaking,
    /// A request that the end of the run cut off, from when it was sent until then. It is in no other kind, and in no rate.
    Interrupted,
    /// One whole journey, retries and waits included, think time not.
    Iteration,
}

impl SampleKind {
    /// The name used in tags and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Duration => "duration",
            Self::Waiting => "waiting",
            Self::Connecting => "connecting",
            Self::TlsHandshaking => "tls_handshaking",
            Self::Interrupted => "interrupted",
            Self::Iteration => "iteration",
        }
    }
}

/// The scenario of a plan that names none, as in k6.
pub const DEFAULT_SCENARIO: &str = "default";

/// Everything that sets one series of samples apart from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Labels {
    /// A request or an iteration.
    pub kind: SampleKind,
    /// Whom it went to; for an iteration, the vendor it is mainly about.
    pub vendor: Peer,
    /// The route of a request (`clay.webhook`) or the journey of an iteration (`lead`).
    pub name: String,
    /// The HTTP status; 0 where there was no answer, and for iterations.
    pub status: u16,
    /// Why it failed; `None` for a success.
    pub failure: Option<FailureKind>,
    /// Index of the stage of the load plan that it was due in.
    pub phase: u16,
    /// Whether a fault in whose scope it lies was in force at any time from when it was sent until it was done. Of a journey,
    /// that is one of any route that it calls; of a service's answers, one of any vendor.
    pub under_fault: bool,
    /// Whether it was a second or later attempt.
    pub retry: bool,
    /// The scenario whose user caused it; `None` in a plan that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The tags that the plan gives to its scenario and journey.
    #[serde(default, skip_serializing_if = "UserTags::is_empty")]
    pub tags: UserTags,
}

impl Labels {
    /// Labels of this kind, the others at their defaults.
    pub fn new(kind: SampleKind, vendor: impl Into<Peer>, name: impl Into<String>) -> Self {
        let (vendor, name, tags) = (vendor.into(), name.into(), UserTags::default());
        Self { kind, vendor, name, status: 0, failure: None, phase: 0, under_fault: false, retry: false, scenario: None, tags }
    }

    pub(super) fn of(key: &SeriesKey, source: &Source) -> Self {
        let &SeriesKey { status, failure, phase, under_fault, retry, .. } = key;
        let (scenario, tags) = (source.scenario.as_deref().map(str::to_owned), UserTags::clone(&source.tags));
        let labels = Self::new(source.kind, source.vendor, &*source.name);
        Self { status, failure, phase, under_fault, retry, scenario, tags, ..labels }
    }

    /// The value of a tag, in the words of a threshold.
    pub fn value(&self, tag: &str) -> Option<Cow<'_, str>> {
        match Label::named(tag) {
            Some(label) => label.value(self),
            None => self.tags.get(tag).map(Cow::Borrowed),
        }
    }
}

/// A label: where it appears, and how its value is written.
pub struct Label {
    /// The word for it in thresholds and in the interval log.
    pub name: &'static str,
    /// Whose thresholds can select by it.
    pub selects: Selects,
    /// What its value can be.
    pub values: Values,
    pub(super) log: InLog,
    /// Its column in `samples.csv`, if it has one.
    pub column: Option<(Column, &'static str)>,
    /// The word for its absence.
    absent: Option<&'static str>,
    /// Its value in words, when it has one.
    pub(super) get: fn(&Labels) -> Option<Cow<'_, str>>,
    /// Takes a value in words; `None` for one that it cannot have.
    pub(super) set: fn(&mut Labels, &str) -> Option<()>,
}

/// Which samples a threshold can select by a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selects {
    /// None.
    Nothing,
    /// Requests: an iteration has no status and is never a retry.
    Requests,
    /// Requests and iterations.
    Both,
}

/// What the value of a label can be: a threshold on another would never match a sample.
pub enum Values {
    /// One of these.
    OneOf(fn() -> Vec<&'static str>),
    /// A whole number between two bounds.
    Number(u32, u32),
    /// Any text.
    Text,
}

/// Whether a label is part of a line's tag in the interval log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum InLog {
    Always,
    /// When it has a value.
    WhenSet,
    /// It follows from the others.
    Never,
}

/// Where a label stands in a row of `samples.csv`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Before the number of the attempt and the bytes.
    BeforeCounts,
    /// After them.
    AfterCounts,
    /// At the end, in the files of plans that name scenarios or give tags.
    WhenTagged,
}

/// What rows of the table leave out.
const LABEL: Label = Label {
    name: "",
    selects: Selects::Both,
    values: Values::Text,
    log: InLog::Always,
    column: None,
    absent: None,
    get: |_| None,
    set: |_, _| None,
};

/// Every label, in the order of the interval log.
pub static LABELS: [Label; 10] = [
    Label {
        name: "kind",
        selects: Selects::Nothing,
        column: Some((Column::BeforeCounts, "kind")),
        get: |labels| Some(labels.kind.as_str().into()),
        set: |labels, text| word(text).map(|kind| labels.kind = kind),
        ..LABEL
    },
    Label {
        name: "vendor",
        values: Values::OneOf(|| Peer::all().map(Peer::as_str).collect()),
        column: Some((Column::BeforeCounts, "vendor")),
        get: |labels| Some(labels.vendor.as_str().into()),
        set: |labels, text| word(text).map(|vendor| labels.vendor = vendor),
        ..LABEL
    },
    Label {
        name: "name",
        column: Some((Column::BeforeCounts, "name")),
        get: |labels| Some(labels.name.as_str().into()),
        set: |labels, text| text.parse().ok().map(|name| labels.name = name),
        ..LABEL
    },
    Label {
        name: "status",
        selects: Selects::Requests,
        values: Values::Number(100, 599),
        log: InLog::WhenSet,
        column: Some((Column::BeforeCounts, "status")),
        get: |labels| (labels.status != 0).then(|| labels.status.to_string().into()),
        set: |labels, text| text.parse().ok().map(|status| labels.status = status),
        ..LABEL
    },
    Label {
        name: "failure",
        values: Values::OneOf(|| FailureKind::ALL.map(FailureKind::as_str).to_vec()),
        log: InLog::WhenSet,
        column: Some((Column::BeforeCounts, "failure")),
        get: |labels| labels.failure.map(|failure| failure.as_str().into()),
        set: |labels, text| word(text).map(|failure| labels.failure = Some(failure)),
        ..LABEL
    },
    Label {
        name: "phase",
        values: Values::Number(0, u16::MAX as u32),
        column: Some((Column::AfterCounts, "phase")),
        get: |labels| Some(labels.phase.to_string().into()),
        set: |labels, text| text.parse().ok().map(|phase| labels.phase = phase),
        ..LABEL
    },
    Label {
        name: "fault",
        values: Values::OneOf(truth),
        column: Some((Column::AfterCounts, "under_fault")),
        get: |labels| Some(labels.under_fault.to_string().into()),
        set: |labels, text| text.parse().ok().map(|under_fault| labels.under_fault = under_fault),
        ..LABEL
    },
    Label {
        name: "retry",
        selects: Selects::Requests,
        values: Values::OneOf(truth),
        get: |labels| Some(labels.retry.to_string().into()),
        set: |labels, text| text.parse().ok().map(|retry| labels.retry = retry),
        ..LABEL
    },
    Label {
        name: "expected_response",
        values: Values::OneOf(truth),
        log: InLog::Never,
        get: |labels| Some(labels.failure.is_none().to_string().into()),
        ..LABEL
    },
    Label {
        name: "scenario",
        log: InLog::WhenSet,
        column: Some((Column::WhenTagged, "scenario")),
        absent: Some(DEFAULT_SCENARIO),
        get: |labels| labels.scenario.as_deref().map(Cow::Borrowed),
        set: |labels, text| text.parse().ok().map(|scenario| labels.scenario = Some(scenario)),
        ..LABEL
    },
];

impl Label {
    /// The label of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LABELS.iter().find(|label| label.name == name)
    }

    /// Its value, in the words of a threshold.
    pub fn value<'a>(&self, labels: &'a Labels) -> Option<Cow<'a, str>> {
        (self.get)(labels).or(self.absent.map(Cow::Borrowed))
    }
}

/// Names of tags that thresholds and columns use for something else.
const RESERVED: [&str; 2] = ["check", "extra_tags"];

impl UserTags {
    /// Checks the tags: their number, their form, and that no label has their name.
    ///
    /// # Errors
    /// For the first that samples cannot carry.
    pub fn new(tags: BTreeMap<String, String>) -> Result<Self, TagError> {
        Self::unless_taken(tags, |key| Label::named(key).is_some() || RESERVED.contains(&key))
    }
}

fn truth() -> Vec<&'static str> {
    vec!["true", "false"]
}

/// A value in the words that serde knows the type by.
fn word<'a, T: Deserialize<'a>>(value: &'a str) -> Option<T> {
    T::deserialize(StrDeserializer::<ValueError>::new(value)).ok()
}

/// What samples are registered by: a route or a journey, and the tags that they carry because of it.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) kind: SampleKind,
    pub(super) vendor: Peer,
    pub(super) name: Arc<str>,
    pub(super) scenario: Option<Arc<str>>,
    pub(super) tags: Arc<UserTags>,
    /// Those in whose scope it lies.
    pub(super) faults: Arc<[FaultWindow]>,
}

impl Source {
    /// Whether they carry the same labels.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let labels =
            |source: &Self| (source.kind, source.vendor, source.name.clone(), source.scenario.clone(), source.tags.clone());
        labels(self) == labels(other)
    }

    /// Whether a fault was in force for it at any time from when it was sent until it was done.
    fn under_fault(&self, sent_us: u64, done_us: u64) -> bool {
        self.faults.iter().any(|fault| fault.overlaps(sent_us, done_us))
    }
}

/// The labels as the hot path puts them together, without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeriesKey {
    /// Index of the [`Source`].
    pub(super) source: u16,
    pub(super) status: u16,
    pub(super) failure: Option<FailureKind>,
    pub(super) phase: u16,
    pub(super) under_fault: bool,
    pub(super) retry: bool,
}

impl SeriesKey {
    /// Of a request of `source` that was due, sent and done at these microseconds.
    pub(super) fn of_attempt(sample: &AttemptSample, times_us: [u64; 3], source: &Source, timetable: &Timetable) -> Self {
        let [due, sent, done] = times_us;
        Self {
            source: sample.route.latency,
            status: sample.status,
            failure: sample.failure,
            phase: timetable.phase(due),
            under_fault: source.under_fault(sent, done),
            retry: sample.attempt > 1,
        }
    }

    /// Of an iteration of `source` that was due, sent and done at these microseconds.
    pub(super) fn of_iteration(sample: &IterationSample, times_us: [u64; 3], source: &Source, timetable: &Timetable) -> Self {
        let [due, sent, done] = times_us;
        Self {
            source: sample.journey.0,
            status: 0,
            failure: sample.failure,
            phase: timetable.phase(due),
            under_fault: source.under_fault(sent, done),
            retry: false,
        }
    }

    /// The same of another source.
    pub(super) fn with_source(self, source: u16) -> Self {
        Self { source, ..self }
    }

    /// The key in 55 bits, different for different keys.
    pub(super) fn packed(self) -> u64 {
        let failure = self.failure.map_or(0, |failure| failure as u64 + 1);
        u64::from(self.source)
            | u64::from(self.status) << 16
            | u64::from(self.phase) << 32
            | failure << 48
            | u64::from(self.under_fault) << 53
            | u64::from(self.retry) << 54
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::outcome::Vendor;

    use super::*;

    #[test]
    fn every_label_sets_a_series_apart() {
        let key = SeriesKey { source: 0, status: 0, failure: None, phase: 0, under_fault: false, retry: false };
        let variants = [
            key,
            SeriesKey { source: 1, ..key },
            SeriesKey { source: u16::MAX, ..key },
            SeriesKey { status: 1, ..key },
            SeriesKey { status: u16::MAX, ..key },
            SeriesKey { failure: Some(FailureKind::ConnectionRefused), ..key },
            SeriesKey { failure: Some(FailureKind::Interrupted), ..key },
            SeriesKey { phase: 1, ..key },
            SeriesKey { phase: u16::MAX, ..key },
            SeriesKey { under_fault: true, ..key },
            SeriesKey { retry: true, ..key },
        ];
        let packed: HashSet<u64> = variants.iter().map(|key| key.packed()).collect();
        assert_eq!(packed.len(), variants.len());
    }

    #[test]
    fn a_plan_that_names_no_scenario_runs_the_default_one() {
        let mut labels = Labels::new(SampleKind::Attempt, Vendor::Clay, "clay.webhook");
        assert_eq!(labels.value("scenario").as_deref(), Some("default"));
        labels.scenario = Some("spike".to_owned());
        assert_eq!(labels.value("scenario").as_deref(), Some("spike"));
    }

    #[test]
    fn a_value_is_found_by_its_tag_whoever_gave_it() {
        let tags = UserTags::new([("team".to_owned(), "growth".to_owned())].into()).unwrap();
        let labels = Labels { tags, status: 429, ..Labels::new(SampleKind::Attempt, Vendor::Clay, "clay.webhook") };
        let found = ["vendor", "status", "failure", "expected_response", "team", "tribe"].map(|tag| labels.value(tag));
        let expected = [Some("clay"), Some("429"), None, Some("true"), Some("growth"), None];
        assert_eq!(found.each_ref().map(Option::as_deref), expected);
    }
}
