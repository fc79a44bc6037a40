//! What an audit says.

use serde::{Deserialize, Serialize};

/// An audit's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Whether every promise was kept.
    pub verdict: Verdict,
    /// Why the journals prove nothing, if so: they are empty, or lack entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What was submitted.
    pub leads: LeadTotals,
    /// Where the operations of acknowledged leads are.
    pub operations: OperationTotals,
    /// What was done at the vendors.
    pub effects: EffectTotals,
    /// What it cost.
    pub charges: Charges,
    /// What is wrong, by kind.
    pub findings: Vec<Finding>,
    /// What is allowed, and worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Whether every promise was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes, and the journals are complete.
    Passed,
    /// No.
    Failed,
    /// None was seen to be broken, but the journals lack entries, or are empty. Never a pass.
    NotProven,
}

impl Audit {
    /// Whether every promise was kept, with complete journals.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// How often something of this kind was found.
    pub fn count(&self, kind: FindingKind) -> u64 {
        self.findings.iter().find(|finding| finding.kind == kind).map_or(0, |finding| finding.count)
    }
}

/// The driver's journal in figures, by lead; an operation that was submitted by itself counts as a lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadTotals {
    /// Different keys that were submitted.
    pub submitted: u64,
    /// Acknowledged, by whichever of their submissions.
    pub acknowledged: u64,
    /// Refused each time, for sure.
    pub refused: u64,
    /// No answer, or one that leaves open whether it was taken: such a lead may have come to nothing or have its effects once.
    pub uncertain: u64,
}

/// The operations of acknowledged leads, by where they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationTotals {
    /// All of them: the sum of the others.
    pub acknowledged: u64,
    /// At the vendor.
    pub delivered: u64,
    /// In the queue.
    pub queued: u64,
    /// Answered from the cache or by a local guess.
    pub degraded: u64,
    /// Among the dead letters.
    pub dead_lettered: u64,
    /// Dropped by the configured policy.
    pub rejected: u64,
    /// In no listed state, with or without an effect.
    pub nowhere: u64,
}

/// The vendors' ledger in figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectTotals {
    /// Operations that have an effect.
    pub distinct: u64,
    /// Effects beyond the first of an operation, that a vendor cannot take back: a second row, a second event.
    pub duplicates: u64,
    /// Effects beyond the first that change nothing: a customer written again with the same attributes.
    pub repeated: u64,
    /// Of the distinct ones, those of leads that were never acknowledged.
    pub uncertain: u64,
    /// Of other kinds than an audit knows, which it does not judge.
    pub other: u64,
}

/// What was charged. Credits are charged for effects, so a duplicate costs twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charges {
    /// Credits of every effect in the vendors' ledger.
    pub credits: u64,
    /// Credits of the first effect of each operation.
    pub distinct: u64,
    /// Rows that Clay was asked to enrich according to the vendors' ledger, each operation once.
    pub rows: u64,
    /// Rows that Clay charged by its own account, where that is known. Clay charges for what it finds, so it may be fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_rows: Option<u64>,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Acknowledged, in no resting state and not at the vendor.
    Lost,
    /// The service says that it was delivered, and nothing was done at the vendor.
    DeliveredWithoutEffect,
    /// More than one effect at the vendor for one operation.
    Duplicate,
    /// At the vendor, and still queued or among the dead letters: it would be sent again, and the vendor would take it again.
    WouldBeSentAgain,
    /// In more than one resting state.
    TwoPlaces,
    /// At the vendor, and the service knows nothing of it.
    Unrecorded,
    /// Refused or never submitted, and yet done or kept.
    Phantom,
    /// Done at the vendor before an earlier one of the same user.
    OutOfOrder,
    /// Credits charged are not those of the distinct effects.
    Overcharged,
}

impl FindingKind {
    /// What is wrong, in words that follow a number of operations.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Lost => "acknowledged and lost: in no resting state and not at the vendor",
            Self::DeliveredWithoutEffect => "listed as delivered, but not at the vendor",
            Self::Duplicate => "done more than once at the vendor",
            Self::WouldBeSentAgain => "at the vendor, but not known to be: would be sent again, and done again",
            Self::TwoPlaces => "in more than one resting state",
            Self::Unrecorded => "acknowledged and done, but in no resting state: the service has forgotten it",
            Self::Phantom => "refused or never submitted, and yet done or kept",
            Self::OutOfOrder => "done before an earlier one of the same user",
            Self::Overcharged => "credits charged beyond the distinct effects",
        }
    }
}

/// Something that is wrong, as often as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How often.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// One case of a finding, with the journals' lines about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The lead's key, where the driver's journal has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// The user that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Which operation of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What happened, in the order of each journal.
    pub story: Vec<Evidence>,
    /// The journals that have no line about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<JournalName>,
}

/// A line of a journal, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The journal.
    pub journal: JournalName,
    /// Its line, from 1.
    pub line: u64,
    /// What it says.
    pub says: String,
}

/// One of the files that an audit reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalName {
    /// What was submitted and acknowledged.
    Driver,
    /// What was done.
    Vendors,
    /// The resting states.
    Places,
}

impl JournalName {
    /// Its file's name in a run's directory.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Driver => crate::journal::DRIVER,
            Self::Vendors => crate::journal::VENDORS,
            Self::Places => crate::journal::PLACES,
        }
    }
}
