//! Attributes of people and objects: names with JSON values, kept as they came.
//!
//! They are kept as text, not as parsed values, because a person has many and they are read back rarely: a quarter of the
//! memory.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use crate::decimal::number_as_text;
use crate::json::Json;

/// Names with values, sorted by name, each name once.
#[derive(Debug, Default, Clone)]
pub(super) struct Attributes(Vec<(Box<str>, Box<RawValue>)>);

impl Attributes {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.find(name).ok().map(|at| &*self.0[at].1)
    }

    /// Takes one out.
    pub(super) fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    /// Changes these by those: `null` and the empty string remove an attribute, anything else sets it. New ones beyond
    /// `limit` are not set.
    ///
    /// Returns how many were not.
    pub(super) fn patch(&mut self, changes: Self, limit: usize) -> u64 {
        let mut left_out = 0;
        for (name, value) in changes.0 {
            match (self.find(&name), is_empty(&value)) {
                (Ok(at), true) => drop(self.0.remove(at)),
                (Ok(at), false) => self.0[at].1 = value,
                (Err(_), true) => {}
                (Err(_), false) if self.0.len() >= limit => left_out += 1,
                (Err(at), false) => self.0.insert(at, (name, value)),
            }
        }
        left_out
    }

    /// Takes from `others` what is not set here.
    pub(super) fn fill(&mut self, others: Self) {
        for (name, value) in others.0 {
            if let Err(at) = self.find(&name) {
                self.0.insert(at, (name, value));
            }
        }
    }

    /// Sets one, whatever its value.
    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.find(name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name.into(), value)),
        }
    }

    /// As they are read back.
    pub(super) fn read(&self) -> BTreeMap<String, Json> {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_owned().into())).collect()
    }

    /// Bytes of memory that they take, about.
    pub(super) fn bytes(&self) -> usize {
        // Two fat pointers and two allocations each, and an allocation has some 16 bytes of its own.
        self.0.iter().map(|(name, value)| 64 + name.len() + value.get().len()).sum()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

/// Whether the value stands for none.
fn is_empty(value: &RawValue) -> bool {
    matches!(value.get(), "null" | "\"\"")
}

/// The string that a value is, if it is one and not empty.
pub(super) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(value.get()).ok().filter(|text| !text.is_empty())
}

/// A string or a number as a string: identifiers are given as either.
pub(super) fn text_or_number(value: &RawValue) -> Option<String> {
    match value.get().as_bytes() {
        [b'-' | b'0'..=b'9', ..] => Some(number_as_text(value.get()).into_owned()),
        _ => text(value),
    }
}

/// The bytes of a value as limits count them: a string's own, or the JSON text of anything else.
pub(super) fn size(value: &RawValue) -> usize {
    let raw = value.get();
    if !raw.starts_with('"') {
        return raw.len();
    }
    // Without an escape, a string is what stands between its quotes.
    if raw.contains('\\') { text(value).map_or(0, |text| text.len()) } else { raw.len() - 2 }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Of several values for a name the last counts.
        let pairs = BTreeMap::<Box<str>, Box<RawValue>>::deserialize(deserializer)?;
        if pairs.len() > MOST {
            return Err(D::Error::custom(format!("more than {MOST} names")));
        }
        Ok(Self(pairs.into_iter().collect()))
    }
}

/// Names that are read at all. Far beyond every documented limit; it bounds what one body can make of memory.
const MOST: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(json: &str) -> Attributes {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_patch_sets_and_removes() {
        let mut known = attributes(r#"{"plan":"free","age":7,"city":"Rome"}"#);
        let left_out = known.patch(attributes(r#"{"plan":"pro","age":null,"city":"","new":{"a":[1]},"none":null}"#), 300);
        assert_eq!(Json::of(&known.read()), serde_json::json!({"plan": "pro", "new": {"a": [1]}}));
        assert_eq!(left_out, 0);
        assert_eq!(known.patch(attributes(r#"{"plan":"free","x":1,"y":2}"#), 3), 1);
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn filling_overwrites_nothing() {
        let mut known = attributes(r#"{"b":1}"#);
        known.fill(attributes(r#"{"a":2,"b":3}"#));
        assert_eq!(Json::of(&known.read()), serde_json::json!({"a": 2, "b": 1}));
    }

    #[test]
    fn of_one_name_the_last_value_counts() {
        assert_eq!(Json::of(&attributes(r#"{"a":1,"b":2,"a":3}"#).read()), serde_json::json!({"a": 3, "b": 2}));
    }

    #[test]
    fn sizes_are_of_strings_or_json_text() {
        for (raw, bytes) in [(r#""é""#, 2), (r#""a\"b""#, 3), (r#""\u00e9""#, 2), (r#"{"a":1}"#, 7), ("true", 4), (r#""""#, 0)] {
            assert_eq!(size(&RawValue::from_string(raw.to_owned()).unwrap()), bytes, "{raw}");
        }
    }
}
