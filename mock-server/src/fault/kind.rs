//! The kinds of faults: what they have in common, and the way from a kind to the file that implements it.

use serde::{Deserialize, Serialize};

use super::effect::{Begun, Effect};
use super::facts::Facts;
use super::outage::Outage;
use super::problem::FaultProblem;
use super::table::every_kind;
use super::words::{HowName, KindName};
use crate::simulated::SimulatedVendor;

/// Makes the enum of the table, and calls of the files' functions: each gets the variant's parameters in their order.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $variant:ident $file:ident $({ $($(#[$about:meta])* $parameter:ident: $type:ty,)* })?,
    )*) => {
        /// What a fault does to a request, or to a callback.
        ///
        /// Faults that overlap compose in the order of this list. Of two of one kind, the earlier in the timetable comes first,
        /// and faults added by hand come last.
        ///
        /// 1. outage, auth, rate limit, credits, error: the first that answers or closes ends the request, and those behind it
        ///    do not see it: what an outage ends takes no token. The vendor is not asked.
        /// 2. The vendor answers whatever got this far.
        /// 3. latency: delays add up, and hold back whatever answer there is, another fault's included. Answers that faults
        ///    make are given at once otherwise; the vendor's own latency belongs to the vendor's own answers.
        /// 4. lost answer, hang, reset, malformed, truncate, slow body, bandwidth: they happen on the wire to whatever answer
        ///    there is, and each acts on what the one before it has left. So a truncated body drips in a slow body's pieces at
        ///    a bandwidth; a reset within a body that is truncated before it comes at the cut; and of an answer that is lost
        ///    nothing is left to be cut. Whether the vendor is asked is the decision of the first of them.
        /// 5. webhook: it acts on the vendor's callbacks, never on requests.
        ///
        /// It is read and written as the keys of a [`FaultForm`](super::form::FaultForm).
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum FaultKind { $($(#[$doc])* $variant $({ $($(#[$about])* $parameter: $type,)* })?,)* }

        impl FaultKind {
            /// Its word.
            pub(super) fn word(&self) -> KindName {
                match self { $(Self::$variant { .. } => KindName::$variant,)* }
            }

            /// What it does, in a few words: "outage (connection refused)", "429 beyond 5 requests/s (burst 5)".
            pub fn describe(&self) -> String {
                match self { $(Self::$variant $({ $($parameter,)* })? => super::$file::describe($($($parameter),*)?),)* }
            }

            /// Adds the values that it cannot take to `problems`.
            pub(super) fn check(&self, problems: &mut Vec<FaultProblem>) {
                match self { $(Self::$variant $({ $($parameter,)* })? => super::$file::check($($($parameter,)*)? problems),)* }
            }

            /// Its effect since a moment.
            pub(super) fn effect(&self, begun: Begun<'_>) -> Box<dyn Effect> {
                match self { $(Self::$variant $({ $($parameter,)* })? => super::$file::effect($($($parameter,)*)? begun),)* }
            }
        }

        impl KindName {
            pub(super) fn facts(self) -> &'static Facts {
                match self { $(Self::$variant => &super::$file::FACTS,)* }
            }
        }
    };
}

// The types that the table names.
use super::*;

every_kind!(kinds);

impl FaultKind {
    /// Its name as it is written.
    pub fn name(&self) -> &'static str {
        self.word().as_str()
    }

    /// Whether it can answer a request or close its connection in the vendor's place.
    pub(crate) fn may_end(&self) -> bool {
        self.word() < KindName::Latency
    }

    /// The one vendor that it is for, where it is not for both: only Clay has credits and makes callbacks.
    pub fn only_of(&self) -> Option<SimulatedVendor> {
        self.word().facts().only_of.map(|(vendor, _)| vendor)
    }

    /// Whether it happens to whole connections, before there is a request to choose by.
    pub(crate) fn is_of_connections(&self) -> bool {
        matches!(self, Self::Outage { how: Outage::Refuse | Outage::Drop })
    }
}

impl KindName {
    /// The keys of its own that it takes.
    pub fn keys(self) -> &'static [&'static str] {
        self.facts().keys
    }

    /// Those of them that must be given.
    pub fn needed(self) -> impl Iterator<Item = &'static str> {
        self.facts().needs.iter().map(|(key, _)| *key)
    }

    /// What `how` can be.
    pub fn ways(self) -> &'static [HowName] {
        self.facts().ways
    }
}
