//! A credential that never shows.

use std::fmt;

use mock_server::settings::flaw;

/// A text that must not be shown: it prints as `***`, and has no serialised form.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The credential in an environment variable.
    ///
    /// # Errors
    /// What is wrong with it, in words that name the variable and do not show its value.
    pub(crate) fn from_environment(variable: &str) -> Result<Self, String> {
        let value = std::env::var(variable).map_err(|_| format!("the environment variable {variable} is not set"))?;
        flaw(&value).map_or(Ok(Self(value)), |flaw| Err(format!("the environment variable {variable} {flaw}")))
    }

    /// The text itself, for the code that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
