//! What the bodies of the APIs have in common: fields that may be missing, identifiers, attributes, events.

use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::answers::Invalid;
use super::attributes::{Attributes, text, text_or_number};
use super::dedup::EventKey;
use super::limits::{self, EVENT_DATA, EVENT_NAME, NAME, at_most};
use super::operation::{Device, EventKind, Identifier, NewEvent, ObjectName, Operation, Profile, Relation};

/// The fields of a body that is one JSON object.
pub(super) fn object(body: &[u8]) -> Result<Attributes, Invalid> {
    let wrong = || Invalid::new("", "the body must be a JSON object");
    // The parser skips over strings that it need not read without looking at their encoding, hence the check of the whole.
    let body = std::str::from_utf8(body).map_err(|_| wrong())?;
    serde_json::from_str(body).map_err(|_| wrong())
}

/// The fields of a value that is a JSON object; `None` where it is something else.
pub(super) fn inner(value: &RawValue) -> Option<Attributes> {
    serde_json::from_str(value.get()).ok()
}

/// The identifier of a person in a path.
pub(super) fn path_identifier(encoded: &str) -> Result<Identifier, Invalid> {
    path_text(encoded).map(Identifier::from_text)
}

/// A part of a path, decoded.
pub(super) fn path_text(encoded: &str) -> Result<String, Invalid> {
    let id = percent_decode_str(encoded).decode_utf8().map_err(|_| Invalid::new("id", "the customer id is not UTF-8"))?;
    at_most(NAME, id.len(), "id", || "the customer id".to_owned())?;
    Ok(id.into_owned())
}

/// The one identifier of an object such as `{"email":"…"}`.
pub(super) fn identifier(value: Option<&RawValue>, field: &'static str) -> Result<Identifier, Invalid> {
    let Some(value) = value else { return Err(Invalid::required(field)) };
    let Some(fields) = inner(value) else {
        return Err(Invalid::new(field, format!("{field} must be an object with one of id, email and cio_id")));
    };
    if fields.len() != 1 {
        return Err(Invalid::new(field, format!("{field} must have exactly one of id, email and cio_id")));
    }
    let named = |name: &str| fields.get(name).map(text_or_number);
    let found = (named("id").map(|id| id.map(Identifier::Id)))
        .or_else(|| named("email").map(|email| email.map(Identifier::Email)))
        .or_else(|| named("cio_id").map(|cio_id| cio_id.map(Identifier::CioId)));
    match found {
        Some(Some(who)) => {
            at_most(NAME, who.text().len(), field, || "the customer id".to_owned())?;
            Ok(who)
        }
        Some(None) => Err(Invalid::new(field, format!("the identifier in {field} must be a string that is not empty"))),
        None => Err(Invalid::new(field, format!("{field} must have one of id, email and cio_id"))),
    }
}

/// A person's attributes, checked, with those that mean something to the vendor taken out.
pub(super) fn profile(mut attributes: Attributes) -> Result<Profile, Invalid> {
    limits::attributes(&attributes)?;
    let mut taken = |name: &str| attributes.take(name).as_deref().and_then(text_or_number);
    let (id, email, cio_id, anonymous_id) = (taken("id"), taken("email"), taken("cio_id"), taken("anonymous_id"));
    at_most(NAME, id.as_ref().map_or(0, String::len), "id", || "the customer id".to_owned())?;
    let update_only = attributes.take("_update").is_some_and(|value| value.get() == "true");
    // It orders updates that come in rapid succession; here they are carried out in the order in which they come.
    attributes.take("_timestamp");
    Ok(Profile { id, email, cio_id, anonymous_id, update_only, attributes })
}

/// An event: its fields are `name`, `id`, `timestamp` and, under a name that depends on the API, its data.
pub(super) fn event(fields: &mut Attributes, kind: EventKind, data: &'static str) -> Result<NewEvent, Invalid> {
    // Documented: spaces around it are trimmed.
    let name = fields.get("name").and_then(text).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Invalid { reason: "required", field: "name", message: "the event needs a name".to_owned() })?;
    at_most(EVENT_NAME, name.len(), "name", || "the event's name".to_owned())?;
    let identity = fields.get("id").and_then(text);
    let key = identity.as_deref().and_then(EventKey::of_ulid);
    let data = event_data(fields.take(data), data)?;
    let identity = identity.map(String::into_boxed_str);
    Ok(NewEvent { name: name.into(), kind, identity, key, timestamp: timestamp(fields), data })
}

