//! Bandwidth: the body comes slowly and evenly.
//!
//! Only the body counts, for the head is made after the faults have had their say; heads are small. Pieces come every 50 ms,
//! fine enough that a client sees a stream, and coarse enough that the timer's millisecond does not matter. A ramp lets the
//! time that a byte takes grow from nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::{Begun, Effect, Facts, FaultProblem, Ramp, body};
use crate::wire::Script;

/// Pieces a second.
const PIECES_A_SECOND: u64 = 20;

pub(super) const FACTS: Facts = Facts {
    keys: &["bytes_per_second"],
    needs: &[("bytes_per_second", "bytes_per_second = 1000")],
    ramps_in_size: true,
    ..Facts::NONE
};

pub(super) fn describe(bytes_per_second: &u64) -> String {
    format!("bandwidth of {bytes_per_second} bytes/s")
}

pub(super) fn check(bytes_per_second: &u64, problems: &mut Vec<FaultProblem>) {
    if *bytes_per_second == 0 {
        let help = "it must be at least 1; for no answer at all use a fault of kind `hang`";
        problems.push(FaultProblem::value("bytes_per_second", "at 0 bytes a second nothing would ever come", help));
    }
}

pub(super) fn effect(bytes_per_second: &u64, begun: Begun<'_>) -> Box<dyn Effect> {
    Box::new(Bandwidth { bytes_per_second: *bytes_per_second, ramp: begun.ramp })
}

struct Bandwidth {
    bytes_per_second: u64,
    ramp: Ramp,
}

impl Effect for Bandwidth {
    fn alter(&self, script: &mut Script, now: Instant) -> bool {
        let rate = self.bytes_per_second.max(1);
        // The answer's own moment: the request was judged long before it, where the vendor is slow.
        let seconds_a_byte = self.ramp.strength(now) / rate as f64;
        let until = |bytes: u64| Duration::from_secs_f64(bytes as f64 * seconds_a_byte);
        // From the times up to both ends, so that rounding does not add up.
        body::slice(script, rate / PIECES_A_SECOND, |from, to| until(to).saturating_sub(until(from)))
    }
}
