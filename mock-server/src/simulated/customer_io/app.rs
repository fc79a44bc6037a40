//! The App API: transactional messages, triggers of broadcasts, and people looked up.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answers::{self, Invalid};
use super::attributes::{Attributes, text, text_or_number};
use super::fields::{identifier, inner, object};
use super::limits::{ATTACHMENTS, BROADCAST_RECIPIENTS, MESSAGE, RECIPIENTS};
use super::operation::{Channel, Identifier, NewDelivery};
use super::store::{Customer, Identifiers};
use crate::json::Json;
use crate::simulated::Answer;

/// The answer to a message that is wrong (documented: 400, 403 and 413 in this form).
pub(super) fn message_refusal(problem: &Invalid) -> Answer {
    let status = if problem.is_too_large() { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
    problem.refuses(answers::meta_error(status, &problem.message))
}

/// A transactional message. Documented: it needs `identifiers` with exactly one identifier and a
/// `transactional_message_id`; an e-mail needs `to`, and may have `body`, `subject` and `from` in place of the latter.
pub(super) fn delivery(channel: Channel, body: &[u8], id: impl FnOnce() -> String) -> Result<NewDelivery, Invalid> {
    let mut fields = object(body)?;
    let attachments = fields.take("attachments");
    check_sizes(attachments.as_deref(), body.len())?;
    let identifier = identifier(fields.get("identifiers"), "identifiers")?;
    let named = |name: &str| fields.get(name).and_then(text_or_number);
    let (to, message) = (named("to"), named("transactional_message_id"));
    if message.is_none() {
        let is_whole = channel == Channel::Email && ["body", "subject", "from"].iter().all(|name| named(name).is_some());
        if !is_whole {
            return Err(Invalid::required("transactional_message_id"));
        }
    }
    if channel == Channel::Email {
        let to = to.as_deref().ok_or_else(|| Invalid::required("to"))?;
        let count = |list: Option<&str>| list.map_or(0, |list| list.split(',').filter(|one| !one.trim().is_empty()).count());
        let recipients = count(Some(to)) + count(named("cc").as_deref()) + count(named("bcc").as_deref());
        if recipients > RECIPIENTS {
            return Err(Invalid::new("to", format!("there are {recipients} recipients; the limit is {RECIPIENTS}")));
        }
    }
    let draft = fields.get("queue_draft").is_some_and(|value| value.get() == "true");
    let data = fields.take("message_data").filter(|data| data.get() != "null");
    if data.as_ref().is_some_and(|data| !data.get().starts_with('{')) {
        return Err(Invalid::new("message_data", "message_data must be a JSON object"));
    }
    let (to, message) = (to.map(String::into_boxed_str), message.map(String::into_boxed_str));
    Ok(NewDelivery { id: id(), channel, identifier, to, message, data, draft })
}

fn check_sizes(attachments: Option<&RawValue>, body: usize) -> Result<(), Invalid> {
    let files = match attachments {
        None => Attributes::default(),
        Some(value) => inner(value).ok_or_else(|| Invalid::new("attachments", "attachments must be an object of files"))?,
    };
    // Three bytes are four characters of base 64.
    let decoded: usize =
        files.iter().filter_map(|(_, file)| text(file)).map(|file| file.trim_end_matches('=').len() * 3 / 4).sum();
    if decoded > ATTACHMENTS {
        let message = format!("the attachments are {decoded} bytes long; the limit is {ATTACHMENTS}");
        return Err(Invalid::too_large("attachments", message));
    }
    let rest = body - attachments.map_or(0, |value| value.get().len());
    if rest > MESSAGE {
        return Err(Invalid::too_large("", format!("the message is {rest} bytes long; the limit is {MESSAGE}")));
    }
    Ok(())
}

/// The answer to a message that was taken.
pub(super) fn queued(delivery_id: &str, queued_at: i64) -> Answer {
    answers::success(&json!({ "delivery_id": delivery_id, "queued_at": queued_at }))
}

/// A trigger, and the people that it names.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) data: Option<Box<RawValue>>,
    /// `None` where the broadcast itself, a condition or a file says who.
    pub(super) people: Option<Vec<Identifier>>,
    /// Where each is in the request, for errors.
    pub(super) field: &'static str,
    /// Whether those who do not exist are passed over.
    pub(super) ignores_missing: bool,
}

/// What is wrong with a trigger: `pointer` says where (RFC 6901).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadTrigger {
    pub(super) detail: String,
    pub(super) pointer: String,
}

/// The answer to triggers that are wrong, in the documented form.
pub(super) fn unprocessable(problems: &[BadTrigger]) -> Answer {
    let error =
        |problem: &BadTrigger| json!({ "detail": problem.detail, "status": "422", "source": { "pointer": problem.pointer } });
    let errors: Vec<Value> = problems.iter().map(error).collect();
    Answer::json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "errors": errors }).to_string())
}

