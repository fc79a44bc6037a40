//! What holds operations that are due, and until when.
//!
//! A lead that waits though it is due looks lost. So each guard says whether it lets nothing through, and when that ends.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::wall::{DayClock, UnixMillis, date};

/// Something that lets nothing through to a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What it is.
    pub by: HeldBy,
    /// When it ends by itself, in milliseconds since 1970; `None` where no time is set.
    pub until: Option<UnixMillis>,
}

/// What lets nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// The circuit breaker is open.
    CircuitBreaker,
    /// The circuit breaker is held open by hand.
    ForcedOpen,
    /// The credit budget's own breaker is open.
    CreditBudget,
    /// The day's credits are used up.
    CreditsUsedUp,
    /// The vendor answered 402: for today, its credits are gone.
    CreditsRefused,
    /// The day's credits are set aside until callbacks say what attempts did cost.
    CreditsSetAside,
    /// The vendor asked for a pause.
    Pause,
    /// The rate is used up for longer than an operation may wait.
    RateLimiter,
    /// No guard: operations that failed wait for their next attempts.
    RetryWait,
}

impl HeldBy {
    /// What it is, in words.
    fn words(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "circuit breaker: open",
            Self::ForcedOpen => "circuit breaker: held open by hand",
            Self::CreditBudget => "credit budget: open",
            Self::CreditsUsedUp => "credit budget: the day's credits are used up",
            Self::CreditsRefused => "credit budget: the vendor says that the day's credits are used up (402)",
            Self::CreditsSetAside => "credit budget: the day's credits are set aside for attempts whose callbacks have not come",
            Self::Pause => "pause: the vendor asked for it (429 with Retry-After)",
            Self::RateLimiter => "rate limiter: no turn",
            Self::RetryWait => "retry wait: no operation is due",
        }
    }

    /// It ends at `until`.
    pub(super) fn until(self, until: Option<Instant>, wall: &DayClock) -> Held {
        Held { by: self, until: until.map(|until| wall.unix_millis(until)) }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.by.words())?;
        self.until.map_or(Ok(()), |until| write!(f, " until {}", date(until)))
    }
}

/// What held a vendor's operations when it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldNote {
    /// When.
    pub at: UnixMillis,
    /// What.
    pub held: Vec<Held>,
}
