//! Vendors, places, causes and times as a person writes and reads them.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::outcome::{FailureKind, RestingState, Vendor};
use crate::resilience::UnixMillis;
pub(super) use crate::resilience::wall::date;

impl ValueEnum for Vendor {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()).aliases((*self == Self::CustomerIo).then_some("customer-io")))
    }
}

impl ValueEnum for RestingState {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let aliases: &[&str] = if *self == Self::DeadLettered { &["dead-lettered", "dead"] } else { &[] };
        Some(PossibleValue::new(self.as_str()).aliases(aliases))
    }
}

/// The vendor that was asked for, or all of them.
pub(super) fn vendors(only: Option<Vendor>) -> Vec<Vendor> {
    only.map_or_else(|| Vendor::ALL.to_vec(), |vendor| vec![vendor])
}

/// A cause by its name.
pub(super) fn cause(text: &str) -> Result<FailureKind, String> {
    FailureKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = FailureKind::ALL.into_iter().map(FailureKind::as_str).collect();
        format!("no such cause; there are {}", names.join(", "))
    })
}

/// What the machine's clock shows.
pub(super) fn now() -> UnixMillis {
    crate::clock::wall_clock().timestamp_millis().max(0) as u64
}

/// How long ago, or how soon.
pub(super) fn from_now(at: UnixMillis, now: UnixMillis) -> String {
    let rounded = |ms: u64| match ms {
        0..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    };
    if at <= now { format!("{} ago", rounded(now - at)) } else { format!("in {}", rounded(at - now)) }
}
