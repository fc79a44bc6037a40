//! What happened during a run, other than requests: each event has a time, a cause and the numbers behind it.

use serde::{Deserialize, Serialize};

use crate::outcome::{Vendor, words};

/// Something worth a line on the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the load began.
    pub at_us: u64,
    /// Whose pipeline it happened in; `None` for the run as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Vendor>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// A circuit breaker's state, in resilience4j's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are rejected until the cool-down is over.
    Open,
    /// A bounded number of probes pass.
    HalfOpen,
    /// Held open by hand.
    ForcedOpen,
    /// Switched off: every call passes, and nothing is counted.
    Disabled,
    /// Every call passes and is counted, and what a breaker in force would have done is reported.
    MetricsOnly,
}

words! {
    BreakerState {
        Closed "CLOSED",
        Open "OPEN",
        HalfOpen "HALF_OPEN",
        ForcedOpen "FORCED_OPEN",
        Disabled "DISABLED",
        MetricsOnly "METRICS_ONLY",
    }
}

/// Which guard changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// The circuit breaker on calls.
    CircuitBreaker,
    /// The credit budget's breaker.
    CreditBudget,
}

impl Guard {
    /// What it is called in a log.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "circuit breaker",
            Self::CreditBudget => "credit budget",
        }
    }
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A breaker or the credit budget changed its state.
    Transition {
        /// Which guard.
        guard: Guard,
        /// The state before.
        from: BreakerState,
        /// The state after.
        to: BreakerState,
        /// Why, with the numbers: "failure rate 60 % of 10 calls reached 50 %".
        cause: String,
        /// Calls that the decision rests on.
        calls: u32,
        /// Failures among them.
        failures: u32,
    },
    /// A circuit breaker that only measures would have opened.
    WouldOpen {
        /// Why, with the numbers.
        cause: String,
        /// Calls that the decision would rest on.
        calls: u32,
        /// Failures among them.
        failures: u32,
    },
    /// Client-side throttling began or ended.
    Throttling {
        /// True at its start, false at its end.
        active: bool,
        /// Requests of the window.
        requests: u64,
        /// Those that the vendor accepted.
        accepts: u64,
    },
    /// A result came back from before the breaker's last transition and was ignored.
    StaleResult {
        /// Whether it was a success.
        success: bool,
    },
    /// A vendor asked for a pause (429 with Retry-After): nothing is sent before it is over.
    Paused {
        /// How long, in milliseconds.
        for_ms: u64,
    },
    /// The daily credit budget is used up.
    CreditsExhausted {
        /// Credits used today, with those that are set aside until a callback says what an attempt did cost.
        used: u64,
        /// The limit of a day.
        limit: u64,
    },
    /// The daily credit budget started anew.
    CreditsReset,
    /// The health over the sliding window changed its grade.
    Health {
        /// The grade before.
        from: String,
        /// The grade after.
        to: String,
        /// Successes in percent over the window.
        score: f64,
    },
    /// The simulator began or ended a fault, on the load's clock.
    Fault {
        /// Its name in the scenario.
        name: String,
        /// True at its start, false at its end.
        active: bool,
    },
    /// A process of the run ended before it should have.
    ProcessLost {
        /// Which one.
        process: String,
        /// How it ended.
        how: String,
    },
    /// The load is over, and the run waits until what is under way is done.
    Waiting {
        /// What for, and how long at most.
        what: String,
    },
    /// The load was ended before its plan was.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// Where events go. Implementations must not block: emitters hold no lock but may be on the path of a request.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// Drops every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn emit(&self, _event: Event) {}
}
