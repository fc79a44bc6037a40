//! The kinds of faults, and how they compose.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LostAnswer, Malformed, Outage, ResetPoint, RetryAfterStyle, SimulatedVendor, WebhookFault};
use crate::latency::LatencyModel;
use crate::settings::Secret;

/// What a fault does to a request, or to a callback.
///
/// Faults that overlap compose in the order of this list. Of two of one kind, the earlier in the timetable comes first, and
/// faults added by hand come last.
///
/// 1. outage, auth, rate limit, credits, error: the first that answers or closes ends the request, and those behind it do not
///    see it: what an outage ends takes no token. The vendor is not asked.
/// 2. The vendor answers whatever got this far.
/// 3. latency: delays add up, and hold back whatever answer there is, another fault's included. Answers that faults make are
///    given at once otherwise; the vendor's own latency belongs to the vendor's own answers.
/// 4. lost answer, hang, reset, malformed, truncate, slow body, bandwidth: they happen on the wire to whatever answer there
///    is, and each acts on what the one before it has left. So a truncated body drips in a slow body's pieces at a bandwidth;
///    a reset within a body that is truncated before it comes at the cut; and of an answer that is lost nothing is left to be
///    cut. Whether the vendor is asked is the decision of the first of them.
/// 5. webhook: it acts on the vendor's callbacks, never on requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The vendor is gone.
    Outage {
        /// In which way.
        how: Outage,
    },
    /// The key has been rotated: requests with the old one are refused.
    Auth {
        /// The status, 401 or 403.
        status: u16,
        /// The new key: requests that carry it pass, and the vendor accepts it while the fault is active. `None` where there
        /// is none, and every request is refused.
        new_key: Option<Secret>,
    },
    /// 429 beyond a token bucket.
    RateLimit {
        /// Requests a second.
        rate: f64,
        /// Requests at once.
        burst: u32,
        /// How Retry-After is given.
        retry_after: RetryAfterStyle,
    },
    /// 402: Clay's credits are used up.
    Credits,
    /// A status instead of the answer.
    Error {
        /// The status, 400 to 599.
        status: u16,
        /// The body; `None` for the vendor's own error body for that status.
        body: Option<String>,
    },
    /// Answers come later, by a delay added to the vendor's own latency.
    Latency {
        /// The delay added.
        model: LatencyModel,
        /// What the delay varies by, either way and uniformly; it never gets below 0.
        jitter: Duration,
    },
    /// The vendor commits the effect, and its answer is lost.
    LostAnswer {
        /// How the client notices.
        how: LostAnswer,
    },
    /// The request is read and never answered. The vendor is not asked.
    Hang,
    /// The connection is reset: a TCP RST.
    Reset {
        /// At which point.
        when: ResetPoint,
    },
    /// The answer is not what HTTP or JSON asks for.
    Malformed {
        /// In which way.
        how: Malformed,
    },
    /// The answer breaks off.
    Truncate {
        /// Bytes of the body that still come.
        bytes: u64,
    },
    /// The body comes in small pieces with pauses between them.
    SlowBody {
        /// Bytes of a piece.
        chunk: u64,
        /// The pause before every piece but the first.
        pause: Duration,
    },
    /// The body comes slowly and evenly.
    Bandwidth {
        /// Bytes of the body a second.
        bytes_per_second: u64,
    },
    /// Something happens to callbacks.
    Webhook {
        /// What.
        how: WebhookFault,
    },
}

impl FaultKind {
    /// Its name as it is written.
    pub fn name(&self) -> &'static str {
        super::form::KindName::of(self).as_str()
    }

    /// The place in the order of composition: lower comes first.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Outage { .. } => 0,
            Self::Auth { .. } => 1,
            Self::RateLimit { .. } => 2,
            Self::Credits => 3,
            Self::Error { .. } => 4,
            Self::Latency { .. } => 5,
            Self::LostAnswer { .. } => 6,
            Self::Hang => 7,
            Self::Reset { .. } => 8,
            Self::Malformed { .. } => 9,
            Self::Truncate { .. } => 10,
            Self::SlowBody { .. } => 11,
            Self::Bandwidth { .. } => 12,
            Self::Webhook { .. } => 13,
        }
    }

    /// Whether it can answer a request or close its connection in the vendor's place.
    pub(crate) fn may_end(&self) -> bool {
        self.rank() < 5
    }

    /// The one vendor that it is for, where it is not for both: only Clay has credits and makes callbacks.
    pub fn only_of(&self) -> Option<SimulatedVendor> {
        matches!(self, Self::Credits | Self::Webhook { .. }).then_some(SimulatedVendor::Clay)
    }

    /// Whether it happens to whole connections, before there is a request to choose by.
    pub(crate) fn is_of_connections(&self) -> bool {
        matches!(self, Self::Outage { how: Outage::Refuse | Outage::Drop })
    }

    /// Whether a ramp makes it smaller, rather than rarer.
    pub(crate) fn ramps_in_size(&self) -> bool {
        matches!(self, Self::Latency { .. } | Self::Bandwidth { .. })
    }

    /// What it does, in a few words: "outage (connection refused)", "429 beyond 5 requests/s (burst 5)".
    pub fn describe(&self) -> String {
        use super::{
            auth, bandwidth, credits, error, hang, latency, lost_answer, malformed, outage, rate_limit, reset, slow_body,
            truncate, webhook,
        };
        match self {
            Self::Outage { how } => outage::describe(*how),
            Self::Auth { status, new_key } => auth::describe(*status, new_key.is_some()),
            Self::RateLimit { rate, burst, retry_after } => rate_limit::describe(*rate, *burst, *retry_after),
            Self::Credits => credits::describe(),
            Self::Error { status, body } => error::describe(*status, body.as_deref()),
            Self::Latency { model, jitter } => latency::describe(model, *jitter),
            Self::LostAnswer { how } => lost_answer::describe(*how),
            Self::Hang => hang::describe(),
            Self::Reset { when } => reset::describe(*when),
            Self::Malformed { how } => malformed::describe(*how),
            Self::Truncate { bytes } => truncate::describe(*bytes),
            Self::SlowBody { chunk, pause } => slow_body::describe(*chunk, *pause),
            Self::Bandwidth { bytes_per_second } => bandwidth::describe(*bytes_per_second),
            Self::Webhook { how } => webhook::describe(*how),
        }
    }
}
