//! A share of a load: of everything that is numbered (users, iterations, rows of data), each number is in exactly one segment
//! and keeps its number there.
//!
//! Numbers are dealt out in turn, as k6 stripes its execution segments, so that a ramp is a ramp in every segment.

use std::num::NonZeroU32;
use std::str::FromStr;

use thiserror::Error;

use super::target::Target;

/// Segment number `index` (from 0) of `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    index: u32,
    of: NonZeroU32,
}

/// A text that names no segment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a segment is written 1/3, 2/3 or 3/3")]
pub struct SegmentError;

impl Segment {
    /// The whole load.
    pub const WHOLE: Self = Self { index: 0, of: NonZeroU32::MIN };

    /// Segment number `index`, from 0, of `of`.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn new(index: u32, of: u32) -> Result<Self, SegmentError> {
        match NonZeroU32::new(of) {
            Some(of) if index < of.get() => Ok(Self { index, of }),
            _ => Err(SegmentError),
        }
    }

    /// How many of the numbers below `count` are in this segment.
    pub fn share(&self, count: u64) -> u64 {
        let (index, of) = (u64::from(self.index), u64::from(self.of.get()));
        count / of + u64::from(count % of > index)
    }

    /// The `n`th number, from 0, that is in this segment.
    pub fn number(&self, n: u64) -> u64 {
        n.saturating_mul(u64::from(self.of.get())).saturating_add(u64::from(self.index))
    }

    /// As this segment, among those that have one of `users`: the iterations that users share are dealt out to these only.
    pub fn among(&self, users: u32) -> Option<Self> {
        Self::new(self.index, self.of.get().min(users)).ok()
    }

    /// This segment's share of what is asked for.
    pub fn target(&self, whole: Target) -> Target {
        match whole {
            // A share of a u32 is a u32.
            Target::Users(users) => Target::Users(self.share(u64::from(users)).try_into().unwrap_or(u32::MAX)),
            Target::Rate(rate) => Target::Rate(rate / f64::from(self.of.get())),
        }
    }
}

impl FromStr for Segment {
    type Err = SegmentError;

    /// As a person writes it, counted from 1: `2/3`.
    fn from_str(text: &str) -> Result<Self, SegmentError> {
        let (number, of) = text.split_once('/').ok_or(SegmentError)?;
        let number: NonZeroU32 = number.parse().map_err(|_| SegmentError)?;
        Self::new(number.get() - 1, of.parse().map_err(|_| SegmentError)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_segment_is_written_from_one() {
        assert_eq!("2/3".parse(), Segment::new(1, 3));
        for wrong in ["", "3", "0/3", "4/3", "1/0", "a/3", "-1/3"] {
            assert_eq!(wrong.parse::<Segment>(), Err(SegmentError), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn each_number_is_in_exactly_one_segment(count in 0_u64..500, of in 1_u32..20) {
            let segments: Vec<Segment> = (0..of).map(|index| Segment::new(index, of).unwrap()).collect();
            let mut numbers: Vec<u64> =
                segments.iter().flat_map(|segment| (0..segment.share(count)).map(|n| segment.number(n))).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        }
    }
}
