//! Acme, a vendor that does not exist: the test that a vendor is a folder and a row of the table.

use super::kind::JourneyKind;

/// Its journeys; none without the feature.
pub(super) const JOURNEYS: &[JourneyKind] = &[
    #[cfg(feature = "third-vendor")]
    JourneyKind {
        name: "acme.push",
        about: "A thing through the pipeline to Acme.",
        ..JourneyKind::piped(crate::outcome::Vendor::Acme, &[crate::outcome::OperationKind::Push])
    },
];
