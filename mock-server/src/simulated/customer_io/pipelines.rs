//! The Pipelines API: calls in Segment's form, one a request or in a batch.
//!
//! Documented: whatever is wrong with a request — its key, its fields, its size — is logged and answered with 200, unless
//! the request carries `X-Strict-Mode: 1`; then it is 400 or 401. Some events are semantic: their names say what to do.

use http::{HeaderMap, StatusCode};
use serde_json::value::RawValue;

use super::answers::{self, Invalid};
use super::attributes::{Attributes, text, text_or_number};
use super::date::unix_seconds;
use super::dedup::EventKey;
use super::fields::{event_data, inner, object, object_field, profile};
use super::limits::{self, BATCH, EVENT_NAME, ITEM, NAME, at_most};
use super::operation::{Device, EventKind, Identifier, NewEvent, NewMetric, ObjectName, Operation, Relation};
use super::route::{Api, Endpoint};
use crate::simulated::Answer;

/// What an object's type is where a `group` call names none (documented: the first type).
const FIRST_TYPE: &str = "1";

/// Whether the request asks for real errors.
pub(super) fn is_strict(headers: &HeaderMap) -> bool {
    headers.get("x-strict-mode").is_some_and(|value| value.as_bytes() == b"1")
}

/// The answer to a request that is wrong.
pub(super) fn refusal(headers: &HeaderMap, status: StatusCode, message: &str) -> Answer {
    if is_strict(headers) { answers::error(Api::Pipelines, status, message) } else { answers::done() }
}

/// What a request asks for.
///
/// # Errors
///
/// What is wrong with it. In a batch, a strict request is refused whole; otherwise its valid calls are carried out.
pub(super) fn operations(endpoint: Endpoint, body: &[u8], strict: bool, dedup: bool) -> Result<Vec<Operation>, Invalid> {
    // Every call has a path of its name.
    let kind = endpoint.path().strip_prefix("/v1/").unwrap_or_default();
    if kind == "batch" {
        return batch(body, strict, dedup);
    }
    at_most(ITEM, body.len(), "", || "the request".to_owned())?;
    call(kind, object(body)?, dedup)
}

fn batch(body: &[u8], strict: bool, dedup: bool) -> Result<Vec<Operation>, Invalid> {
    at_most(BATCH, body.len(), "", || "the batch".to_owned())?;
    let fields = object(body)?;
    let items = fields.get("batch").ok_or_else(|| Invalid::required("batch"))?;
    let items: Vec<&RawValue> =
        serde_json::from_str(items.get()).map_err(|_| Invalid::new("batch", "batch must be a list of calls"))?;
    let mut operations = Vec::with_capacity(items.len());
    for item in items {
        match batch_item(item, dedup) {
            Ok(valid) => operations.extend(valid),
            Err(problem) if strict => return Err(problem),
            Err(_) => {}
        }
    }
    Ok(operations)
}

fn batch_item(item: &RawValue, dedup: bool) -> Result<Vec<Operation>, Invalid> {
    at_most(ITEM, item.get().len(), "", || "the call".to_owned())?;
    let fields = inner(item).ok_or_else(|| Invalid::new("", "a call must be a JSON object"))?;
    let kind = fields.get("type").and_then(text).ok_or_else(|| Invalid::required("type"))?;
    call(&kind, fields, dedup)
}

fn call(kind: &str, mut fields: Attributes, dedup: bool) -> Result<Vec<Operation>, Invalid> {
    match kind {
        "identify" => identify(&mut fields),
        "track" => track(&mut fields, dedup),
        "page" => view(&mut fields, EventKind::Page, dedup),
        "screen" => view(&mut fields, EventKind::Screen, dedup),
        "group" => group(&mut fields),
        "alias" => alias(&fields),
        other => Err(Invalid::new("type", format!("type `{other}` is not known"))),
    }
}

/// Whose call it is.
enum Caller {
    Known(Identifier),
    Anonymous(String),
}

fn caller(fields: &Attributes) -> Result<Caller, Invalid> {
    let named = |name: &str| fields.get(name).and_then(text_or_number);
    let email = || fields.get("traits").and_then(inner).and_then(|traits| traits.get("email").and_then(text));
    let caller = (named("userId").map(Identifier::from_text).map(Caller::Known))
        .or_else(|| email().map(Identifier::Email).map(Caller::Known))
        .or_else(|| named("anonymousId").map(Caller::Anonymous));
    let caller = caller.ok_or_else(|| Invalid::required("userId"))?;
    let (Caller::Known(Identifier::Id(id) | Identifier::Email(id) | Identifier::CioId(id)) | Caller::Anonymous(id)) = &caller;
    at_most(NAME, id.len(), "userId", || "the user's id".to_owned())?;
    Ok(caller)
}

/// The traits of an anonymous person are not kept: the vendor gives them to a person once there is one, by way of
/// sources that this API is not.
fn identify(fields: &mut Attributes) -> Result<Vec<Operation>, Invalid> {
    let Caller::Known(who) = caller(fields)? else { return Ok(Vec::new()) };
    let mut profile = profile(object_field(fields, "traits")?)?;
    profile.anonymous_id = profile.anonymous_id.or_else(|| fields.get("anonymousId").and_then(text_or_number));
    Ok(vec![Operation::Identify(who, Box::new(profile))])
}

