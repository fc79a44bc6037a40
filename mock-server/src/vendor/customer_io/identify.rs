//! PUT `/api/v1/customers/{id}`: a customer with attributes.

use super::limits::{ATTRIBUTE_VALUE, ATTRIBUTES, NAME, at_most};
use crate::vendor::json;

/// What is wrong with the attributes.
pub(super) fn check(body: &[u8]) -> Result<(), String> {
    let attributes = json::object(body).ok_or("the body must be a JSON object")?;
    if attributes.len() > ATTRIBUTES {
        return Err(format!("there are {} attributes; the limit is {ATTRIBUTES}", attributes.len()));
    }
    for (name, value) in &attributes {
        at_most(NAME, name.len(), || "the name of an attribute".to_owned())?;
        at_most(ATTRIBUTE_VALUE, json::size(value), || format!("the value of `{name}`"))?;
    }
    Ok(())
}
