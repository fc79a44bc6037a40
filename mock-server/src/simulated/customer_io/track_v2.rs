//! The Track API, version 2: one operation on a person, an object or a delivery, or a batch of them.

use http::StatusCode;
use serde_json::value::RawValue;

use super::answers::{self, Invalid};
use super::attributes::{Attributes, text};
use super::fields::{device, event, identifier, inner, merge, object, object_field, object_name, profile, relations, timestamp};
use super::limits::{self, BATCH, ITEM, at_most};
use super::operation::{EventKind, NewMetric, Operation, Relation};
use crate::simulated::Answer;

/// What one operation asks for.
pub(super) fn entity(body: &[u8]) -> Result<Vec<Operation>, Invalid> {
    at_most(ITEM, body.len(), "", || "the request".to_owned())?;
    operation(object(body)?)
}

/// What a batch asks for: the operations of its valid items, and the answer, which names the invalid ones.
///
/// # Errors
///
/// The whole request is malformed.
pub(super) fn batch(body: &[u8]) -> Result<(Vec<Operation>, Answer), Invalid> {
    at_most(BATCH, body.len(), "", || "the batch".to_owned())?;
    let fields = object(body)?;
    let list = fields.get("batch").ok_or_else(|| Invalid::required("batch"))?;
    let items: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|_| Invalid::new("batch", "batch must be a list of operations"))?;
    let (mut operations, mut errors) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, item) in items.into_iter().enumerate() {
        match batch_item(item) {
            Ok(valid) => operations.extend(valid),
            Err(problem) => errors.push(problem.to_json(Some(index))),
        }
    }
    // Documented: at least one invalid item makes it 207, and all others are accepted.
    let answer = if errors.is_empty() { answers::done() } else { answers::track_v2(StatusCode::MULTI_STATUS, &errors) };
    Ok((operations, answer))
}

fn batch_item(item: &RawValue) -> Result<Vec<Operation>, Invalid> {
    at_most(ITEM, item.get().len(), "", || "the item".to_owned())?;
    operation(inner(item).ok_or_else(|| Invalid::new("", "an item must be a JSON object"))?)
}

fn operation(fields: Attributes) -> Result<Vec<Operation>, Invalid> {
    let kind = fields.get("type").and_then(text).ok_or_else(|| Invalid::required("type"))?;
    let action = fields.get("action").and_then(text).ok_or_else(|| Invalid::required("action"))?;
    match kind.as_str() {
        "person" => person(&action, fields),
        "object" => about_object(&action, fields),
        "delivery" if action == "event" => Ok(vec![delivery(&fields)?]),
        "delivery" => Err(unknown_action(&action, "event")),
        other => Err(Invalid::new("type", format!("type `{other}` is not known; it is person, object or delivery"))),
    }
}

fn unknown_action(action: &str, known: &str) -> Invalid {
    Invalid::new("action", format!("action `{action}` is not known; it is one of {known}"))
}

fn person(action: &str, mut fields: Attributes) -> Result<Vec<Operation>, Invalid> {
    const ACTIONS: &str = "identify, delete, event, screen, page, add_relationships, delete_relationships, add_device, \
                           delete_device, merge, suppress, unsuppress";
    if action == "merge" {
        return Ok(vec![merge(&fields)?]);
    }
    let who = |fields: &Attributes| identifier(fields.get("identifiers"), "identifiers");
    let operation = match action {
        "identify" => {
            let who = who(&fields)?;
            let profile = profile(object_field(&mut fields, "attributes")?)?;
            let mut operations = vec![Operation::Identify(who.clone(), Box::new(profile))];
            if let Some(list) = fields.get("cio_relationships") {
                operations.push(Operation::Relate(Relation { people: vec![who], ..relations(list)? }));
            }
            return Ok(operations);
        }
        "delete" => Operation::Delete(who(&fields)?),
        "event" => Operation::Record(who(&fields)?, event(&mut fields, EventKind::Event, "attributes")?),
        "screen" => Operation::Record(who(&fields)?, event(&mut fields, EventKind::Screen, "attributes")?),
        "page" => Operation::Record(who(&fields)?, event(&mut fields, EventKind::Page, "attributes")?),
        "add_relationships" => Operation::Relate(Relation { people: vec![who(&fields)?], ..listed(&fields)? }),
        "delete_relationships" => Operation::Unrelate(Relation { people: vec![who(&fields)?], ..listed(&fields)? }),
        "add_device" => Operation::AddDevice(who(&fields)?, device(fields.get("device"), "token")?),
        "delete_device" => {
            let token = fields.get("device").and_then(inner).and_then(|device| device.get("token").and_then(text));
            Operation::DeleteDevice(who(&fields)?, token.ok_or_else(|| Invalid::required("device.token"))?)
        }
        "suppress" => Operation::Suppress(who(&fields)?),
        "unsuppress" => Operation::Unsuppress(who(&fields)?),
        other => return Err(unknown_action(other, ACTIONS)),
    };
    Ok(vec![operation])
}

fn about_object(action: &str, mut fields: Attributes) -> Result<Vec<Operation>, Invalid> {
    const ACTIONS: &str = "identify, identify_anonymous, delete, add_relationships, delete_relationships";
    let name = object_name(fields.get("identifiers"))?;
    let operation = match action {
        "identify" | "identify_anonymous" => {
            let attributes = object_field(&mut fields, "attributes")?;
            limits::attributes(&attributes)?;
            let mut operations = vec![Operation::IdentifyObject(name.clone(), attributes)];
            if let Some(list) = fields.get("cio_relationships") {
                operations.push(Operation::Relate(Relation { objects: vec![name], ..relations(list)? }));
            }
            return Ok(operations);
        }
        "delete" => Operation::DeleteObject(name),
        "add_relationships" => Operation::Relate(Relation { objects: vec![name], ..listed(&fields)? }),
        "delete_relationships" => Operation::Unrelate(Relation { objects: vec![name], ..listed(&fields)? }),
        other => return Err(unknown_action(other, ACTIONS)),
    };
    Ok(vec![operation])
}

/// A report on a delivery, of the channels that do not report by themselves.
fn delivery(fields: &Attributes) -> Result<Operation, Invalid> {
    const NAMES: [&str; 3] = ["opened", "converted", "delivered"];
    let delivery = fields.get("identifiers").and_then(inner).and_then(|names| names.get("id").and_then(text));
    let delivery = delivery.ok_or_else(|| Invalid::required("identifiers.id"))?;
    let metric = fields.get("name").and_then(text).filter(|name| NAMES.contains(&name.as_str()));
    let metric = metric.ok_or_else(|| Invalid::new("name", format!("name must be one of {}", NAMES.join(", "))))?;
    let token = fields.get("attributes").and_then(inner).and_then(|attributes| attributes.get("device_token").and_then(text));
    let token = token.ok_or_else(|| Invalid::required("attributes.device_token"))?;
    Ok(Operation::Report(NewMetric {
        delivery: delivery.into(),
        metric: metric.into(),
        recipient: Some(token.into()),
        timestamp: timestamp(fields),
    }))
}

/// The attributes of an operation; none is not an error.
fn listed(fields: &Attributes) -> Result<Relation, Invalid> {
    relations(fields.get("cio_relationships").ok_or_else(|| Invalid::required("cio_relationships"))?)
}
