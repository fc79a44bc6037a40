//! The Track API, version 1: one thing a request. It validates little, so that it answers fast (documented).

use http::StatusCode;
use serde_json::json;
use serde_json::value::RawValue;

use super::answers::{self, Invalid};
use super::attributes::{Attributes, text, text_or_number};
use super::fields::{device, event, inner, merge, object, path_identifier, path_text, profile, relations, timestamp};
use super::limits::SEGMENT_IDS;
use super::operation::{EventKind, Identifier, NewMetric, Operation, Profile};
use super::route::{Endpoint, Route};
use crate::simulated::customer_io::settings::{CustomerIoSettings, Region};
use crate::simulated::{Answer, Request};

/// What a valid request asks for.
pub(super) fn operations(endpoint: Endpoint, route: &Route<'_>, request: &Request<'_>) -> Result<Vec<Operation>, Invalid> {
    let one = |operation| Ok(vec![operation]);
    match endpoint {
        Endpoint::Identify => identify(route.id, request.body),
        Endpoint::Track => {
            let who = path_identifier(route.id)?;
            let mut fields = object(request.body)?;
            let kind = kind(&fields);
            one(Operation::Record(who, event(&mut fields, kind, "data")?))
        }
        Endpoint::Delete => one(Operation::Delete(path_identifier(route.id)?)),
        Endpoint::Suppress => one(Operation::Suppress(path_identifier(route.id)?)),
        Endpoint::Unsuppress => one(Operation::Unsuppress(path_identifier(route.id)?)),
        Endpoint::AddDevice => {
            let who = path_identifier(route.id)?;
            one(Operation::AddDevice(who, device(object(request.body)?.get("device"), "id")?))
        }
        Endpoint::DeleteDevice => one(Operation::DeleteDevice(path_identifier(route.id)?, path_token(route.device)?)),
        Endpoint::TrackAnonymous => {
            let mut fields = object(request.body)?;
            let (kind, anonymous_id) = (kind(&fields), fields.get("anonymous_id").and_then(text_or_number));
            one(Operation::RecordAnonymous(anonymous_id, event(&mut fields, kind, "data")?))
        }
        Endpoint::Merge => one(merge(&object(request.body)?)?),
        Endpoint::AddToSegment => {
            let (segment, people) = segment(route.id, request)?;
            one(Operation::AddToSegment(segment, people))
        }
        Endpoint::RemoveFromSegment => {
            let (segment, people) = segment(route.id, request)?;
            one(Operation::RemoveFromSegment(segment, people))
        }
        Endpoint::Metrics => {
            const METRICS: &[&str] =
                &["bounced", "clicked", "converted", "deferred", "delivered", "dropped", "opened", "spammed"];
            one(Operation::Report(metric(request.body, "metric", "recipient", METRICS)?))
        }
        Endpoint::PushEvents => {
            const EVENTS: &[&str] = &["converted", "delivered", "opened"];
            one(Operation::Report(metric(request.body, "event", "device_id", EVENTS)?))
        }
        Endpoint::SubmitForm => form(route.id, request.body),
        Endpoint::Unsubscribe => unsubscribe(route.id, request.body),
        _ => Ok(Vec::new()),
    }
}

/// The answer of `/api/v1/accounts/region`, with the documented fields.
pub(super) fn region(settings: &CustomerIoSettings) -> Answer {
    let (url, region) = match settings.region {
        Region::Us => ("https://track.customer.io", "us"),
        Region::Eu => ("https://track-eu.customer.io", "eu"),
    };
    answers::success(&json!({ "url": url, "region": region, "environment_id": settings.environment_id }))
}

/// The answer to a request that is wrong: a merge's errors have a form of their own (documented).
pub(super) fn refusal(endpoint: Endpoint, problem: &Invalid) -> Answer {
    problem.refuses(match endpoint {
        Endpoint::Merge => answers::meta_error(StatusCode::BAD_REQUEST, &problem.message),
        _ => answers::track_v1(StatusCode::BAD_REQUEST, &problem.message),
    })
}

/// A person with attributes, and what they are to be related to.
fn identify(id: &str, body: &[u8]) -> Result<Vec<Operation>, Invalid> {
    let who = path_identifier(id)?;
    let mut attributes = object(body)?;
    let relationships = attributes.take("cio_relationships");
    let mut operations = vec![Operation::Identify(who.clone(), Box::new(profile(attributes)?))];
    operations.extend(relationships.map(|value| related(who, &value)).transpose()?);
    Ok(operations)
}

/// `{"action":"add_relationships","relationships":[…]}`.
fn related(who: Identifier, value: &RawValue) -> Result<Operation, Invalid> {
    let fields = inner(value).ok_or_else(|| Invalid::new("cio_relationships", "cio_relationships must be an object"))?;
    let list = fields.get("relationships").ok_or_else(|| Invalid::required("cio_relationships.relationships"))?;
    let mut relation = relations(list)?;
    relation.people.push(who);
    match fields.get("action").and_then(text).as_deref() {
        Some("add_relationships") => Ok(Operation::Relate(relation)),
        Some("delete_relationships") => Ok(Operation::Unrelate(relation)),
        _ => Err(Invalid::new("cio_relationships.action", "the action must be add_relationships or delete_relationships")),
    }
}

