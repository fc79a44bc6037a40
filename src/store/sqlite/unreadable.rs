//! A record that cannot be read.

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Record {
    Lead,
    Operation,
    Enrichment,
    /// The counts and credits of a vendor.
    Backlog,
    /// The last number that was given.
    Numbers,
}

impl Record {
    pub(super) const ALL: [Self; 5] = [Self::Lead, Self::Operation, Self::Enrichment, Self::Backlog, Self::Numbers];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Operation => "operation",
            Self::Enrichment => "enrichment",
            Self::Backlog => "backlog",
            Self::Numbers => "numbers",
        }
    }
}

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) record: Record,
    /// Of its row.
    pub(super) id: u64,
    pub(super) reason: String,
}
