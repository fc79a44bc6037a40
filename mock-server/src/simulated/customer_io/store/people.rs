//! The people of a workspace, found by any of their identifiers.

use std::collections::{HashMap, VecDeque};

use super::shelf::{Shelf, Weigh};
use crate::simulated::customer_io::attributes::Attributes;
use crate::simulated::customer_io::limits::RELATED;
use crate::simulated::customer_io::operation::{Device, Identifier};

/// A person.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub(super) id: Option<Box<str>>,
    /// As it was given; it is found in any case.
    pub(super) email: Option<Box<str>>,
    pub(super) attributes: Attributes,
    pub(super) devices: Vec<Device>,
    /// Manual segments, sorted.
    pub(super) segments: Vec<u64>,
    pub(super) anonymous_ids: Vec<Box<str>>,
    /// The numbers of their events, oldest first. Those that are no longer on the shelf may still be here.
    pub(super) events: VecDeque<u64>,
    /// Unix time in seconds.
    pub(super) created: i64,
}

impl Weigh for Person {
    fn bytes(&self) -> usize {
        // An identifier is here and in an index, with an allocation and a slot of a map each.
        let identifier = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| 2 * text.len() + 80);
        let device = |device: &Device| {
            size_of::<Device>() + 64 + device.token.len() + device.attributes.as_ref().map_or(0, |raw| raw.get().len())
        };
        identifier(&self.id)
            + identifier(&self.email)
            + self.attributes.bytes()
            + self.devices.iter().map(device).sum::<usize>()
            + self.segments.len() * 8
            + self.anonymous_ids.iter().map(|id| 2 * id.len() + 112).sum::<usize>()
            + self.events.len() * 8
    }
}

/// People by number, `id` and e-mail address.
#[derive(Debug)]
pub(super) struct People {
    pub(super) shelf: Shelf<Person>,
    by_id: HashMap<Box<str>, u64>,
    /// Addresses in lower case: documented to be the same in any case.
    by_email: HashMap<Box<str>, u64>,
    by_anonymous_id: HashMap<Box<str>, u64>,
    /// What makes the identifiers that the vendor gives look like the vendor's.
    prefix: u32,
}

impl People {
    pub(super) fn new(budget: usize, prefix: u32) -> Self {
        Self {
            shelf: Shelf::new(budget),
            by_id: HashMap::new(),
            by_email: HashMap::new(),
            by_anonymous_id: HashMap::new(),
            prefix: prefix & 0x00ff_ffff,
        }
    }

    /// The identifier that the vendor gave to a person, a dozen hexadecimal digits as the vendor's.
    pub(super) fn cio_id(&self, number: u64) -> String {
        format!("{:06x}{number:06x}", self.prefix)
    }

    pub(super) fn find(&self, who: &Identifier) -> Option<u64> {
        match who {
            Identifier::Id(id) => self.by_id(id),
            Identifier::Email(email) => self.by_email(email),
            Identifier::CioId(cio_id) => {
                let (prefix, number) = cio_id.split_at_checked(6)?;
                let number = u64::from_str_radix(number, 16).ok()?;
                (u32::from_str_radix(prefix, 16).ok()? == self.prefix).then_some(())?;
                self.shelf.get(number).map(|_| number)
            }
        }
    }

    pub(super) fn by_id(&self, id: &str) -> Option<u64> {
        self.by_id.get(id).copied()
    }

    pub(super) fn by_email(&self, email: &str) -> Option<u64> {
        self.by_email.get(email.to_lowercase().as_str()).copied()
    }

    pub(super) fn by_anonymous_id(&self, id: &str) -> Option<u64> {
        self.by_anonymous_id.get(id).copied()
    }

    /// Adds a person without an identifier. The caller gives them one.
    pub(super) fn add(&mut self, created: i64) -> u64 {
        self.shelf.push(Person { created, ..Person::default() })
    }

    /// Gives a person an `id`, in place of the one that they may have.
    pub(super) fn set_id(&mut self, number: u64, id: &str) {
        if let Some(Some(old)) = self.shelf.change(number, |person| person.id.replace(id.into())) {
            self.by_id.remove(&old);
        }
        self.by_id.insert(id.into(), number);
    }

    /// Gives a person an address, in place of the one that they may have.
    pub(super) fn set_email(&mut self, number: u64, email: &str) {
        if let Some(Some(old)) = self.shelf.change(number, |person| person.email.replace(email.into())) {
            self.by_email.remove(old.to_lowercase().as_str());
        }
        self.by_email.insert(email.to_lowercase().into(), number);
    }

    /// Makes a person the one behind an anonymous identifier.
    pub(super) fn set_anonymous_id(&mut self, number: u64, id: &str) {
        if let Some(before) = self.by_anonymous_id.insert(id.into(), number).filter(|before| *before != number) {
            self.shelf.change(before, |person| person.anonymous_ids.retain(|known| &**known != id));
        }
        let forgotten = self.shelf.change(number, |person| {
            if person.anonymous_ids.iter().any(|known| &**known == id) {
                return None;
            }
            let forgotten = (person.anonymous_ids.len() >= RELATED).then(|| person.anonymous_ids.remove(0));
            person.anonymous_ids.push(id.into());
            forgotten
        });
        if let Some(forgotten) = forgotten.flatten() {
            self.by_anonymous_id.remove(&forgotten);
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Person> {
        let person = self.shelf.remove(number)?;
        self.unindex(&person);
        Some(person)
    }

    /// Forgets the oldest people where there is no more room.
    pub(super) fn make_room(&mut self) {
        while let Some((_, person)) = self.shelf.overflow() {
            self.unindex(&person);
        }
    }

    fn unindex(&mut self, person: &Person) {
        if let Some(id) = &person.id {
            self.by_id.remove(id);
        }
        if let Some(email) = &person.email {
            self.by_email.remove(email.to_lowercase().as_str());
        }
        for id in &person.anonymous_ids {
            self.by_anonymous_id.remove(id);
        }
    }
}
