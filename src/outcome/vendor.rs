//! The vendors and their operations: one row each, and nothing else that lists them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use mock_server::fault::SimulatedVendor;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A vendor whose API is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Clay, data enrichment.
    Clay,
    /// Customer.io, messaging.
    CustomerIo,
    /// A vendor that does not exist.
    #[cfg(feature = "third-vendor")]
    Acme,
}

/// A vendor's row: itself, its name in scenarios, tags and results, and its name in prose.
const VENDORS: &[(Vendor, &str, &str)] = &[
    (Vendor::Clay, "clay", "Clay"),
    (Vendor::CustomerIo, "customer_io", "Customer.io"),
    #[cfg(feature = "third-vendor")]
    (Vendor::Acme, "acme", "Acme"),
];

impl Vendor {
    /// Every vendor, in the order of the table.
    pub const ALL: [Self; VENDORS.len()] = {
        let mut all = [Self::Clay; VENDORS.len()];
        let mut index = 0;
        while index < all.len() {
            all[index] = VENDORS[index].0;
            // A vendor finds its row by its number.
            assert!(all[index] as usize == index);
            index += 1;
        }
        all
    };

    /// The name used in scenarios, tags and results.
    pub const fn as_str(self) -> &'static str {
        VENDORS[self as usize].1
    }

    /// The name used in prose.
    pub const fn display_name(self) -> &'static str {
        VENDORS[self as usize].2
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The vendor that a simulated one stands for.
impl From<SimulatedVendor> for Vendor {
    fn from(simulated: SimulatedVendor) -> Self {
        Self::ALL[simulated as usize]
    }
}

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

/// One value for each vendor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerVendor<T>([T; Vendor::ALL.len()]);

impl<T> PerVendor<T> {
    /// What `value` gives for each vendor.
    pub fn from_fn(value: impl FnMut(Vendor) -> T) -> Self {
        Self(Vendor::ALL.map(value))
    }

    /// What `value` gives for each vendor.
    ///
    /// # Errors
    /// The first that it gives.
    ///
    /// # Panics
    /// Never: there are as many values as vendors.
    pub fn try_from_fn<E>(value: impl FnMut(Vendor) -> Result<T, E>) -> Result<Self, E> {
        let values = Vendor::ALL.into_iter().map(value).collect::<Result<Vec<T>, E>>()?;
        Ok(Self(values.try_into().unwrap_or_else(|_| unreachable!("a value for each vendor"))))
    }

    /// What `change` makes of each value.
    pub fn map<U>(&self, mut change: impl FnMut(Vendor, &T) -> U) -> PerVendor<U> {
        PerVendor::from_fn(|vendor| change(vendor, &self[vendor]))
    }

    /// What `change` makes of each value.
    pub fn into_map<U>(self, mut change: impl FnMut(Vendor, T) -> U) -> PerVendor<U> {
        let mut index = 0;
        PerVendor(self.0.map(|value| {
            index += 1;
            change(Vendor::ALL[index - 1], value)
        }))
    }

    /// The vendors with their values, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Vendor, &T)> {
        Vendor::ALL.into_iter().zip(&self.0)
    }

    /// The values, in the order of the table.
    pub fn values(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T> Index<Vendor> for PerVendor<T> {
    type Output = T;

    fn index(&self, vendor: Vendor) -> &T {
        &self.0[vendor as usize]
    }
}

impl<T> IndexMut<Vendor> for PerVendor<T> {
    fn index_mut(&mut self, vendor: Vendor) -> &mut T {
        &mut self.0[vendor as usize]
    }
}

/// A map from the vendors' names.
impl<T: Serialize> Serialize for PerVendor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// A vendor that is left out has the default; keys that name no vendor are left alone.
impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for PerVendor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Values<T> {
            type Value = PerVendor<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from the vendors' names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PerVendor<T>, A::Error> {
                let mut values = PerVendor::from_fn(|_| T::default());
                while let Some(key) = map.next_key::<String>()? {
                    match Vendor::ALL.into_iter().find(|vendor| vendor.as_str() == key) {
                        Some(vendor) => values[vendor] = map.next_value()?,
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(values)
            }
        }
        deserializer.deserialize_map(Values(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_vendor_is_called_as_the_one_that_it_stands_for() {
        for simulated in SimulatedVendor::ALL {
            assert_eq!(Vendor::from(simulated).as_str(), simulated.as_str());
        }
    }

    #[test]
    fn a_peer_is_written_by_its_name_and_read_back() {
        for peer in Peer::all() {
            let written = serde_json::to_string(&peer).unwrap();
            assert_eq!(written, format!("\"{peer}\""));
            assert_eq!(serde_json::from_str::<Peer>(&written).unwrap(), peer);
        }
        assert!(serde_json::from_str::<Peer>("\"nobody\"").is_err());
    }

    #[test]
    fn one_value_for_each_vendor_is_a_map_from_their_names() {
        let values = PerVendor::from_fn(|vendor| vendor as u8 + 1);
        let json = serde_json::to_value(values).unwrap();
        assert_eq!((&json["clay"], &json["customer_io"]), (&1.into(), &2.into()));
        assert_eq!(serde_json::from_value::<PerVendor<u8>>(json).unwrap(), values);
        let partial: PerVendor<u8> = serde_json::from_str(r#"{"customer_io":7,"ready":true}"#).unwrap();
        assert_eq!((partial[Vendor::Clay], partial[Vendor::CustomerIo]), (0, 7));
    }
}