/// Documented: page, screen, and whatever else is an event.
fn kind(fields: &Attributes) -> EventKind {
    match fields.get("type").map(RawValue::get) {
        Some("\"page\"") => EventKind::Page,
        Some("\"screen\"") => EventKind::Screen,
        _ => EventKind::Event,
    }
}

/// Tokens of devices are longer than identifiers may be.
fn path_token(encoded: &str) -> Result<String, Invalid> {
    let token = percent_encoding::percent_decode_str(encoded).decode_utf8();
    token.map(std::borrow::Cow::into_owned).map_err(|_| Invalid::new("device", "the device id is not UTF-8"))
}

/// A manual segment and people of one type of identifier. Documented: values that do not match the type are ignored.
fn segment(id: &str, request: &Request<'_>) -> Result<(u64, Vec<Identifier>), Invalid> {
    let segment = id.parse().map_err(|_| Invalid::new("segment_id", format!("`{id}` is no segment; its id is a number")))?;
    let id_type = query(request.query, "id_type");
    let kind = identifier_of(id_type.as_deref()).ok_or_else(|| {
        let other = id_type.unwrap_or_default();
        Invalid::new("id_type", format!("id_type `{other}` is not known; it is id, email or cio_id"))
    })?;
    let fields = object(request.body)?;
    let ids: Vec<&RawValue> = fields
        .get("ids")
        .and_then(|ids| serde_json::from_str(ids.get()).ok())
        .ok_or_else(|| Invalid::new("ids", "ids must be a list of customer ids"))?;
    if ids.len() > SEGMENT_IDS {
        return Err(Invalid::too_large("ids", format!("there are {} ids; the limit is {SEGMENT_IDS}", ids.len())));
    }
    Ok((segment, ids.into_iter().filter_map(text_or_number).map(kind).collect()))
}

/// What an `id_type` makes of an identifier's text; without one it is an `id`.
pub(super) fn identifier_of(id_type: Option<&str>) -> Option<fn(String) -> Identifier> {
    match id_type {
        None | Some("id") => Some(Identifier::Id),
        Some("email") => Some(Identifier::Email),
        Some("cio_id") => Some(Identifier::CioId),
        Some(_) => None,
    }
}

/// A value of the query, decoded.
pub(super) fn query(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.replace('+', " ")).next()?;
    percent_encoding::percent_decode_str(&value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn metric(body: &[u8], metric: &'static str, recipient: &str, known: &[&str]) -> Result<NewMetric, Invalid> {
    let fields = object(body)?;
    let delivery = fields.get("delivery_id").and_then(text).ok_or_else(|| Invalid::required("delivery_id"))?;
    let what = fields.get(metric).and_then(text).filter(|what| known.contains(&what.as_str()));
    let what = what.ok_or_else(|| Invalid::new(metric, format!("{metric} must be one of {}", known.join(", "))))?;
    Ok(NewMetric {
        delivery: delivery.into(),
        metric: what.into(),
        recipient: fields.get(recipient).and_then(text_or_number).map(String::into_boxed_str),
        timestamp: timestamp(&fields),
    })
}

/// A form creates or updates the person that it names. Documented: `data` must have `id` or `email`, its values must be strings,
/// and some keys are reserved and ignored.
fn form(id: &str, body: &[u8]) -> Result<Vec<Operation>, Invalid> {
    const RESERVED: [&str; 5] = ["form_id", "form_name", "form_type", "form_url", "form_url_param"];
    let form = path_text(id)?;
    let mut fields = object(body)?;
    let data = fields.take("data").ok_or_else(|| Invalid::required("data"))?;
    let mut values = inner(&data).ok_or_else(|| Invalid::new("data", "data must be an object of form fields"))?;
    for name in RESERVED {
        values.take(name);
    }
    if let Some((name, _)) = values.iter().find(|(_, value)| !value.get().starts_with('"')) {
        return Err(Invalid::new("data", format!("the form value `{name}` must be a string")));
    }
    let Profile { id, email, .. } = profile(values.clone())?;
    let who = id.map(Identifier::Id).or(email.map(Identifier::Email));
    let who = who.ok_or_else(|| Invalid::new("data", "data must have at least one of id and email"))?;
    let event = super::operation::NewEvent {
        name: form.into(),
        kind: EventKind::Form,
        identity: None,
        key: None,
        timestamp: None,
        data: Some(data),
    };
    Ok(vec![Operation::Identify(who.clone(), Box::new(profile(values)?)), Operation::Record(who, event)])
}

/// Documented: needs no credentials, and sets the attribute only where `unsubscribe` is true.
fn unsubscribe(delivery: &str, body: &[u8]) -> Result<Vec<Operation>, Invalid> {
    let wants = object(body)?.get("unsubscribe").is_some_and(|value| value.get() == "true");
    Ok(if wants { vec![Operation::Unsubscribe(path_text(delivery)?)] } else { Vec::new() })
}
