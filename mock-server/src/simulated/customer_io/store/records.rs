//! What is on the other shelves: events, deliveries, triggers, reports, objects, and who is suppressed.

use serde::Serialize;
use serde_json::value::RawValue;

use super::shelf::Weigh;
use crate::simulated::customer_io::attributes::Attributes;
use crate::simulated::customer_io::operation::{EventKind, Identifier, NewDelivery, NewMetric, NewTrigger};

/// What an allocation takes beside its content, about.
const ALLOCATION: usize = 16;

fn text(text: &Option<Box<str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len() + ALLOCATION)
}

fn raw(raw: &Option<Box<RawValue>>) -> usize {
    raw.as_ref().map_or(0, |raw| raw.get().len() + ALLOCATION)
}

/// An event.
#[derive(Debug)]
pub(super) struct Event {
    /// The person; `None` while that is unknown.
    pub(super) person: Option<u64>,
    pub(super) anonymous_id: Option<Box<str>>,
    pub(super) identity: Option<Box<str>>,
    pub(super) name: Box<str>,
    pub(super) kind: EventKind,
    pub(super) timestamp: i64,
    pub(super) data: Option<Box<RawValue>>,
}

impl Weigh for Event {
    fn bytes(&self) -> usize {
        // An anonymous identifier is in an index too; a person keeps eight bytes for each of their events.
        let anonymous = self.anonymous_id.as_ref().map_or(0, |id| 2 * id.len() + 100);
        anonymous + text(&self.identity) + self.name.len() + ALLOCATION + raw(&self.data)
    }
}

/// A message that was asked for.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) person: Option<u64>,
    pub(super) new: NewDelivery,
    pub(super) queued_at: i64,
}

impl Weigh for Delivery {
    fn bytes(&self) -> usize {
        let new = &self.new;
        let names = new.id.len() + new.identifier.text().len() + 2 * ALLOCATION;
        names + text(&new.to) + text(&new.message) + raw(&new.data)
    }
}

/// A broadcast that was triggered.
#[derive(Debug, Serialize)]
pub(super) struct Triggered {
    #[serde(flatten)]
    pub(super) new: NewTrigger,
    pub(super) at: i64,
}

impl Weigh for Triggered {
    fn bytes(&self) -> usize {
        raw(&self.new.data)
    }
}

/// A report on a delivery.
#[derive(Debug, Serialize)]
pub(super) struct Reported {
    #[serde(flatten)]
    pub(super) new: NewMetric,
    pub(super) at: i64,
}

impl Weigh for Reported {
    fn bytes(&self) -> usize {
        self.new.delivery.len() + self.new.metric.len() + 2 * ALLOCATION + text(&self.new.recipient)
    }
}

/// An object: a company, a course.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) type_id: String,
    pub(super) id: String,
    pub(super) attributes: Attributes,
    /// The numbers of people who are related to it. Those who have gone may still be here.
    pub(super) people: Vec<u64>,
    pub(super) anonymous_ids: Vec<String>,
}

impl Weigh for Object {
    fn bytes(&self) -> usize {
        let names = 2 * (self.type_id.len() + self.id.len()) + 128;
        let anonymous = self.anonymous_ids.iter().map(|id| id.len() + 40).sum::<usize>();
        names + self.attributes.bytes() + self.people.len() * 8 + anonymous
    }
}

/// A suppressed person, by all identifiers.
#[derive(Debug)]
pub(super) struct Suppressed {
    pub(super) id: Option<Box<str>>,
    /// In lower case.
    pub(super) email: Option<Box<str>>,
}

impl Suppressed {
    pub(super) fn identifiers(&self) -> Vec<Identifier> {
        let id = self.id.as_deref().map(|id| Identifier::Id(id.to_owned()));
        id.into_iter().chain(self.email.as_deref().map(|email| Identifier::Email(email.to_owned()))).collect()
    }
}

impl Weigh for Suppressed {
    fn bytes(&self) -> usize {
        2 * (text(&self.id) + text(&self.email)) + 64
    }
}
