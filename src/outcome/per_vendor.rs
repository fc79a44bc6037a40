//! What exists once for each vendor.

use std::ops::{Index, IndexMut};

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Map;

use super::vendor::Vendor;

/// One value for each vendor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerVendor<T>([T; Vendor::COUNT]);

impl<T> PerVendor<T> {
    /// What `value` gives for each vendor.
    pub fn from_fn(value: impl FnMut(Vendor) -> T) -> Self {
        Self(Vendor::ALL.map(value))
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
impl<'de, T: DeserializeOwned + Default> Deserialize<'de> for PerVendor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = Map::deserialize(deserializer)?;
        let mut values = Self::from_fn(|_| T::default());
        for vendor in Vendor::ALL {
            if let Some(value) = read.remove(vendor.as_str()) {
                values[vendor] = serde_json::from_value(value).map_err(D::Error::custom)?;
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
