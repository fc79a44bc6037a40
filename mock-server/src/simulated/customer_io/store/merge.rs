//! Two people become one.
//!
//! Documented: the primary person keeps what they have and inherits attributes that they lack, the last 30 days of events,
//! manual segments and the history of deliveries; the secondary is deleted. Without the primary, nothing happens. Devices
//! are not in the document's list; they are inherited too, because a push to the person would otherwise reach fewer
//! devices than before.

use super::Store;
use super::people::Person;
use crate::simulated::customer_io::operation::Identifier;

impl Store {
    pub(super) fn merge(&mut self, primary: &Identifier, secondary: &Identifier) -> bool {
        let (Some(into), Some(from)) = (self.people.find(primary), self.people.find(secondary)) else { return false };
        if into == from {
            return false;
        }
        let Some(secondary) = self.people.remove(from) else { return false };
        let Person { attributes, devices, segments, anonymous_ids, events, .. } = secondary;
        for event in &events {
            self.events.change(*event, |event| event.person = Some(into));
        }
        let theirs: Vec<u64> =
            self.deliveries.iter().filter(|(_, delivery)| delivery.person == Some(from)).map(|(number, _)| number).collect();
        for delivery in theirs {
            self.deliveries.change(delivery, |delivery| delivery.person = Some(into));
        }
        self.people.shelf.change(into, |person| {
            person.attributes.fill(attributes);
            for device in devices {
                if !person.devices.iter().any(|known| known.token == device.token) {
                    person.devices.push(device);
                }
            }
            person.segments.extend(segments);
            person.segments.sort_unstable();
            person.segments.dedup();
            person.events.extend(events);
            person.events.make_contiguous().sort_unstable();
        });
        for id in anonymous_ids {
            self.people.set_anonymous_id(into, &id);
        }
        self.hand_over_objects(from, into);
        self.people.make_room();
        true
    }
}
