//! What a request asks for, once it has been read and found valid, whichever API it came through.
//!
//! Everything is owned and ready to be stored, so that the store is locked only while it changes.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::attributes::Attributes;
use super::dedup::EventKey;
use crate::simulated::Effect;
use crate::simulated::json::addresses;

/// What names a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Identifier {
    /// The user's own identifier.
    Id(String),
    /// An e-mail address.
    Email(String),
    /// The identifier that the vendor gave.
    CioId(String),
}

impl Identifier {
    /// The identifier in a path. Documented: an `id`, an e-mail address, or a `cio_id` behind `cio_`. How an `id` is distinguished from
    /// an address is not documented; what has an `@` in it was taken for an address.
    pub(super) fn from_text(text: String) -> Self {
        match text.strip_prefix("cio_") {
            Some(cio_id) if !cio_id.is_empty() => Self::CioId(cio_id.to_owned()),
            _ if text.contains('@') => Self::Email(text),
            _ => Self::Id(text),
        }
    }

    /// Its text, without the `cio_` of a path.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Email(text) | Self::CioId(text) => text,
        }
    }
}

/// A person's attributes as a request gives them, with those that mean something to the vendor apart.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
    pub(super) cio_id: Option<String>,
    pub(super) anonymous_id: Option<String>,
    /// `_update`: change an existing person, never create one.
    pub(super) update_only: bool,
    pub(super) attributes: Attributes,
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Something that was done.
    Event,
    /// A page of a web site was viewed; the event's name is the page.
    Page,
    /// A screen of an app was viewed; the event's name is the screen.
    Screen,
    /// A form was submitted; the event's name is the form.
    Form,
}

/// An event on its way into the store.
#[derive(Debug)]
pub(super) struct NewEvent {
    pub(super) name: Box<str>,
    pub(super) kind: EventKind,
    /// The identity that the request gave, as it gave it.
    pub(super) identity: Option<Box<str>>,
    /// What makes a duplicate of it known; `None` where nothing does.
    pub(super) key: Option<EventKey>,
    /// Unix time in seconds; `None` for the time of receipt.
    pub(super) timestamp: Option<i64>,
    pub(super) data: Option<Box<RawValue>>,
}

/// A device of a person.
#[derive(Debug, Serialize)]
pub(super) struct Device {
    #[serde(rename = "id")]
    pub(super) token: Box<str>,
    pub(super) platform: Box<str>,
    /// Unix time in seconds; `None` for the time of receipt.
    pub(super) last_used: Option<i64>,
    pub(super) attributes: Option<Box<RawValue>>,
}

/// What names an object: a company, a course.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ObjectName {
    /// By the user's own type and identifier.
    Own {
        /// `object_type_id`.
        type_id: String,
        /// `object_id`.
        id: String,
    },
    /// By the identifier that the vendor gave.
    Given(String),
}

/// A message that the App API was asked to send.
#[derive(Debug)]
pub(super) struct NewDelivery {
    pub(super) id: String,
    pub(super) channel: Channel,
    pub(super) identifier: Identifier,
    pub(super) to: Option<Box<str>>,
    pub(super) message: Option<Box<str>>,
    pub(super) data: Option<Box<RawValue>>,
    pub(super) draft: bool,
}

/// A report on a delivery.
#[derive(Debug, Serialize)]
pub(super) struct NewMetric {
    pub(super) delivery: Box<str>,
    pub(super) metric: Box<str>,
    pub(super) recipient: Option<Box<str>>,
    /// Unix time in seconds; `None` for the time of receipt.
    #[serde(skip)]
    pub(super) timestamp: Option<i64>,
}

/// A change that a valid request asks for. Whether it changes anything is up to the store.
#[derive(Debug)]
pub(super) enum Operation {
    /// Create or update a person.
    Identify(Identifier, Box<Profile>),
    /// Delete a person and all that is known of them.
    Delete(Identifier),
    /// Delete them and ignore them from now on.
    Suppress(Identifier),
    /// Ignore them no longer.
    Unsuppress(Identifier),
    /// Record an event.
    Record(Identifier, NewEvent),
    /// Record an event of an unknown person.
    RecordAnonymous(Option<String>, NewEvent),
    /// Add or update a device.
    AddDevice(Identifier, Device),
    /// Remove a device.
    DeleteDevice(Identifier, String),
    /// Merge the second person into the first.
    Merge(Identifier, Identifier),
    /// Add people to a segment.
    AddToSegment(u64, Vec<Identifier>),
    /// Remove people from a segment.
    RemoveFromSegment(u64, Vec<Identifier>),
    /// Create or update an object.
    IdentifyObject(ObjectName, Attributes),
    /// Delete an object.
    DeleteObject(ObjectName),
    /// Relate people and objects.
    Relate(Relation),
    /// Relate them no longer.
    Unrelate(Relation),
    /// A message is to be sent.
    Deliver(Box<NewDelivery>),
    /// A broadcast is to be sent.
    Trigger(NewTrigger),
    /// A report on a delivery.
    Report(NewMetric),
    /// The recipient of a delivery wants no more messages.
    Unsubscribe(String),
}

