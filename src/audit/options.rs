//! What an audit reads, and what it must know besides.

use std::path::{Path, PathBuf};

use crate::journal::{DRIVER, PLACES, VENDORS};
use crate::resilience::OperationKind;

/// The files of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journals {
    /// The driver's journal.
    pub submitted: PathBuf,
    /// The vendors' ledger.
    pub vendors: PathBuf,
    /// The resting states; `None` where the service lists none.
    pub places: Option<PathBuf>,
}

impl Journals {
    /// The files in a run's directory. The resting states are optional: they count where the file exists.
    pub fn in_dir(dir: &Path) -> Self {
        let places = dir.join(PLACES);
        Self { submitted: dir.join(DRIVER), vendors: dir.join(VENDORS), places: places.exists().then_some(places) }
    }
}

/// What an audit must know besides the journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditOptions {
    /// The operations of each lead.
    pub operations: Vec<OperationKind>,
    /// Clay's table dedupes by the operation's key, so that a row that is posted again is not added again.
    pub clay_deduplicates: bool,
    /// Whether each user's operations must be done in their order.
    pub in_order: bool,
    /// Rows that Clay has charged, as its account shows.
    pub charged_rows: Option<u64>,
    /// Most examples of each finding.
    pub examples: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            operations: OperationKind::OF_A_LEAD.to_vec(),
            clay_deduplicates: false,
            in_order: true,
            charged_rows: None,
            examples: 5,
        }
    }
}
