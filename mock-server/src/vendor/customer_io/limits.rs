//! The documented limits of the Track API, version 1, in bytes. What exceeding one is answered with is not publicly
//! documented; 400 with the limit in its message was chosen because every documented client error of this API is one.

/// A customer's identifier, decoded, and the name of an attribute.
pub(super) const NAME: usize = 150;
/// The value of an attribute.
pub(super) const ATTRIBUTE_VALUE: usize = 1_000;
/// Attributes of one request. The documented limit is of a customer; one request is what can be seen here.
pub(super) const ATTRIBUTES: usize = 300;
/// The name of an event.
pub(super) const EVENT_NAME: usize = 100;
/// The data of an event, as JSON.
pub(super) const EVENT_DATA: usize = 100_000;

/// Checks a customer's identifier.
pub(super) fn identifier(id: &[u8]) -> Result<(), String> {
    if std::str::from_utf8(id).is_err() {
        return Err("the customer id is not UTF-8".to_owned());
    }
    at_most(NAME, id.len(), || "the customer id".to_owned())
}

/// Checks a size in bytes.
pub(super) fn at_most(limit: usize, size: usize, what: impl FnOnce() -> String) -> Result<(), String> {
    if size > limit { Err(format!("{} is {size} bytes long; the limit is {limit}", what())) } else { Ok(()) }
}
