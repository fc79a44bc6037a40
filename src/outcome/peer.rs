//! Who answers a request: a vendor, or the user's own service.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::vendor::Vendor;

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// A vendor.
    Vendor(Vendor),
    /// The user's own service.
    Service,
}

impl Peer {
    /// Every one: the vendors, and the service last.
    pub fn all() -> impl Iterator<Item = Self> {
        Vendor::ALL.into_iter().map(Self::Vendor).chain([Self::Service])
    }

    /// The name used in scenarios, tags and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vendor(vendor) => vendor.as_str(),
            Self::Service => "service",
        }
    }

    /// The name used in prose.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Vendor(vendor) => vendor.display_name(),
            Self::Service => "the service",
        }
    }
}

impl From<Vendor> for Peer {
    fn from(vendor: Vendor) -> Self {
        Self::Vendor(vendor)
    }
}

impl PartialEq<Vendor> for Peer {
    fn eq(&self, vendor: &Vendor) -> bool {
        *self == Self::Vendor(*vendor)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Peer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Peer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let known = || Self::all().map(Self::as_str).collect::<Vec<_>>().join(", ");
        Self::all().find(|peer| peer.as_str() == word).ok_or_else(|| D::Error::custom(format!("`{word}` is none of {}", known())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_written_by_its_name_and_read_back() {
        for peer in Peer::all() {
            let written = serde_json::to_string(&peer).unwrap();
            assert_eq!(written, format!("\"{peer}\""));
            assert_eq!(serde_json::from_str::<Peer>(&written).unwrap(), peer);
        }
        assert!(serde_json::from_str::<Peer>("\"acme_corp\"").is_err());
    }
}
