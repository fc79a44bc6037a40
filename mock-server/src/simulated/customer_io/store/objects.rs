//! Objects that people are related to: companies, courses.

use super::records::Object;
use super::{Received, Store};
use crate::simulated::customer_io::attributes::Attributes;
use crate::simulated::customer_io::limits::{ATTRIBUTES, make_room};
use crate::simulated::customer_io::operation::{ObjectName, Relation};

impl Store {
    pub(super) fn identify_object(&mut self, name: &ObjectName, attributes: Attributes) -> bool {
        let Some(number) = self.find_or_create_object(name) else { return false };
        let left_out = self.objects.change(number, |object| object.attributes.patch(attributes, ATTRIBUTES));
        self.attribute_update_failures += left_out.unwrap_or(0);
        self.make_room_for_objects();
        true
    }

    pub(super) fn delete_object(&mut self, name: &ObjectName) -> bool {
        let Some(object) = self.find_object(name).and_then(|number| self.objects.remove(number)) else { return false };
        self.objects_by_name.remove(&(object.type_id, object.id));
        true
    }

    /// Relates everyone to everything. Documented: both sides are created where they do not exist.
    pub(super) fn relate(&mut self, relation: &Relation, at: Received) -> bool {
        let people: Vec<u64> = relation.people.iter().filter_map(|who| self.find_or_create(who, at)).collect();
        let mut changed = false;
        for name in &relation.objects {
            let Some(number) = self.find_or_create_object(name) else { continue };
            let added = self.objects.change(number, |object| {
                let mut added = false;
                for person in &people {
                    added |= insert(&mut object.people, *person);
                }
                for id in &relation.anonymous {
                    added |= insert(&mut object.anonymous_ids, id.clone());
                }
                added
            });
            changed |= added.unwrap_or(false);
        }
        self.people.make_room();
        self.make_room_for_objects();
        changed
    }

    pub(super) fn unrelate(&mut self, relation: &Relation) -> bool {
        let people: Vec<u64> = relation.people.iter().filter_map(|who| self.people.find(who)).collect();
        let mut changed = false;
        for number in relation.objects.iter().filter_map(|name| self.find_object(name)).collect::<Vec<_>>() {
            let removed = self.objects.change(number, |object| {
                let related = |object: &Object| object.people.len() + object.anonymous_ids.len();
                let before = related(object);
                object.people.retain(|number| !people.contains(number));
                object.anonymous_ids.retain(|id| !relation.anonymous.contains(id));
                related(object) < before
            });
            changed |= removed.unwrap_or(false);
        }
        changed
    }

    /// Whoever turned out to be behind an anonymous identifier is related to its objects.
    pub(super) fn relate_anonymous(&mut self, person: u64, anonymous_id: &str) {
        self.change_all(
            |object| object.anonymous_ids.iter().any(|id| id == anonymous_id),
            |object| {
                object.anonymous_ids.retain(|id| id != anonymous_id);
                insert(&mut object.people, person);
            },
        );
    }

    /// What one person was related to, another is now.
    pub(super) fn hand_over_objects(&mut self, from: u64, into: u64) {
        self.change_all(
            |object| object.people.contains(&from),
            |object| {
                object.people.retain(|number| *number != from);
                insert(&mut object.people, into);
            },
        );
    }

    fn change_all(&mut self, chosen: impl Fn(&Object) -> bool, change: impl Fn(&mut Object)) {
        let numbers: Vec<u64> = self.objects.iter().filter(|(_, object)| chosen(object)).map(|(number, _)| number).collect();
        for number in numbers {
            self.objects.change(number, &change);
        }
    }

    /// The identifier that the vendor gave to an object.
    pub(super) fn cio_object_id(&self, number: u64) -> String {
        format!("ob{}", self.people.cio_id(number))
    }

    fn find_object(&self, name: &ObjectName) -> Option<u64> {
        match name {
            ObjectName::Own { type_id, id } => self.objects_by_name.get(&(type_id.clone(), id.clone())).copied(),
            ObjectName::Given(given) => {
                self.objects.iter().map(|(number, _)| number).find(|number| self.cio_object_id(*number) == *given)
            }
        }
    }

    fn find_or_create_object(&mut self, name: &ObjectName) -> Option<u64> {
        if let Some(number) = self.find_object(name) {
            return Some(number);
        }
        let ObjectName::Own { type_id, id } = name else { return None };
        let object = Object {
            type_id: type_id.clone(),
            id: id.clone(),
            attributes: Attributes::default(),
            people: Vec::new(),
            anonymous_ids: Vec::new(),
        };
        let number = self.objects.push(object);
        self.objects_by_name.insert((type_id.clone(), id.clone()), number);
        Some(number)
    }

    fn make_room_for_objects(&mut self) {
        while let Some((_, object)) = self.objects.overflow() {
            self.objects_by_name.remove(&(object.type_id, object.id));
        }
    }
}

/// Puts something into a sorted list, unless it is there. Returns whether it was not.
pub(super) fn insert<T: Ord>(list: &mut Vec<T>, new: T) -> bool {
    if list.binary_search(&new).is_ok() {
        return false;
    }
    make_room(list);
    let place = list.partition_point(|known| *known < new);
    list.insert(place, new);
    true
}
