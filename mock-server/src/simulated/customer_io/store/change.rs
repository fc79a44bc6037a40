//! What operations do to the store, as far as it is documented.

use super::objects::insert;
use super::records::{Delivery, Event, Reported, Suppressed, Triggered};
use super::{Received, Store};
use crate::simulated::customer_io::limits::{ATTRIBUTES, make_room};
use crate::simulated::customer_io::operation::{Device, Identifier, NewDelivery, NewEvent, Operation, Profile};

/// Anonymous events that are older are not given to a person who turns out to be behind them (documented: 30 days).
const ANONYMOUS_EVENTS_LAST: i64 = 30 * 24 * 60 * 60;

impl Store {
    /// Carries out an operation. Returns whether it changed anything: duplicates do not, nor do calls for people who are
    /// suppressed or, where they cannot be created, unknown.
    pub(in crate::simulated::customer_io) fn apply(&mut self, operation: Operation, at: Received) -> bool {
        match operation {
            Operation::Identify(who, profile) => self.identify(&who, *profile, at).is_some(),
            Operation::Delete(who) => self.people.find(&who).is_some_and(|number| self.delete(number)),
            Operation::Suppress(who) => self.suppress(&who),
            Operation::Unsuppress(who) => self.unsuppress(&who),
            Operation::Record(who, event) => self.record(&who, event, at),
            Operation::RecordAnonymous(who, event) => self.record_anonymous(who, event, at),
            Operation::AddDevice(who, device) => self.add_device(&who, device, at),
            Operation::DeleteDevice(who, token) => self.delete_device(&who, &token),
            Operation::Merge(primary, secondary) => self.merge(&primary, &secondary),
            Operation::AddToSegment(segment, people) => self.add_to_segment(segment, &people, at),
            Operation::RemoveFromSegment(segment, people) => self.remove_from_segment(segment, &people),
            Operation::IdentifyObject(name, attributes) => self.identify_object(&name, attributes),
            Operation::DeleteObject(name) => self.delete_object(&name),
            Operation::Relate(relation) => self.relate(&relation, at),
            Operation::Unrelate(relation) => self.unrelate(&relation),
            Operation::Deliver(delivery) => self.deliver(*delivery, at),
            Operation::Trigger(new) => {
                self.broadcasts.keep(Triggered { new, at: at.unix });
                true
            }
            Operation::Report(new) => {
                self.metrics.keep(Reported { at: new.timestamp.unwrap_or(at.unix), new });
                true
            }
            Operation::Unsubscribe(delivery) => self.unsubscribe(&delivery),
        }
    }

    /// The person, who is created where they are not known and may be. Documented: calls that update customers can also create
    /// them.
    pub(super) fn find_or_create(&mut self, who: &Identifier, at: Received) -> Option<u64> {
        if let Some(number) = self.people.find(who) {
            return Some(number);
        }
        if !self.may_be_created(who) {
            return None;
        }
        let number = self.people.add(at.unix);
        match who {
            Identifier::Email(email) => self.people.set_email(number, email),
            other => self.people.set_id(number, other.text()),
        }
        Some(number)
    }

    /// Documented: the person of the identifier in the path; or else the person of one in the body, who is then given the
    /// one in the path; or else a new person. With a `cio_id`, that person or none.
    fn identify(&mut self, who: &Identifier, mut profile: Profile, at: Received) -> Option<u64> {
        let anonymous_id = profile.anonymous_id.take();
        let number = match profile.cio_id.take() {
            Some(cio_id) => self.people.find(&Identifier::CioId(cio_id))?,
            None => self.identified(who, &profile, at)?,
        };
        let by_cio_id = matches!(who, Identifier::CioId(_));
        self.set_identifiers(number, who, &profile, by_cio_id);
        let left_out = self.people.shelf.change(number, |person| person.attributes.patch(profile.attributes, ATTRIBUTES));
        self.attribute_update_failures += left_out.unwrap_or(0);
        if let Some(id) = anonymous_id {
            self.claim(number, &id, at);
        }
        self.people.make_room();
        Some(number)
    }

    fn identified(&mut self, who: &Identifier, profile: &Profile, at: Received) -> Option<u64> {
        if let Some(number) = self.people.find(who) {
            return Some(number);
        }
        let body = [profile.id.clone().map(Identifier::Id), profile.email.clone().map(Identifier::Email)];
        if [who].into_iter().chain(body.iter().flatten()).any(|who| self.suppression(who).is_some()) {
            return None;
        }
        match body.iter().flatten().find_map(|who| self.people.find(who)) {
            Some(number) => Some(number),
            None if profile.update_only => None,
            None => self.find_or_create(who, at),
        }
    }

