//! What can be read back from the store, in order of age.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Store;
use super::people::Person;
use super::records::{Delivery, Event};
use crate::simulated::customer_io::attributes::parsed;
use crate::simulated::customer_io::operation::{EventKind, Identifier};

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
    pub attributes: Map<String, Value>,
    /// Devices, in order of addition.
    pub devices: Vec<Value>,
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
    pub data: Value,
}

/// A record as JSON, with its number as its identifier.
fn numbered(record: &impl Serialize, number: u64) -> Value {
    let mut record = json!(record);
    record["id"] = number.to_string().into();
    record
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

    pub(in crate::simulated::customer_io) fn deliveries(&self) -> Value {
        let record = |delivery: &Delivery| {
            json!({
                "id": delivery.new.id,
                "channel": delivery.new.channel,
                "identifier": delivery.new.identifier.text(),
                "customer": delivery.person.and_then(|person| self.name(person)),
                "to": delivery.new.to,
                "message": delivery.new.message,
                "data": delivery.new.data,
                "draft": delivery.new.draft,
                "queued_at": delivery.queued_at,
            })
        };
        self.deliveries.iter().map(|(_, delivery)| record(delivery)).collect()
    }

    pub(in crate::simulated::customer_io) fn broadcasts(&self) -> Value {
        self.broadcasts.iter().map(|(_, triggered)| numbered(triggered, triggered.new.id)).collect()
    }

    pub(in crate::simulated::customer_io) fn metrics(&self) -> Value {
        self.metrics.iter().map(|(number, reported)| numbered(reported, number)).collect()
    }

    pub(in crate::simulated::customer_io) fn objects(&self) -> Value {
        let record = |number, object: &super::Object| {
            json!({
                "id": format!("{}/{}", object.type_id, object.id),
                "cio_object_id": self.cio_object_id(number),
                "attributes": object.attributes.to_json(),
                "customers": object.people.iter().filter_map(|person| self.name(*person)).collect::<Vec<_>>(),
                "anonymous_ids": object.anonymous_ids,
            })
        };
        self.objects.iter().map(|(number, object)| record(number, object)).collect()
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
            attributes: person.attributes.to_json(),
            devices: person.devices.iter().map(|device| json!(device)).collect(),
            segments: person.segments.clone(),
            events: person.events.iter().filter(|event| self.events.get(**event).is_some()).count(),
            created: person.created,
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
            data: event.data.as_deref().map_or(Value::Null, parsed),
        }
    }
}
