//! Why a request failed, and which failure each HTTP status stands for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words;

/// Why a request or an iteration failed. A request without one succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The name has no address.
    Dns,
    /// The connection was refused: nothing listens at the address.
    ConnectionRefused,
    /// A connection, and no TLS over it: the server speaks none, or its certificate is not trusted.
    Tls,
    /// This process had no descriptor, or this machine no port or address, for a connection: nothing was sent.
    LocalLimit,
    /// The connection ended before a whole answer had come.
    ConnectionLost,
    /// No whole answer within the deadline.
    Timeout,
    /// An answer that is not HTTP, whose body could not be read, or that says something else than success or failure.
    BadAnswer,
    /// 429.
    RateLimited,
    /// 402: the vendor says that the credits are gone.
    CreditsExhausted,
    /// 401 or 403, or the same of a proxy or a network (407, 511).
    Unauthorized,
    /// 408 or 425: the server has not processed the request, and takes it again.
    NotProcessed,
    /// Any other 4xx.
    ClientError,
    /// 501, 505 and their like: the server cannot do what was asked, now or in a second.
    NotSupported,
    /// Any other 5xx.
    ServerError,
    /// The circuit breaker rejected the call: nothing was sent.
    BreakerOpen,
    /// The credit budget rejected the call: nothing was sent.
    BudgetExhausted,
    /// The client-side rate limiter could not admit the call in time: nothing was sent.
    LimiterFull,
    /// No place among the attempts under way became free in time: nothing was sent.
    InFlightFull,
    /// Client-side throttling rejected the call, for the vendor accepts too few: nothing was sent.
    Throttled,
    /// An earlier operation of the same user waits in the queue, and this one behind it: nothing was sent.
    HeldInOrder,
    /// The transaction panicked.
    Panicked,
    /// The run ended before the iteration did.
    Interrupted,
}

words! {
    FailureKind {
        Dns "dns",
        ConnectionRefused "connection_refused",
        Tls "tls",
        LocalLimit "local_limit",
        ConnectionLost "connection_lost",
        Timeout "timeout",
        BadAnswer "bad_answer",
        RateLimited "rate_limited",
        CreditsExhausted "credits_exhausted",
        Unauthorized "unauthorized",
        NotProcessed "not_processed",
        ClientError "client_error",
        NotSupported "not_supported",
        ServerError "server_error",
        BreakerOpen "breaker_open",
        BudgetExhausted "budget_exhausted",
        LimiterFull "limiter_full",
        InFlightFull "in_flight_full",
        Throttled "throttled",
        HeldInOrder "held_in_order",
        Panicked "panicked",
        Interrupted "interrupted",
    }
}

impl FailureKind {
    /// Whether no request can have reached anyone: there was no connection to send it over.
    pub fn is_unconnected(self) -> bool {
        matches!(self, Self::Dns | Self::ConnectionRefused | Self::Tls | Self::LocalLimit)
    }

    /// The kind of failure that an HTTP status stands for where nothing says which is a success: then 200 to 399 are, as in k6.
    pub fn of_status(status: u16) -> Option<Self> {
        Some(match status {
            200..=399 => return None,
            // A final answer is none of these (RFC 9110, 15.2), and we never ask to switch protocols.
            100..=199 => Self::BadAnswer,
            // RFC 9110, 15.5.2 and 15.5.4: the credentials. Clay also answers 403 when a source has taken all that it takes.
            401 | 403 => Self::Unauthorized,
            // The same of a proxy (RFC 9110, 15.5.8) and of a network's portal (RFC 6585, 6).
            407 | 511 => Self::Unauthorized,
            // Clay: the credits are gone. RFC 9110, 15.5.3, leaves its meaning open.
            402 => Self::CreditsExhausted,
            // RFC 9110, 15.5.9: the request did not come whole in time, and may be repeated. RFC 8470, 5.2: the server does not
            // risk a replay, and takes the request once more.
            408 | 425 => Self::NotProcessed,
            // RFC 6585, 4.
            429 => Self::RateLimited,
            // The request is wrong, or what it is about: 400, 404, 413 and 422 of both vendors. RFC 9110, 15: one that is not
            // known means what 400 means.
            400..=499 => Self::ClientError,
            // The server's own limits, which a second request meets as the first did: no such method (RFC 9110, 15.6.2), no
            // such version (15.6.6), a variant that cannot be (RFC 2295, 8.1), a loop (RFC 5842, 7.2), an extension (RFC 2774, 7).
            501 | 505 | 506 | 508 | 510 => Self::NotSupported,
            // RFC 9110, 15.6: 500, 502, 503 and 504, and what proxies add (520 to 530). RFC 4918, 11.5: 507 is temporary. RFC 9110,
            // 15: one that is not known means what 500 means, and so does one that is no status.
            _ => Self::ServerError,
        })
    }

    /// The kind of failure that an HTTP status stands for where it is not the one of success.
    pub fn of_unexpected(status: u16) -> Self {
        Self::of_status(status).unwrap_or(Self::BadAnswer)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