    /// Sets the identifiers of path and body, but for those that belong to another person, and, unless the person is
    /// referred to by `cio_id`, for an `id` in the body in place of another one. An address may be changed through the `id`:
    /// documented as a setting of a workspace.
    fn set_identifiers(&mut self, number: u64, who: &Identifier, profile: &Profile, by_cio_id: bool) {
        let path_id = if let Identifier::Id(id) = who { Some(id) } else { None };
        let path_email = if let Identifier::Email(email) = who { Some(email) } else { None };
        for id in path_id.into_iter().chain(&profile.id) {
            let has_another = self.people.shelf.get(number).and_then(|person| person.id.as_deref()).is_some_and(|own| own != id);
            let may = by_cio_id || path_id == Some(id) || !has_another;
            match self.people.by_id(id) {
                Some(owner) if owner == number => {}
                None if may && !id.is_empty() => self.people.set_id(number, id),
                _ => self.attribute_update_failures += 1,
            }
        }
        for email in path_email.into_iter().chain(&profile.email) {
            match self.people.by_email(email) {
                Some(owner) if owner == number => {}
                None => self.people.set_email(number, email),
                Some(_) => self.attribute_update_failures += 1,
            }
        }
    }

    /// Makes a person the one behind an anonymous identifier, and its events theirs.
    fn claim(&mut self, number: u64, anonymous_id: &str, at: Received) {
        self.people.set_anonymous_id(number, anonymous_id);
        for event in self.anonymous.remove(anonymous_id).into_iter().flatten() {
            let is_young = |event: &Event| at.unix.saturating_sub(event.timestamp) <= ANONYMOUS_EVENTS_LAST;
            if self.events.get(event).is_some_and(is_young) {
                self.events.change(event, |event| event.person = Some(number));
                self.people.shelf.change(number, |person| person.events.push_back(event));
            }
        }
        self.relate_anonymous(number, anonymous_id);
    }

    /// Deletes a person and their events. Documented: "removes them, and all of their information"; what was sent to them
    /// stays on the record.
    fn delete(&mut self, number: u64) -> bool {
        let Some(person) = self.people.remove(number) else { return false };
        for event in person.events {
            self.events.remove(event);
        }
        true
    }

    fn suppress(&mut self, who: &Identifier) -> bool {
        let number = self.people.find(who);
        if number.is_none() && !self.may_be_created(who) {
            return false;
        }
        // All identifiers of a known person, or the one of an unknown person.
        let own = |id: Option<&str>, email: Option<&str>| Suppressed {
            id: id.map(Box::from),
            email: email.map(|email| email.to_lowercase().into()),
        };
        let suppressed = match (number.and_then(|number| self.people.shelf.get(number)), who) {
            (Some(person), _) => own(person.id.as_deref(), person.email.as_deref()),
            (None, Identifier::Email(email)) => own(None, Some(email)),
            (None, other) => own(Some(other.text()), None),
        };
        if let Some(number) = number {
            self.delete(number);
        }
        let identifiers = suppressed.identifiers();
        let number = self.suppressed.push(suppressed);
        self.suppressed_by.extend(identifiers.into_iter().map(|who| (who, number)));
        while let Some((_, forgotten)) = self.suppressed.overflow() {
            self.unindex(&forgotten);
        }
        true
    }

    fn unsuppress(&mut self, who: &Identifier) -> bool {
        let number = self.suppression(who);
        let Some(suppressed) = number.and_then(|number| self.suppressed.remove(number)) else { return false };
        self.unindex(&suppressed);
        true
    }

    fn unindex(&mut self, suppressed: &Suppressed) {
        for who in suppressed.identifiers() {
            self.suppressed_by.remove(&who);
        }
    }

    /// The number of the suppressed person.
    fn suppression(&self, who: &Identifier) -> Option<u64> {
        match who {
            _ if self.suppressed_by.is_empty() => None,
            Identifier::Email(email) => self.suppressed_by.get(&Identifier::Email(email.to_lowercase())).copied(),
            other => self.suppressed_by.get(other).copied(),
        }
    }

    /// Whether calls may create the person: not where they are suppressed, or named by an identifier that only the vendor gives.
    fn may_be_created(&self, who: &Identifier) -> bool {
        !matches!(who, Identifier::CioId(_)) && self.suppression(who).is_none()
    }

    fn record(&mut self, who: &Identifier, event: NewEvent, at: Received) -> bool {
        let known = self.people.find(who);
        if known.is_none() && !self.may_be_created(who) {
            return false;
        }
        if event.key.is_some_and(|key| !self.seen.is_new(key, at.now)) {
            return false;
        }
        let Some(number) = known.or_else(|| self.find_or_create(who, at)) else { return false };
        let event = self.push_event(Some(number), None, event, at);
        self.give(number, event);
        true
    }

