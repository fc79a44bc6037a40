//! What can be read back from the store, in order of age.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Store;
use super::people::Person;
use super::records::{Delivery, Event, Object};
use crate::json::Json;
use crate::simulated::customer_io::operation::{Channel, EventKind, Identifier};

/// What names a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identifiers {
    /// The user's own identifier.
    pub id: Option<String>,
    /// The e-mail address, as it was given.
    pub email: Option<String>,
    /// The identifier that the vendor gave.
    pub cio_id: String,
}

/// A person as the workspace knows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Customer {
    /// The first of the identifiers that there is: `id`, e-mail address, `cio_id`.
    pub id: String,
    /// All of them.
    pub identifiers: Identifiers,
    /// Attributes, without the identifiers.
    pub attributes: BTreeMap<String, Json>,
    /// Devices, in order of addition.
    pub devices: Vec<Json>,
    /// Manual segments, in order of their numbers.
    pub segments: Vec<u64>,
    /// How many of their events are still kept.
    pub events: usize,
    /// When they were created, in Unix time in seconds.
    pub created: i64,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CustomerEvent {
    /// Its identity, or else its number here.
    pub id: String,
    /// The identity that the request gave: a ULID, or the `messageId` of a Pipelines call.
    pub identity: Option<String>,
    /// Whose it is; `None` while that is unknown.
    pub customer: Option<String>,
    /// The anonymous identifier, where it came with one.
    pub anonymous_id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: EventKind,
    /// When it happened, or else when it came, in Unix time in seconds.
    pub timestamp: i64,
    /// Its data; `null` for none.
    pub data: Json,
}

/// A record with its number as its identifier.
#[derive(Serialize)]
struct Numbered<'a, T> {
    id: String,
    #[serde(flatten)]
    record: &'a T,
}

fn numbered<'a, T: Serialize + 'a>(records: impl Iterator<Item = (u64, &'a T)>) -> Json {
    let numbered = records.map(|(number, record)| Numbered { id: number.to_string(), record });
    Json::of(&numbered.collect::<Vec<_>>())
}

/// A message that was asked for, as it is read back.
#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    channel: Channel,
    identifier: &'a str,
    customer: Option<String>,
    to: Option<&'a str>,
    message: Option<&'a str>,
    data: Option<&'a RawValue>,
    draft: bool,
    queued_at: i64,
}

/// An object as it is read back.
#[derive(Serialize)]
struct ReadObject<'a> {
    id: String,
    cio_object_id: String,
    attributes: BTreeMap<String, Json>,
    customers: Vec<String>,
    anonymous_ids: &'a [String],
}

