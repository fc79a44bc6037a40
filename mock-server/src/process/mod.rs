//! The simulator as a child process: JSON lines on its standard input and output.
//!
//! The parent writes [`SimulationSettings`](crate::settings::SimulationSettings) as the first line and commands after it;
//! the child answers with [`Message`]s. When its standard input ends, for whatever reason (the parent's death included), it
//! ends. A process of its own is what makes the vendors' CPU and memory measurable apart from the harness's.

mod child;
mod stdio;

use serde::{Deserialize, Serialize};

pub use child::{Child, ChildError, Ended, TimetableStart};
pub use stdio::serve_stdio;

pub use crate::counts::Count;
use crate::simulated::PerVendor;
pub use crate::simulated::clay::Bill;
pub use crate::timetable::FaultChange;

/// What the parent asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The load begins now: the timetable's clock starts.
    Start,
    /// Answer with [`Message::Counts`].
    Count,
    /// Answer with [`Message::Bill`].
    Bill,
}

/// What the child says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// It listens.
    Ready {
        /// The vendors' base URLs without a trailing slash, by name: `http://127.0.0.1:port`.
        #[serde(flatten)]
        urls: PerVendor<String>,
        /// The admin API's, where the settings have one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        admin: Option<String>,
    },
    /// It cannot run, and ends.
    Failed {
        /// Why: "port 8080 is taken".
        reason: String,
    },
    /// The timetable's clock runs.
    Started {
        /// What it showed when this was said, in microseconds. From it and the times of question and answer, the parent knows
        /// where the clock's zero lies on its own clock, and how well.
        elapsed_us: u64,
        /// What the ledger's clock showed then, in microseconds: its `at_us` count from there.
        #[serde(default)]
        ledger_us: u64,
    },
    /// A fault began or ended.
    Fault(FaultChange),
    /// What it has answered so far.
    Counts(Vec<Count>),
    /// What Clay's rows have cost and will cost.
    Bill(Bill),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wire format is a contract with programs in other languages.
    #[test]
    fn messages_keep_their_form() {
        let fault = Message::Fault(FaultChange { name: "storm".to_owned(), active: true, at_us: 5 });
        assert_eq!(serde_json::to_string(&fault).unwrap(), r#"{"fault":{"name":"storm","active":true,"at_us":5}}"#);
        let urls =
            crate::simulated::per_vendor(|vendor| if vendor.as_str() == "clay" { "http://a" } else { "http://b" }.to_owned());
        let ready = Message::Ready { urls, admin: None };
        let written = r#"{"ready":{"clay":"http://a","customer_io":"http://b"}}"#;
        assert_eq!(serde_json::to_string(&ready).unwrap(), written);
        assert_eq!(serde_json::from_str::<Message>(written).unwrap(), ready);
        let started = Message::Started { elapsed_us: 7, ledger_us: 9 };
        assert_eq!(serde_json::to_string(&started).unwrap(), r#"{"started":{"elapsed_us":7,"ledger_us":9}}"#);
        let bill = Message::Bill(Bill { rows: 3, charged: 12, due: 6, unpaid: 0 });
        assert_eq!(serde_json::to_string(&bill).unwrap(), r#"{"bill":{"rows":3,"charged":12,"due":6,"unpaid":0}}"#);
        assert_eq!(serde_json::from_str::<Command>(r#""start""#).unwrap(), Command::Start);
        assert_eq!(serde_json::from_str::<Command>(r#""count""#).unwrap(), Command::Count);
        assert_eq!(serde_json::from_str::<Command>(r#""bill""#).unwrap(), Command::Bill);
    }
}