/// The body of a trigger: `data`, and one of `recipients`, `ids`, `emails`, `per_user_data` and `data_file_url`.
pub(super) fn audience(mut fields: Attributes) -> Result<Audience, BadTrigger> {
    let wrong = |field: &str, detail: String| BadTrigger { detail, pointer: format!("/{field}") };
    const AUDIENCES: [&str; 5] = ["recipients", "ids", "emails", "per_user_data", "data_file_url"];
    let given: Vec<&'static str> = AUDIENCES.into_iter().filter(|name| fields.get(name).is_some()).collect();
    if let [_, second, ..] = given[..] {
        return Err(wrong(second, format!("only one of {} can be given", AUDIENCES.join(", "))));
    }
    let data = fields.take("data").filter(|data| data.get() != "null");
    if data.as_ref().is_some_and(|data| !data.get().starts_with('{')) {
        return Err(wrong("data", "data must be an object".to_owned()));
    }
    let flag = |name: &str| fields.get(name).is_some_and(|value| value.get() == "true");
    let (ignores_ids, ignores_emails) = (flag("id_ignore_missing"), flag("email_ignore_missing"));
    let field = given.first().copied().unwrap_or("");
    let people = match (field, fields.get(field)) {
        ("ids" | "emails" | "per_user_data", Some(list)) => Some(people(field, list)?),
        ("recipients", Some(filter)) if !filter.get().starts_with('{') => {
            return Err(wrong("recipients", "recipients must be an object of conditions".to_owned()));
        }
        _ => None,
    };
    let ignores_missing = match field {
        "ids" => ignores_ids,
        "emails" => ignores_emails,
        _ => ignores_ids || ignores_emails,
    };
    Ok(Audience { data, people, field, ignores_missing })
}

fn people(field: &'static str, list: &RawValue) -> Result<Vec<Identifier>, BadTrigger> {
    let wrong = |detail: String, pointer: String| BadTrigger { detail, pointer };
    let list: Vec<&RawValue> =
        serde_json::from_str(list.get()).map_err(|_| wrong(format!("{field} must be a list"), format!("/{field}")))?;
    if list.len() > BROADCAST_RECIPIENTS {
        let detail = format!("{field} has {} entries; the limit is {BROADCAST_RECIPIENTS}", list.len());
        return Err(wrong(detail, format!("/{field}")));
    }
    let person = |one: &RawValue| match field {
        "ids" => text_or_number(one).map(Identifier::Id),
        "emails" => text(one).map(Identifier::Email),
        _ => {
            let fields = inner(one)?;
            let id = fields.get("id").and_then(text_or_number).map(Identifier::Id);
            id.or_else(|| fields.get("email").and_then(text).map(Identifier::Email))
        }
    };
    let one = |(index, one): (usize, &RawValue)| {
        person(one).ok_or_else(|| wrong("has no identifier".to_owned(), format!("/{field}/{index}")))
    };
    list.into_iter().enumerate().map(one).collect()
}

/// The answer to a search by e-mail address.
pub(super) fn found(customers: &[Customer]) -> Answer {
    let results: Vec<Value> = customers.iter().map(|customer| json!(customer.identifiers)).collect();
    answers::success(&json!({ "results": results }))
}

/// What a look-up of attributes answers.
#[derive(Serialize)]
struct Found<'a> {
    id: &'a str,
    identifiers: &'a Identifiers,
    attributes: BTreeMap<&'a str, String>,
    timestamps: Value,
    unsubscribed: bool,
    devices: &'a [Json],
}

/// The answer to a look-up of attributes. Their values are strings, as documented.
pub(super) fn attributes(customer: &Customer) -> Answer {
    let as_text = |value: &Json| value.as_text().unwrap_or_else(|| value.get().to_owned());
    let mut attributes: BTreeMap<&str, String> =
        customer.attributes.iter().map(|(name, value)| (name.as_str(), as_text(value))).collect();
    for (name, value) in [("id", &customer.identifiers.id), ("email", &customer.identifiers.email)] {
        attributes.extend(value.as_ref().map(|value| (name, value.clone())));
    }
    attributes.insert("cio_id", customer.identifiers.cio_id.clone());
    let is_unsubscribed = customer.attributes.get("unsubscribed").is_some_and(|value| value.get() == "true");
    answers::success(&BTreeMap::from([(
        "customer",
        Found {
            id: customer.identifiers.id.as_deref().unwrap_or(""),
            identifiers: &customer.identifiers,
            attributes,
            timestamps: json!({ "cio_id": customer.created }),
            unsubscribed: is_unsubscribed,
            devices: &customer.devices,
        },
    )]))
}
