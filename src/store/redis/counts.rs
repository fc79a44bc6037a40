//! Queue lengths as of the last answer: they are read too often to ask the server each time.
//!
//! Every answer of a script brings the counts of all vendors with a number that grows with each change. Answers may overtake
//! each other; an older one changes nothing.

use parking_lot::Mutex;

use crate::outcome::{PerVendor, Vendor};
use crate::resilience::StoreError;

use super::reply::Items;

/// As of one answer.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    /// The number of the last change.
    version: u64,
    /// Queue and letters.
    vendors: PerVendor<(u64, u64)>,
    /// Leads with an operation in them.
    open_leads: u64,
    /// Records that were set aside.
    quarantined: u64,
}

/// Queue and letters of each vendor, and the leads that they are of.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<Heard>);

impl Counts {
    /// Takes the counts out of an answer.
    pub(super) fn update(&self, answer: &mut Items) -> Result<(), StoreError> {
        let mut heard = Heard { version: answer.number()?, ..Heard::default() };
        for vendor in Vendor::ALL {
            heard.vendors[vendor] = (answer.number()?, answer.number()?);
        }
        (heard.open_leads, heard.quarantined) = (answer.number()?, answer.number()?);
        let mut known = self.0.lock();
        if heard.version >= known.version {
            *known = heard;
        }
        Ok(())
    }

    pub(super) fn of(&self, vendor: Vendor) -> (u64, u64) {
        self.0.lock().vendors[vendor]
    }

    /// Records that were set aside.
    pub(super) fn quarantined(&self) -> u64 {
        self.0.lock().quarantined
    }

    /// The number of the last change.
    pub(super) fn version(&self) -> u64 {
        self.0.lock().version
    }

    /// The server lacks changes: what it says from now on counts.
    pub(super) fn begin_anew(&self) {
        self.0.lock().version = 0;
    }

    /// What is acknowledged and not settled, in words.
    pub(super) fn open(&self) -> String {
        let heard = *self.0.lock();
        let each = |vendor: Vendor| {
            let (queued, dead) = heard.vendors[vendor];
            format!("{}: {queued} queued, {dead} dead letters", vendor.display_name())
        };
        format!("leads that are not settled: {} ({})", heard.open_leads, Vendor::ALL.map(each).join("; "))
    }
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn hear(counts: &Counts, numbers: [i64; 7]) {
        let mut answer = numbers.map(Value::Int).to_vec();
        // A vendor of a feature has nothing.
        for _ in 2..Vendor::ALL.len() {
            answer.splice(5..5, [Value::Int(0), Value::Int(0)]);
        }
        counts.update(&mut Items::of(Value::Array(answer)).expect("a list")).expect("numbers");
    }

    #[test]
    fn an_answer_that_was_overtaken_changes_nothing_and_a_server_that_lacks_changes_begins_anew() {
        let counts = Counts::default();
        hear(&counts, [5_000, 1, 2, 3, 4, 6, 8]);
        hear(&counts, [4_999, 9, 9, 9, 9, 9, 9]);
        assert_eq!([Vendor::Clay, Vendor::CustomerIo].map(|vendor| counts.of(vendor)), [(1, 2), (3, 4)]);
        assert_eq!(counts.quarantined(), 8);
        let open = counts.open();
        assert!(
            open.starts_with("leads that are not settled: 6 (Clay: 1 queued, 2 dead letters; Customer.io: 3 queued, 4"),
            "{open}"
        );
        counts.begin_anew();
        hear(&counts, [1, 7, 0, 0, 0, 0, 0]);
        assert_eq!(counts.of(Vendor::Clay), (7, 0));
    }
}
