//! Tags that a plan gives to its scenarios and journeys. Each set of them multiplies the series that a run keeps in memory, so
//! their number and length are bounded.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Most tags that a sample carries of its plan.
const MOST_TAGS: usize = 16;
/// Most different sets of tags in a plan.
pub const MOST_TAG_SETS: usize = 64;
/// Longest name of a tag, in bytes.
const LONGEST_KEY: usize = 64;
/// Longest value of a tag, in bytes.
const LONGEST_VALUE: usize = 128;

/// Tags by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct UserTags(BTreeMap<String, String>);

/// A tag that samples cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({help})")]
pub struct TagError {
    /// Its name; `None` where there are too many.
    pub key: Option<String>,
    /// What is wrong with it.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl UserTags {
    /// Checks the number and the form of the tags; `is_taken` knows the names that are in use.
    ///
    /// # Errors
    /// For the first that samples cannot carry.
    pub(super) fn unless_taken(tags: BTreeMap<String, String>, is_taken: fn(&str) -> bool) -> Result<Self, TagError> {
        if tags.len() > MOST_TAGS {
            let help = format!("give at most {MOST_TAGS} to a journey, those of its scenario included");
            return Err(TagError { key: None, message: format!("{} tags are too many", tags.len()), help });
        }
        match tags.iter().find_map(|(key, value)| Some((key, problem(key, value, is_taken)?))) {
            None => Ok(Self(tags)),
            Some((key, (message, help))) => Err(TagError { key: Some(key.clone()), message, help }),
        }
    }

    /// These tags, and those of `own`, which count where both have one.
    ///
    /// # Errors
    /// When they are too many together.
    pub fn with(&self, own: &Self) -> Result<Self, TagError> {
        Self::new(self.0.clone().into_iter().chain(own.0.clone()).collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a tag.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl fmt::Display for UserTags {
    /// `key=value&key=value`, as in k6's CSV.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(index, (key, value))| {
            let join = if index == 0 { "" } else { "&" };
            write!(f, "{join}{key}={value}")
        })
    }
}

impl TryFrom<BTreeMap<String, String>> for UserTags {
    type Error = TagError;

    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, TagError> {
        Self::new(tags)
    }
}

/// What is wrong with a tag, and what would be right.
fn problem(key: &str, value: &str, is_taken: fn(&str) -> bool) -> Option<(String, String)> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if is_taken(key) {
        return Some((format!("samples have a tag `{key}` of their own"), "choose another name".to_owned()));
    }
    if !(1..=LONGEST_KEY).contains(&key.len()) || !key.bytes().all(is_word) || key.as_bytes()[0].is_ascii_digit() {
        let help = format!("use 1 to {LONGEST_KEY} letters, digits and `_`, with no digit at the start");
        return Some((format!("`{}` cannot be a tag's name", key.escape_debug()), help));
    }
    let is_mark = |c: char| c.is_control() || "{},\"'".contains(c);
    if !(1..=LONGEST_VALUE).contains(&value.len()) || value.contains(is_mark) || value.trim() != value {
        let help = format!("use 1 to {LONGEST_VALUE} bytes without braces, commas, quotes and spaces around it");
        return Some((format!("no threshold could select `{key}` by this value"), help));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(tags: &[(&str, &str)]) -> Result<UserTags, TagError> {
        UserTags::new(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_journey_overrides_its_scenario() {
        let scenario = tags(&[("team", "growth"), ("tier", "1")]).unwrap();
        let both = scenario.with(&tags(&[("tier", "2")]).unwrap()).unwrap();
        assert_eq!(both.iter().collect::<Vec<_>>(), [("team", "growth"), ("tier", "2")]);
    }

    #[test]
    fn what_no_threshold_could_select_is_refused() {
        let long = "x".repeat(129);
        for (key, value, message) in [
            ("vendor", "acme", "a tag `vendor` of their own"),
            ("expected_response", "true", "of their own"),
            ("check", "x", "of their own"),
            ("", "x", "cannot be a tag's name"),
            ("2nd", "x", "`2nd` cannot be"),
            ("a-b", "x", "`a-b` cannot be"),
            (&long[..65], "x", "cannot be a tag's name"),
            ("team", "", "no threshold could select `team`"),
            ("team", " x", "no threshold"),
            ("team", "a,b", "no threshold"),
            ("team", "a\nb", "no threshold"),
            ("team", &long, "no threshold"),
        ] {
            let error = tags(&[("also", "there"), (key, value)]).unwrap_err();
            assert_eq!(error.key.as_deref(), Some(key));
            assert!(error.message.contains(message), "{error}");
        }
        assert!(tags(&[("Team_2", "größe = 1; 2:3")]).is_ok());
    }

    #[test]
    fn the_seventeenth_tag_is_refused() {
        let numbered = |range: std::ops::Range<usize>| UserTags::new(range.map(|n| (format!("t{n}"), "x".to_owned())).collect());
        let sixteen = numbered(0..16).unwrap();
        assert!(sixteen.with(&numbered(15..16).unwrap()).is_ok());
        let error = sixteen.with(&numbered(16..17).unwrap()).unwrap_err();
        assert_eq!((error.key, error.message.as_str()), (None, "17 tags are too many"));
    }
}