fn owned(text: &Option<Box<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

impl Store {
    pub(in crate::simulated::customer_io) fn customer(&self, who: &Identifier) -> Option<Customer> {
        let number = self.people.find(who)?;
        self.people.shelf.get(number).map(|person| self.customer_of(number, person))
    }

    pub(in crate::simulated::customer_io) fn customers(&self) -> Vec<Customer> {
        self.people.shelf.iter().map(|(number, person)| self.customer_of(number, person)).collect()
    }

    /// Whether the person is known, or may have been before they were forgotten.
    pub(in crate::simulated::customer_io) fn may_know(&self, who: &Identifier) -> bool {
        self.people.shelf.forgotten > 0 || self.people.find(who).is_some()
    }

    pub(in crate::simulated::customer_io) fn events_of(&self, who: &Identifier) -> Vec<CustomerEvent> {
        let person = self.people.find(who).and_then(|number| self.people.shelf.get(number));
        let mut numbers: Vec<u64> = person.into_iter().flat_map(|person| person.events.iter().copied()).collect();
        numbers.sort_unstable();
        numbers.into_iter().filter_map(|number| self.events.get(number).map(|event| self.event_of(number, event))).collect()
    }

    pub(in crate::simulated::customer_io) fn events(&self) -> Vec<CustomerEvent> {
        self.events.iter().map(|(number, event)| self.event_of(number, event)).collect()
    }

    pub(in crate::simulated::customer_io) fn deliveries(&self) -> Json {
        Json::of(&self.deliveries.iter().map(|(_, delivery)| self.message_of(delivery)).collect::<Vec<_>>())
    }

    pub(in crate::simulated::customer_io) fn broadcasts(&self) -> Json {
        numbered(self.broadcasts.iter().map(|(_, triggered)| (triggered.new.id, triggered)))
    }

    pub(in crate::simulated::customer_io) fn metrics(&self) -> Json {
        numbered(self.metrics.iter())
    }

    pub(in crate::simulated::customer_io) fn objects(&self) -> Json {
        Json::of(&self.objects.iter().map(|(number, object)| self.object_of(number, object)).collect::<Vec<_>>())
    }

    /// Manual segments with the people in them.
    pub(in crate::simulated::customer_io) fn segments(&self) -> BTreeMap<u64, Vec<String>> {
        let mut segments: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (number, person) in self.people.shelf.iter() {
            for segment in &person.segments {
                segments.entry(*segment).or_default().push(self.name_of(number, person));
            }
        }
        segments
    }

    pub(in crate::simulated::customer_io) fn suppressed(&self) -> Value {
        let record = |suppressed: &super::Suppressed| {
            let id = suppressed.id.as_deref().or(suppressed.email.as_deref());
            json!({ "id": id, "identifiers": { "id": suppressed.id, "email": suppressed.email } })
        };
        self.suppressed.iter().map(|(_, suppressed)| record(suppressed)).collect()
    }

    /// How full the store is and what it has forgotten.
    pub(in crate::simulated::customer_io) fn summary(&self) -> Value {
        json!({
            "shelves": {
                "customers": self.people.shelf.summary(),
                "events": self.events.summary(),
                "deliveries": self.deliveries.summary(),
                "broadcasts": self.broadcasts.summary(),
                "metrics": self.metrics.summary(),
                "objects": self.objects.summary(),
                "suppressed": self.suppressed.summary(),
            },
            "attribute_update_failures": self.attribute_update_failures,
            "duplicate_events": self.seen.duplicates,
            "event_identities_forgotten_early": self.seen.forgotten,
        })
    }

    fn name(&self, number: u64) -> Option<String> {
        self.people.shelf.get(number).map(|person| self.name_of(number, person))
    }

    fn name_of(&self, number: u64, person: &Person) -> String {
        owned(&person.id).or_else(|| owned(&person.email)).unwrap_or_else(|| self.people.cio_id(number))
    }

    fn customer_of(&self, number: u64, person: &Person) -> Customer {
        let identifiers = Identifiers { id: owned(&person.id), email: owned(&person.email), cio_id: self.people.cio_id(number) };
        Customer {
            id: self.name_of(number, person),
            identifiers,
            attributes: person.attributes.read(),
            devices: person.devices.iter().map(Json::of).collect(),
            segments: person.segments.clone(),
            events: person.events.iter().filter(|event| self.events.get(**event).is_some()).count(),
            created: person.created,
        }
    }

    fn message_of<'a>(&self, delivery: &'a Delivery) -> Message<'a> {
        let Delivery { person, new, queued_at } = delivery;
        Message {
            id: &new.id,
            channel: new.channel,
            identifier: new.identifier.text(),
            customer: person.and_then(|person| self.name(person)),
            to: new.to.as_deref(),
            message: new.message.as_deref(),
            data: new.data.as_deref(),
            draft: new.draft,
            queued_at: *queued_at,
        }
    }

    fn object_of<'a>(&self, number: u64, object: &'a Object) -> ReadObject<'a> {
        let Object { type_id, id, attributes, people, anonymous_ids } = object;
        ReadObject {
            id: format!("{type_id}/{id}"),
            cio_object_id: self.cio_object_id(number),
            attributes: attributes.read(),
            customers: people.iter().filter_map(|person| self.name(*person)).collect(),
            anonymous_ids,
        }
    }

    fn event_of(&self, number: u64, event: &Event) -> CustomerEvent {
        CustomerEvent {
            id: owned(&event.identity).unwrap_or_else(|| number.to_string()),
            identity: owned(&event.identity),
            customer: event.person.and_then(|person| self.name(person)),
            anonymous_id: owned(&event.anonymous_id),
            name: event.name.to_string(),
            kind: event.kind,
            timestamp: event.timestamp,
            data: Json::of(&event.data),
        }
    }
}