fn track(fields: &mut Attributes, dedup: bool) -> Result<Vec<Operation>, Invalid> {
    let name = fields.get("event").and_then(text).ok_or_else(|| Invalid::required("event"))?;
    let properties = fields.get("properties").and_then(inner).unwrap_or_default();
    if let Some(operation) = semantic(&name, fields, &properties)? {
        return Ok(vec![operation]);
    }
    record(fields, name, EventKind::Event, dedup)
}

fn view(fields: &mut Attributes, kind: EventKind, dedup: bool) -> Result<Vec<Operation>, Invalid> {
    // The name of a page is optional (documented); its address names it as well.
    let address = |fields: &Attributes| {
        let properties = fields.get("properties").and_then(inner).unwrap_or_default();
        properties.get("url").or_else(|| properties.get("path")).and_then(text)
    };
    let name = fields.get("name").and_then(text).or_else(|| address(fields)).unwrap_or_else(|| "unnamed".to_owned());
    record(fields, name, kind, dedup)
}

fn record(fields: &mut Attributes, name: String, kind: EventKind, dedup: bool) -> Result<Vec<Operation>, Invalid> {
    at_most(EVENT_NAME, name.len(), "event", || "the event's name".to_owned())?;
    let caller = caller(fields)?;
    let identity = fields.get("messageId").and_then(text);
    let event = NewEvent {
        name: name.into(),
        kind,
        key: identity.as_deref().filter(|_| dedup).map(EventKey::of_text),
        identity: identity.map(String::into_boxed_str),
        timestamp: fields.get("timestamp").and_then(text).as_deref().and_then(unix_seconds),
        data: event_data(fields.take("properties"), "properties")?,
    };
    Ok(vec![match caller {
        Caller::Known(who) => Operation::Record(who, event),
        Caller::Anonymous(id) => Operation::RecordAnonymous(Some(id), event),
    }])
}

/// What an event with a documented meaning asks for.
fn semantic(name: &str, fields: &Attributes, properties: &Attributes) -> Result<Option<Operation>, Invalid> {
    let known = || match caller(fields)? {
        Caller::Known(who) => Ok(who),
        Caller::Anonymous(_) => Err(Invalid::required("userId")),
    };
    let property = |name: &'static str| {
        properties.get(name).and_then(text_or_number).ok_or_else(|| Invalid::new("properties", format!("{name} is required")))
    };
    let object = || {
        let type_id = properties.get("objectTypeId").and_then(text_or_number).unwrap_or_else(|| FIRST_TYPE.to_owned());
        Ok::<_, Invalid>(ObjectName::Own { type_id, id: property("objectId")? })
    };
    Ok(Some(match name {
        "Device Created or Updated" => Operation::AddDevice(known()?, device(fields)?),
        "Device Deleted" => Operation::DeleteDevice(known()?, device(fields)?.token.into_string()),
        "User Deleted" => Operation::Delete(known()?),
        "User Suppressed" => Operation::Suppress(known()?),
        "User Unsuppressed" => Operation::Unsuppress(known()?),
        "Relationship Deleted" => {
            Operation::Unrelate(Relation { people: vec![known()?], objects: vec![object()?], ..Relation::default() })
        }
        "Object Deleted" => Operation::DeleteObject(object()?),
        "Report Delivery Event" => Operation::Report(NewMetric {
            delivery: property("deliveryId")?.into(),
            metric: property("metric")?.into(),
            recipient: properties.get("recipient").and_then(text_or_number).map(String::into_boxed_str),
            timestamp: None,
        }),
        _ => return Ok(None),
    }))
}

/// `context.device`, with `token` and `type`.
fn device(fields: &Attributes) -> Result<Device, Invalid> {
    let device = fields.get("context").and_then(inner).and_then(|context| context.get("device").and_then(inner));
    let device = device.ok_or_else(|| Invalid::required("context.device"))?;
    let token = device.get("token").and_then(text).ok_or_else(|| Invalid::required("context.device.token"))?;
    let platform = device.get("type").and_then(text).unwrap_or_default();
    Ok(Device { token: token.into(), platform: platform.into(), last_used: None, attributes: None })
}

/// A group is an object; who calls is related to it.
fn group(fields: &mut Attributes) -> Result<Vec<Operation>, Invalid> {
    let id = fields.get("groupId").and_then(text_or_number).ok_or_else(|| Invalid::required("groupId"))?;
    at_most(NAME, id.len(), "groupId", || "the group's id".to_owned())?;
    let traits = object_field(fields, "traits")?;
    limits::attributes(&traits)?;
    let type_id = fields.get("objectTypeId").and_then(text_or_number).unwrap_or_else(|| FIRST_TYPE.to_owned());
    let name = ObjectName::Own { type_id, id };
    let mut relation = Relation { objects: vec![name.clone()], ..Relation::default() };
    match caller(fields)? {
        Caller::Known(who) => relation.people.push(who),
        Caller::Anonymous(id) => relation.anonymous.push(id),
    }
    Ok(vec![Operation::IdentifyObject(name, traits), Operation::Relate(relation)])
}

/// Who was `previousId` is `userId` from now on.
fn alias(fields: &Attributes) -> Result<Vec<Operation>, Invalid> {
    let named = |name: &'static str| {
        fields.get(name).and_then(text_or_number).map(Identifier::from_text).ok_or_else(|| Invalid::required(name))
    };
    Ok(vec![Operation::Merge(named("userId")?, named("previousId")?)])
}
