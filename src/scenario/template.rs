//! The scenario that a user starts from.

use thiserror::Error;

/// Why a scenario cannot have a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` cannot be a scenario's name: use 1 to 64 letters, digits, `-` and `_`, as in clay-outage")]
pub struct NameError(String);

/// The text of a new scenario called `name`: valid, about 20 s long, and commented so that it can be changed without
/// looking anything up.
///
/// # Errors
/// When `name` cannot name a scenario and its directory of results.
pub fn new_scenario(name: &str) -> Result<String, NameError> {
    if super::check::is_name(name) {
        Ok(include_str!("template.toml").replace("NAME", name))
    } else {
        Err(NameError(name.to_owned()))
    }
}
