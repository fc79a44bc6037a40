//! The kinds of operations, and which vendor carries out each.

use serde::{Deserialize, Serialize};

use crate::outcome::Vendor;

/// What to do at the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Post a lead to Clay's webhook source.
    Enrich,
    /// Create or update a person at Customer.io.
    Identify,
    /// Record an event of a person at Customer.io.
    Track,
}

impl OperationKind {
    /// The name used in keys, journals and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrich => "enrich",
            Self::Identify => "identify",
            Self::Track => "track",
        }
    }

    /// The vendor that carries it out.
    pub fn vendor(self) -> Vendor {
        match self {
            Self::Enrich => Vendor::Clay,
            Self::Identify | Self::Track => Vendor::CustomerIo,
        }
    }
}
