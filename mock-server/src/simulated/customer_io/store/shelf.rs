//! A shelf: things in order of age that may take so many bytes. The oldest make room for the newest.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Something whose memory is counted.
pub(super) trait Weigh {
    /// The bytes that it takes, about, its place in indices included.
    fn bytes(&self) -> usize;
}

/// Things by number, the oldest first. Numbers are never used again.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    pub(super) first: u64,
    things: VecDeque<Option<T>>,
    pub(super) present: usize,
    pub(super) bytes: usize,
    budget: usize,
    pub(super) forgotten: u64,
}

impl<T: Weigh> Shelf<T> {
    pub(super) fn new(budget: usize) -> Self {
        Self { first: 0, things: VecDeque::new(), present: 0, bytes: 0, budget, forgotten: 0 }
    }

    /// Puts something on the shelf and returns its number. [`Shelf::overflow`] must be called after it.
    pub(super) fn push(&mut self, thing: T) -> u64 {
        self.bytes += thing.bytes() + size_of::<Option<T>>();
        self.present += 1;
        self.things.push_back(Some(thing));
        self.first + self.things.len() as u64 - 1
    }

    /// Adds one at the end, and forgets what it takes the room of.
    pub(super) fn keep(&mut self, thing: T) {
        self.push(thing);
        while self.overflow().is_some() {}
    }

    /// Takes the oldest thing off a shelf that holds too much, to be called until it is `None`. The newest stays, however
    /// large it is.
    pub(super) fn overflow(&mut self) -> Option<(u64, T)> {
        while self.bytes > self.budget && self.things.len() > 1 {
            let number = self.first;
            let oldest = self.things.pop_front().flatten();
            self.first += 1;
            self.bytes -= size_of::<Option<T>>();
            if let Some(oldest) = oldest {
                self.bytes -= oldest.bytes();
                self.present -= 1;
                self.forgotten += 1;
                return Some((number, oldest));
            }
        }
        None
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.things.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?.as_ref()
    }

    /// Changes something.
    pub(super) fn change<R>(&mut self, number: u64, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let thing = self.things.get_mut(at)?.as_mut()?;
        let before = thing.bytes();
        let result = change(thing);
        self.bytes = self.bytes + thing.bytes() - before;
        Some(result)
    }

    /// Takes something off.
    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let thing = self.things.get_mut(at)?.take()?;
        self.bytes -= thing.bytes();
        self.present -= 1;
        while matches!(self.things.front(), Some(None)) {
            self.things.pop_front();
            self.first += 1;
            self.bytes -= size_of::<Option<T>>();
        }
        Some(thing)
    }

    /// How full it is and what it has forgotten.
    pub(super) fn summary(&self) -> Value {
        json!({ "kept": self.present, "bytes": self.bytes, "forgotten": self.forgotten })
    }

    /// Everything with its number, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (self.first..).zip(&self.things).filter_map(|(number, thing)| thing.as_ref().map(|thing| (number, thing)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Thing(usize);

    impl Weigh for Thing {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    proptest! {
        /// Whatever is put on, changed and taken off: the shelf holds the newest that have room, and its weight is right.
        #[test]
        fn the_newest_that_have_room_are_there(steps in proptest::collection::vec((0_u8..4, 1_usize..60, 0_u64..80), 1..200)) {
            let mut shelf = Shelf::new(500);
            let mut model: BTreeMap<u64, Thing> = BTreeMap::new();
            for (what, bytes, number) in steps {
                match what {
                    0 => { prop_assert_eq!(shelf.remove(number), model.remove(&number)); }
                    1 => {
                        shelf.change(number, |thing| thing.0 = bytes);
                        if let Some(thing) = model.get_mut(&number) { thing.0 = bytes; }
                    }
                    _ => { let number = shelf.push(Thing(bytes)); model.insert(number, Thing(bytes)); }
                }
                while let Some((number, thing)) = shelf.overflow() {
                    prop_assert_eq!(model.pop_first(), Some((number, thing)));
                }
                let kept: Vec<(u64, Thing)> = shelf.iter().map(|(number, thing)| (number, thing.clone())).collect();
                prop_assert_eq!(kept, model.iter().map(|(number, thing)| (*number, thing.clone())).collect::<Vec<_>>());
                prop_assert_eq!(shelf.present, model.len());
                prop_assert!(shelf.bytes <= 500 || shelf.things.len() == 1);
                let weight: usize = model.values().map(Weigh::bytes).sum();
                prop_assert_eq!(shelf.bytes, weight + shelf.things.len() * size_of::<Option<Thing>>());
            }
        }
    }
}
