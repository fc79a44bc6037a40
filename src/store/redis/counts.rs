//! Queue lengths as of the last answer: they are read too often to ask the server each time.
//!
//! Every answer of a script brings the counts of all vendors with a number that grows with each change. Answers may overtake
//! each other; an older one changes nothing.

use parking_lot::Mutex;

use crate::outcome::{PerVendor, Vendor};
use crate::resilience::StoreError;

use super::reply::Items;

/// How far answers may overtake each other. One that is further behind comes from a server that begins anew.
const OVERTAKEN: u64 = 1_000;

/// Queue and letters of each vendor.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<(u64, PerVendor<(u64, u64)>)>);

impl Counts {
    /// Takes the counts out of an answer.
    pub(super) fn update(&self, answer: &mut Items) -> Result<(), StoreError> {
        let version = answer.number()?;
        let mut counts = PerVendor::default();
        for vendor in Vendor::ALL {
            counts[vendor] = (answer.number()?, answer.number()?);
        }
        let mut known = self.0.lock();
        if version >= known.0 || version.saturating_add(OVERTAKEN) < known.0 {
            *known = (version, counts);
        }
        Ok(())
    }

    pub(super) fn of(&self, vendor: Vendor) -> (u64, u64) {
        self.0.lock().1[vendor]
    }
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn hear(counts: &Counts, numbers: [i64; 5]) {
        let answer = Value::Array(numbers.into_iter().map(Value::Int).collect());
        counts.update(&mut Items::of(answer).expect("a list")).expect("numbers");
    }

    #[test]
    fn an_answer_that_was_overtaken_changes_nothing_and_a_server_that_begins_anew_does() {
        let counts = Counts::default();
        hear(&counts, [5_000, 1, 2, 3, 4]);
        hear(&counts, [4_999, 9, 9, 9, 9]);
        assert_eq!([Vendor::Clay, Vendor::CustomerIo].map(|vendor| counts.of(vendor)), [(1, 2), (3, 4)]);
        hear(&counts, [1, 7, 0, 0, 0]);
        assert_eq!(counts.of(Vendor::Clay), (7, 0));
    }
}