    /// Gives a person an event, in place of those that are no longer kept.
    fn give(&mut self, number: u64, event: u64) {
        let first_kept = self.events.first;
        self.people.shelf.change(number, |person| {
            person.events.push_back(event);
            while person.events.front().is_some_and(|event| *event < first_kept) {
                person.events.pop_front();
            }
        });
        self.people.make_room();
    }

    fn record_anonymous(&mut self, anonymous_id: Option<String>, event: NewEvent, at: Received) -> bool {
        if event.key.is_some_and(|key| !self.seen.is_new(key, at.now)) {
            return false;
        }
        let person = anonymous_id.as_deref().and_then(|id| self.people.by_anonymous_id(id));
        let event = self.push_event(person, anonymous_id.as_deref(), event, at);
        match (person, anonymous_id) {
            (Some(number), _) => self.give(number, event),
            (None, Some(id)) => self.anonymous.entry(id.into()).or_default().push_back(event),
            (None, None) => {}
        }
        true
    }

    fn push_event(&mut self, person: Option<u64>, anonymous_id: Option<&str>, new: NewEvent, at: Received) -> u64 {
        let NewEvent { name, kind, identity, key: _, timestamp, data } = new;
        let timestamp = timestamp.unwrap_or(at.unix);
        let event = Event { person, anonymous_id: anonymous_id.map(Box::from), identity, name, kind, timestamp, data };
        let number = self.events.push(event);
        while let Some((number, forgotten)) = self.events.overflow() {
            self.forget_anonymous(number, &forgotten);
        }
        number
    }

    /// Takes a forgotten event out of the index of anonymous ones.
    fn forget_anonymous(&mut self, number: u64, event: &Event) {
        let Some(id) = event.anonymous_id.as_deref().filter(|_| event.person.is_none()) else { return };
        if let Some(numbers) = self.anonymous.get_mut(id) {
            // The oldest goes first, but for those that a person was given in between.
            if numbers.front() == Some(&number) {
                numbers.pop_front();
            } else {
                numbers.retain(|kept| *kept != number);
            }
            if numbers.is_empty() {
                self.anonymous.remove(id);
            }
        }
    }

    fn add_device(&mut self, who: &Identifier, mut device: Device, at: Received) -> bool {
        let Some(number) = self.find_or_create(who, at) else { return false };
        device.last_used.get_or_insert(at.unix);
        self.people.shelf.change(number, |person| match person.devices.iter_mut().find(|known| known.token == device.token) {
            Some(known) => *known = device,
            None => {
                make_room(&mut person.devices);
                person.devices.push(device);
            }
        });
        self.people.make_room();
        true
    }

    fn delete_device(&mut self, who: &Identifier, token: &str) -> bool {
        let Some(number) = self.people.find(who) else { return false };
        let deleted = self.people.shelf.change(number, |person| {
            let before = person.devices.len();
            person.devices.retain(|device| &*device.token != token);
            person.devices.len() < before
        });
        deleted.unwrap_or(false)
    }

    fn add_to_segment(&mut self, segment: u64, people: &[Identifier], at: Received) -> bool {
        let mut changed = false;
        for who in people {
            let Some(number) = self.find_or_create(who, at) else { continue };
            let added = self.people.shelf.change(number, |person| insert(&mut person.segments, segment));
            changed |= added.unwrap_or(false);
        }
        self.people.make_room();
        changed
    }

    fn remove_from_segment(&mut self, segment: u64, people: &[Identifier]) -> bool {
        let mut changed = false;
        for number in people.iter().filter_map(|who| self.people.find(who)).collect::<Vec<_>>() {
            let removed = self.people.shelf.change(number, |person| {
                person.segments.binary_search(&segment).map(|place| person.segments.remove(place)).is_ok()
            });
            changed |= removed.unwrap_or(false);
        }
        changed
    }

    fn deliver(&mut self, new: NewDelivery, at: Received) -> bool {
        let person = self.people.find(&new.identifier);
        self.deliveries.keep(Delivery { person, new, queued_at: at.unix });
        true
    }

    /// Documented: sets the attribute `unsubscribed` of the recipient of the delivery.
    fn unsubscribe(&mut self, delivery: &str) -> bool {
        let number = self.deliveries.iter().find(|(_, known)| known.new.id == delivery).and_then(|(_, known)| known.person);
        let Some(number) = number else { return false };
        let yes = serde_json::value::RawValue::from_string("true".to_owned());
        yes.is_ok_and(|yes| self.people.shelf.change(number, |person| person.attributes.set("unsubscribed", yes)).is_some())
    }
}
