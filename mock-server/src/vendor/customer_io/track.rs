//! POST `/api/v1/customers/{id}/events`: an event of a customer.

use serde_json::Value;

use super::limits::{EVENT_DATA, EVENT_NAME, at_most};
use crate::vendor::json;

/// What is wrong with the event.
pub(super) fn check(body: &[u8]) -> Result<(), String> {
    let event = json::object(body).ok_or("the body must be a JSON object")?;
    let name = match event.get("name") {
        Some(Value::String(name)) if !name.is_empty() => name,
        _ => return Err("the event needs a name".to_owned()),
    };
    at_most(EVENT_NAME, name.len(), || "the event's name".to_owned())?;
    match event.get("data") {
        None | Some(Value::Null) => Ok(()),
        // Data cannot be longer than the body that it came in, so most events need no second look.
        Some(Value::Object(_)) if body.len() <= EVENT_DATA => Ok(()),
        Some(data @ Value::Object(_)) => at_most(EVENT_DATA, json::size(data), || "the event's data".to_owned()),
        Some(_) => Err("the event's data must be a JSON object".to_owned()),
    }
}
