//! The words that stand for kinds, ways and points.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::{LostAnswer, Malformed, Outage};

/// What a fault does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// The vendor is gone.
    Outage,
    /// The key has been rotated.
    Auth,
    /// 429 beyond a rate.
    RateLimit,
    /// Clay's credits are used up: 402.
    Credits,
    /// A status instead of the answer.
    Error,
    /// Answers come later.
    Latency,
    /// The vendor commits the effect, and its answer is lost.
    LostAnswer,
    /// The request is never answered, and the vendor does not get it.
    Hang,
    /// The connection is reset.
    Reset,
    /// The answer is no HTTP or no JSON.
    Malformed,
    /// The answer breaks off.
    Truncate,
    /// The body comes in small pieces.
    SlowBody,
    /// The body comes slowly and evenly.
    Bandwidth,
    /// Something happens to Clay's callbacks.
    Webhook,
}

impl KindName {
    /// Every kind, in the order in which they compose.
    pub const ALL: [Self; 14] = [
        Self::Outage,
        Self::Auth,
        Self::RateLimit,
        Self::Credits,
        Self::Error,
        Self::Latency,
        Self::LostAnswer,
        Self::Hang,
        Self::Reset,
        Self::Malformed,
        Self::Truncate,
        Self::SlowBody,
        Self::Bandwidth,
        Self::Webhook,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Auth => "auth",
            Self::RateLimit => "rate_limit",
            Self::Credits => "credits",
            Self::Error => "error",
            Self::Latency => "latency",
            Self::LostAnswer => "lost_answer",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::Truncate => "truncate",
            Self::SlowBody => "slow_body",
            Self::Bandwidth => "bandwidth",
            Self::Webhook => "webhook",
        }
    }

    /// The keys of its own that it takes.
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Outage | Self::LostAnswer | Self::Malformed => &["how"],
            Self::Auth => &["status", "new_key"],
            Self::RateLimit => &["rate", "burst", "retry_after"],
            Self::Credits | Self::Hang => &[],
            Self::Error => &["status", "body"],
            Self::Latency => &["add", "jitter"],
            Self::Reset => &["when", "bytes"],
            Self::Truncate => &["bytes"],
            Self::SlowBody => &["pause", "chunk"],
            Self::Bandwidth => &["bytes_per_second"],
            Self::Webhook => &["how", "by"],
        }
    }

    /// What `how` can be.
    pub fn ways(self) -> &'static [HowName] {
        use HowName::{
            BadlySigned, Close, ContentLengthTooLong, ContentLengthTooShort, Drop, Hang, Head, Json, Late, Lost, OutOfOrder,
            Refuse, Reset, Twice, Unavailable,
        };
        match self {
            Self::Outage => &[Refuse, Drop, Close, Unavailable],
            Self::LostAnswer => &[Close, Reset, Hang],
            Self::Malformed => &[Json, Head, ContentLengthTooLong, ContentLengthTooShort],
            Self::Webhook => &[Late, Twice, OutOfOrder, Lost, BadlySigned],
            _ => &[],
        }
    }
}

/// Ways in which something goes wrong, of all kinds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HowName {
    /// `outage`: connections are refused. Only for a whole vendor and every request.
    Refuse,
    /// `outage`: connections are accepted and closed at once. Only for a whole vendor and every request.
    Drop,
    /// `outage`: requests are read, and their connections closed without an answer. `lost_answer`: the same, once the vendor
    /// has carried them out.
    Close,
    /// `outage`: 503.
    Unavailable,
    /// `lost_answer`: the connection is reset.
    Reset,
    /// `lost_answer`: nothing comes.
    Hang,
    /// `malformed`: the body is no JSON.
    Json,
    /// `malformed`: no HTTP at all.
    Head,
    /// `malformed`: the head promises more than comes.
    ContentLengthTooLong,
    /// `malformed`: more comes than the head promises.
    ContentLengthTooShort,
    /// `webhook`: they come later.
    Late,
    /// `webhook`: they come twice.
    Twice,
    /// `webhook`: the next one overtakes them.
    OutOfOrder,
    /// `webhook`: they never come.
    Lost,
    /// `webhook`: their signature is wrong.
    BadlySigned,
}

impl HowName {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Drop => "drop",
            Self::Close => "close",
            Self::Unavailable => "unavailable",
            Self::Reset => "reset",
            Self::Hang => "hang",
            Self::Json => "json",
            Self::Head => "head",
            Self::ContentLengthTooLong => "content_length_too_long",
            Self::ContentLengthTooShort => "content_length_too_short",
            Self::Late => "late",
            Self::Twice => "twice",
            Self::OutOfOrder => "out_of_order",
            Self::Lost => "lost",
            Self::BadlySigned => "badly_signed",
        }
    }
}

impl From<Outage> for HowName {
    fn from(how: Outage) -> Self {
        match how {
            Outage::Refuse => Self::Refuse,
            Outage::Drop => Self::Drop,
            Outage::Close => Self::Close,
            Outage::Unavailable => Self::Unavailable,
        }
    }
}

impl From<LostAnswer> for HowName {
    fn from(how: LostAnswer) -> Self {
        match how {
            LostAnswer::Close => Self::Close,
            LostAnswer::Reset => Self::Reset,
            LostAnswer::Hang => Self::Hang,
        }
    }
}

impl From<Malformed> for HowName {
    fn from(how: Malformed) -> Self {
        match how {
            Malformed::Json => Self::Json,
            Malformed::Head => Self::Head,
            Malformed::ContentLengthTooLong => Self::ContentLengthTooLong,
            Malformed::ContentLengthTooShort => Self::ContentLengthTooShort,
        }
    }
}

/// Points at which a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenName {
    /// Before the answer. The vendor does not get the request.
    Before,
    /// Within the answer's body.
    Within,
    /// After the answer.
    After,
}

impl WhenName {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Within => "within",
            Self::After => "after",
        }
    }
}
