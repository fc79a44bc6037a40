//! The vendors' documented limits of what a lead holds.
//!
//! What a vendor refuses, or takes and ignores, would be acknowledged, tried, and end among the dead letters. So a lead is
//! measured before it is taken.

use mock_server::json::{Fields, text_of};
use serde_json::value::RawValue;

use crate::text::cut;

/// Customer.io: a person's identifier and the name of an attribute, in bytes.
pub(crate) const LONGEST_NAME: usize = 150;
/// Customer.io: the value of an attribute, in bytes; of a text its own, of anything else those of its JSON.
pub(crate) const LONGEST_VALUE: usize = 1_000;
/// Customer.io: attributes of a person.
pub(crate) const MOST_ATTRIBUTES: usize = 300;
/// Customer.io: the data of an event, as JSON, in bytes. Clay's limit of a row, 102,400, is larger.
pub(crate) const LARGEST_DATA: usize = 100_000;

/// What is wrong with an identifier of a person in `field`.
pub(crate) fn identifier(field: &str, identifier: &str) -> Option<String> {
    let bytes = identifier.len();
    (bytes > LONGEST_NAME).then(|| format!("`{field}` has {bytes} bytes, and Customer.io takes {LONGEST_NAME}"))
}

/// What is wrong with a field of a lead, which becomes an attribute of a person.
pub(crate) fn attribute(name: &str, value_bytes: usize) -> Option<String> {
    let shown = cut(name, 60);
    if name.len() > LONGEST_NAME {
        let bytes = name.len();
        return Some(format!("the name `{shown}` has {bytes} bytes, and an attribute's of Customer.io {LONGEST_NAME}"));
    }
    (value_bytes > LONGEST_VALUE)
        .then(|| format!("`{shown}` has {value_bytes} bytes, and an attribute of Customer.io holds {LONGEST_VALUE}"))
}

/// What is wrong with the number of fields of a lead.
pub(crate) fn attributes(count: usize) -> Option<String> {
    (count > MOST_ATTRIBUTES).then(|| format!("there are {count} fields, and a person of Customer.io has {MOST_ATTRIBUTES}"))
}

/// What is wrong with the data of a lead. `members` are its fields.
pub(crate) fn lead(data: &RawValue, members: &Fields<'_>) -> Vec<String> {
    let bytes = data.get().len();
    let event =
        (bytes > LARGEST_DATA).then(|| format!("`data` has {bytes} bytes, and an event of Customer.io holds {LARGEST_DATA}"));
    let id = members.get("id").and_then(|id| identifier("data.id", &text_of(id)?));
    let fields = members.iter().filter_map(|(name, value)| attribute(name, size(value)));
    event.into_iter().chain(attributes(members.len())).chain(id).chain(fields.take(MOST_NAMED)).collect()
}

/// Most fields that are named, so that an answer has a bound.
const MOST_NAMED: usize = 10;

/// The bytes of a value as the limit counts them.
fn size(value: &RawValue) -> usize {
    let raw = value.get();
    // Nearly all: no text is longer than its JSON.
    if raw.len() <= LONGEST_VALUE { raw.len() } else { text_of(value).map_or(raw.len(), |text| text.len()) }
}
