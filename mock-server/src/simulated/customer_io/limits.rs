//! The documented limits of sizes, in bytes, and what exceeding one is called.
//!
//! What a request over a limit is answered with is documented for Pipelines only (200, and nothing happens). Elsewhere 400
//! with the limit in its message was chosen, because every documented client error of these APIs is one; for transactional
//! messages 413, which is documented for them without saying when. Where a limit is given in "KB" or "kb", 1,024 bytes were
//! taken: the unit is not documented, and the larger reading refuses nothing that the vendor accepts.

use super::answers::Invalid;
use super::attributes::{Attributes, size};

/// A person's or an object's identifier, decoded, and the name of an attribute.
pub(super) const NAME: usize = 150;
/// The value of an attribute.
pub(super) const ATTRIBUTE_VALUE: usize = 1_000;
/// Attributes of a person, and of one request.
pub(super) const ATTRIBUTES: usize = 300;
/// The name of an event.
pub(super) const EVENT_NAME: usize = 100;
/// The data of an event, as JSON.
pub(super) const EVENT_DATA: usize = 100_000;
/// Identifiers in one request to change a segment.
pub(super) const SEGMENT_IDS: usize = 1_000;
/// One operation of version 2 of the Track API, alone or in a batch, and one call of the Pipelines API.
pub(super) const ITEM: usize = 32 * 1024;
/// A batch of either.
pub(super) const BATCH: usize = 500 * 1024;
/// A transactional message without its attachments.
pub(super) const MESSAGE: usize = 1024 * 1024;
/// The attachments of a transactional message together, decoded.
pub(super) const ATTACHMENTS: usize = 2 * 1024 * 1024;
/// Recipients of a transactional message, copies included.
pub(super) const RECIPIENTS: usize = 15;
/// People that a trigger names at most. The documents name 10,000 for lists of identifiers and addresses.
pub(super) const BROADCAST_RECIPIENTS: usize = 10_000;

/// Devices, manual segments and anonymous identifiers that are kept of a person, and people of an object. The vendor's own
/// bounds are not publicly documented; without one, a single person could take all memory. Beyond it the oldest makes room.
pub(super) const RELATED: usize = 1_000;

/// Makes room for one more.
pub(super) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() >= RELATED {
        list.remove(0);
    }
}

/// Checks a size in bytes.
pub(super) fn at_most(limit: usize, size: usize, field: &'static str, what: impl FnOnce() -> String) -> Result<(), Invalid> {
    if size <= limit {
        return Ok(());
    }
    Err(Invalid::too_large(field, format!("{} is {size} bytes long; the limit is {limit}", what())))
}

/// Checks the number, names and values of attributes.
pub(super) fn attributes(attributes: &Attributes) -> Result<(), Invalid> {
    let count = attributes.len();
    if count > ATTRIBUTES {
        let message = format!("there are {count} attributes; the limit is {ATTRIBUTES}");
        return Err(Invalid::too_large("attributes", message));
    }
    for (name, value) in attributes.iter() {
        at_most(NAME, name.len(), "attributes", || "the name of an attribute".to_owned())?;
        at_most(ATTRIBUTE_VALUE, size(value), "attributes", || format!("the value of `{name}`"))?;
    }
    Ok(())
}