/// The data of an event: an object, or none.
pub(super) fn event_data(data: Option<Box<RawValue>>, field: &'static str) -> Result<Option<Box<RawValue>>, Invalid> {
    let Some(data) = data.filter(|data| data.get() != "null") else { return Ok(None) };
    if !data.get().starts_with('{') {
        return Err(Invalid::new(field, "the event's data must be a JSON object"));
    }
    at_most(EVENT_DATA, data.get().len(), field, || "the event's data".to_owned())?;
    Ok(Some(data))
}

/// A Unix time in seconds. Anything else counts as none: "minimal validation" is documented for this API.
pub(super) fn timestamp(fields: &Attributes) -> Option<i64> {
    seconds(fields.get("timestamp")?)
}

/// A number of seconds.
pub(super) fn seconds(value: &RawValue) -> Option<i64> {
    let text = value.get();
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    text.parse::<i64>().ok().or_else(|| text.parse::<f64>().ok().map(|seconds| seconds as i64)).filter(|_| is_number)
}

/// A device, whose token is under `token` or, in version 1, under `id`.
pub(super) fn device(value: Option<&RawValue>, token: &'static str) -> Result<Device, Invalid> {
    let mut fields = value.and_then(inner).ok_or_else(|| Invalid::required("device"))?;
    let text_of = |fields: &Attributes, name: &str| fields.get(name).and_then(text);
    let token = text_of(&fields, token).ok_or_else(|| Invalid::new("device", format!("the device needs its {token}")))?;
    let platform = text_of(&fields, "platform").filter(|platform| matches!(platform.as_str(), "ios" | "android"));
    let platform = platform.ok_or_else(|| Invalid::new("device", "the device's platform must be ios or android"))?;
    let last_used = fields.get("last_used").and_then(seconds);
    let attributes = fields.take("attributes").filter(|attributes| attributes.get().starts_with('{'));
    Ok(Device { token: token.into(), platform: platform.into(), last_used, attributes })
}

/// What names an object: `object_type_id` and `object_id`, or `cio_object_id`.
pub(super) fn object_name(value: Option<&RawValue>) -> Result<ObjectName, Invalid> {
    let fields = value.and_then(inner).ok_or_else(|| Invalid::required("identifiers"))?;
    let named = |name: &str| fields.get(name).and_then(text_or_number);
    let name = match (named("object_type_id"), named("object_id"), named("cio_object_id")) {
        (Some(type_id), Some(id), _) => ObjectName::Own { type_id, id },
        (_, _, Some(given)) => ObjectName::Given(given),
        _ => return Err(Invalid::new("identifiers", "an object needs object_type_id and object_id, or cio_object_id")),
    };
    at_most(NAME, name.to_string().len(), "identifiers", || "the object's id".to_owned())?;
    Ok(name)
}

/// The other sides of a relationship of a person (objects) or of an object (people, known or anonymous).
pub(super) fn relations(value: &RawValue) -> Result<Relation, Invalid> {
    const FIELD: &str = "cio_relationships";
    let wrong = || Invalid::new(FIELD, "cio_relationships must be a list of objects with identifiers");
    let list: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|_| wrong())?;
    let mut relation = Relation::default();
    for one in list {
        let fields = inner(one).ok_or_else(wrong)?;
        let identifiers = fields.get("identifiers").ok_or_else(wrong)?;
        let names = inner(identifiers).ok_or_else(wrong)?;
        if let Some(id) = names.get("anonymous_id").and_then(text_or_number) {
            relation.anonymous.push(id);
        } else if names.get("object_id").or_else(|| names.get("cio_object_id")).is_some() {
            relation.objects.push(object_name(Some(identifiers))?);
        } else {
            relation.people.push(identifier(Some(identifiers), FIELD)?);
        }
    }
    Ok(relation)
}

pub(super) fn object_field(fields: &mut Attributes, name: &'static str) -> Result<Attributes, Invalid> {
    match fields.take(name).filter(|value| value.get() != "null") {
        None => Ok(Attributes::default()),
        Some(value) => inner(&value).ok_or_else(|| Invalid::new(name, format!("{name} must be a JSON object"))),
    }
}

/// The merge of the people who are `primary` and `secondary`.
pub(super) fn merge(fields: &Attributes) -> Result<Operation, Invalid> {
    let primary = identifier(fields.get("primary"), "primary")?;
    Ok(Operation::Merge(primary, identifier(fields.get("secondary"), "secondary")?))
}
