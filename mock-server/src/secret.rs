//! A value that must not be seen in a log.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A secret. Its `Debug` does not show it; serialised, for a child process, it is itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What makes a text from the environment no credential: it is empty, or has white space, with which every request would be
/// refused. A file or `echo` leaves a line break behind a key easily.
pub fn flaw(credential: &str) -> Option<&'static str> {
    if credential.is_empty() {
        return Some("is empty");
    }
    let stray = |c: char| c.is_whitespace() || c.is_control();
    credential.contains(stray).then_some("holds white space, perhaps a line break at its end, which no credential has")
}