/// Everyone on the one side with everything on the other.
#[derive(Debug, Default)]
pub(super) struct Relation {
    pub(super) people: Vec<Identifier>,
    pub(super) anonymous: Vec<String>,
    pub(super) objects: Vec<ObjectName>,
}

impl Operation {
    /// Its entry in the ledger, if it changes anything.
    pub(super) fn effect(&self) -> Effect {
        let (what, subject, id) = match self {
            Self::Identify(who, _) => ("customer.identified", who.text().to_owned(), None),
            Self::Delete(who) => ("customer.deleted", who.text().to_owned(), None),
            Self::Suppress(who) => ("customer.suppressed", who.text().to_owned(), None),
            Self::Unsuppress(who) => ("customer.unsuppressed", who.text().to_owned(), None),
            Self::Record(who, event) => ("event.recorded", who.text().to_owned(), event.identity()),
            Self::RecordAnonymous(who, event) => ("anonymous_event.recorded", who.clone().unwrap_or_default(), event.identity()),
            Self::AddDevice(who, _) => ("device.added", who.text().to_owned(), None),
            Self::DeleteDevice(who, _) => ("device.deleted", who.text().to_owned(), None),
            Self::Merge(primary, _) => ("customers.merged", primary.text().to_owned(), None),
            Self::AddToSegment(segment, _) => ("segment.customers_added", segment.to_string(), None),
            Self::RemoveFromSegment(segment, _) => ("segment.customers_removed", segment.to_string(), None),
            Self::IdentifyObject(name, _) => ("object.identified", name.to_string(), None),
            Self::DeleteObject(name) => ("object.deleted", name.to_string(), None),
            Self::Relate(relation) => ("relationship.added", relation.subject(), None),
            Self::Unrelate(relation) => ("relationship.deleted", relation.subject(), None),
            Self::Deliver(delivery) => ("delivery.created", delivery.subject(), Some(delivery.id.clone())),
            Self::Trigger(trigger) => ("broadcast.triggered", trigger.broadcast.to_string(), Some(trigger.id.to_string())),
            Self::Report(metric) => ("metric.recorded", metric.delivery.to_string(), None),
            Self::Unsubscribe(delivery) => ("customer.unsubscribed", delivery.clone(), None),
        };
        let effect = Effect { what: Cow::Borrowed(what), subject, names: Vec::new(), id, credits: 0 };
        match self {
            Self::Identify(_, profile) => {
                let given = [&profile.id, &profile.email].into_iter().flatten().cloned();
                let values = profile.attributes.iter().flat_map(|(_, value)| addresses(value.get()));
                effect.named(given.chain(values))
            }
            Self::Record(_, NewEvent { data: Some(data), .. }) | Self::RecordAnonymous(_, NewEvent { data: Some(data), .. }) => {
                effect.named(addresses(data.get()))
            }
            _ => effect,
        }
    }
}

impl NewEvent {
    fn identity(&self) -> Option<String> {
        self.identity.as_deref().map(str::to_owned)
    }
}

impl NewDelivery {
    /// Where it goes, or else whose it is.
    fn subject(&self) -> String {
        self.to.as_deref().unwrap_or_else(|| self.identifier.text()).to_owned()
    }
}

impl Relation {
    fn subject(&self) -> String {
        self.objects.first().map(ToString::to_string).unwrap_or_default()
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own { type_id, id } => write!(f, "{type_id}/{id}"),
            Self::Given(id) => f.write_str(id),
        }
    }
}

/// The channel of a transactional message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// E-mail.
    Email,
    /// A push notification.
    Push,
    /// A text message.
    Sms,
    /// A WhatsApp message.
    #[serde(rename = "whatsapp")]
    WhatsApp,
    /// An in-app message.
    InApp,
    /// A message in an app's inbox.
    InboxMessage,
}

/// A trigger on its way into the store.
#[derive(Debug, Serialize)]
pub(super) struct NewTrigger {
    /// As which it is read back.
    #[serde(skip)]
    pub(super) id: u64,
    pub(super) broadcast: u64,
    pub(super) recipients: Option<usize>,
    pub(super) data: Option<Box<RawValue>>,
}
