//! The words of a fault's written form: kinds, ways and points.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::table::every_kind;

/// Declares an enum, each variant with its word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident $word:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$about])* $variant,)* }

        impl $name {
            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

macro_rules! kind_names {
    ($($(#[$doc:meta])* $variant:ident $file:ident $({ $($parameters:tt)* })?,)*) => {
        words! {
            /// What a fault does to a request.
            KindName { $($(#[$doc])* $variant stringify!($file),)* }
        }

        impl KindName {
            /// Every kind, in the order in which they compose.
            pub const ALL: [Self; [$(stringify!($file)),*].len()] = [$(Self::$variant),*];
        }
    };
}

every_kind!(kind_names);

words! {
    /// Ways in which something goes wrong, of all kinds together.
    HowName {
        /// `outage`: connections are refused. Only for a whole vendor and every request.
        Refuse "refuse",
        /// `outage`: connections are accepted and closed at once. Only for a whole vendor and every request.
        Drop "drop",
        /// `outage`: requests are read, and their connections closed without an answer. `lost_answer`: the same, once the vendor
        /// has carried them out.
        Close "close",
        /// `outage`: 503.
        Unavailable "unavailable",
        /// `lost_answer`: the connection is reset.
        Reset "reset",
        /// `lost_answer`: nothing comes.
        Hang "hang",
        /// `malformed`: the body is no JSON.
        Json "json",
        /// `malformed`: no HTTP at all.
        Head "head",
        /// `malformed`: the head promises more than comes.
        ContentLengthTooLong "content_length_too_long",
        /// `malformed`: more comes than the head promises.
        ContentLengthTooShort "content_length_too_short",
        /// `webhook`: they come later.
        Late "late",
        /// `webhook`: they come twice.
        Twice "twice",
        /// `webhook`: the next one overtakes them.
        OutOfOrder "out_of_order",
        /// `webhook`: they never come.
        Lost "lost",
        /// `webhook`: their signature is wrong.
        BadlySigned "badly_signed",
    }
}

words! {
    /// Points at which a connection is reset.
    WhenName {
        /// Before the answer. The vendor does not get the request.
        Before "before",
        /// Within the answer's body.
        Within "within",
        /// After the answer.
        After "after",
    }
}
