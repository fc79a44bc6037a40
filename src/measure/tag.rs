//! Labels as the tag of a line in an interval log: `kind:attempt;vendor:clay;name:clay.webhook;status:200;phase:1;…`.
//!
//! The log's format allows no comma, space or line break in a tag, and some readers stop at an equals sign. So the parts are
//! joined by `;` and `:`, and every other character of a name that is not plain is written as `%` and its bytes in hexadecimal.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::outcome::Peer;

use super::labels::{InLog, LABELS, Labels, SampleKind};
use super::user_tags::UserTags;

/// What sets the names of the plan's own tags apart from those of [`LABELS`].
const USER: &str = "tag.";

/// The tag of a series.
pub(super) fn encode(labels: &Labels) -> String {
    let mut tag = String::new();
    for label in LABELS.iter().filter(|label| label.log != InLog::Never) {
        if let Some(value) = (label.get)(labels) {
            write_part(&mut tag, ["", label.name], &value);
        }
    }
    for (key, value) in labels.tags.iter() {
        write_part(&mut tag, [USER, key], value);
    }
    tag
}

fn write_part(tag: &mut String, [prefix, key]: [&str; 2], value: &str) {
    let join = if tag.is_empty() { "" } else { ";" };
    let _ = write!(tag, "{join}{prefix}{key}:");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-/".contains(&byte) {
            tag.push(char::from(byte));
        } else {
            let _ = write!(tag, "%{byte:02x}");
        }
    }
}

/// The labels of a tag.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn decode(tag: &str) -> Result<Labels, String> {
    // Every value is overwritten, or the tag is refused: a label that is always logged must be there.
    let mut labels = Labels::new(SampleKind::Attempt, Peer::Service, "");
    let mut seen = [false; LABELS.len()];
    let mut tags = BTreeMap::new();
    for part in tag.split(';') {
        let (key, value) = part.split_once(':').ok_or_else(|| format!("the tag's part \"{part}\" is not KEY:VALUE"))?;
        let unknown_value = || format!("the tag's part \"{part}\" has an unknown value");
        let value = unescape(value).ok_or_else(unknown_value)?;
        let is_first = match (key.strip_prefix(USER), LABELS.iter().position(|label| label.name == key)) {
            (Some(key), _) => tags.insert(key.to_owned(), value).is_none(),
            (None, Some(index)) if LABELS[index].log != InLog::Never => {
                (LABELS[index].set)(&mut labels, &value).ok_or_else(unknown_value)?;
                !std::mem::replace(&mut seen[index], true)
            }
            _ => return Err(format!("the tag has an unknown part \"{part}\"")),
        };
        if !is_first {
            return Err(format!("the tag has \"{part}\" beside another value of the same key"));
        }
    }
    labels.tags = UserTags::new(tags).map_err(|error| error.to_string())?;
    match LABELS.iter().zip(seen).find(|(label, seen)| label.log == InLog::Always && !seen) {
        Some((missing, _)) => Err(format!("the tag has no {}", missing.name)),
        None => Ok(labels),
    }
}

fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::measure::strategies::labels;
    use crate::measure::{Labels, SampleKind};
    use crate::outcome::{FailureKind, Vendor};

    use super::*;

    proptest! {
        #[test]
        fn a_tag_gives_its_labels_back_and_breaks_no_line(labels in labels()) {
            let tag = encode(&labels);
            prop_assert!(!tag.contains([',', ' ', '\r', '\n', '=', '"', '#']), "{}", tag);
            prop_assert!(tag.is_ascii());
            prop_assert_eq!(decode(&tag), Ok(labels));
        }

        #[test]
        fn no_tag_makes_the_reader_panic(tag in ".{0,40}", name in "[%0-9a-fé]{0,6}") {
            let _ = decode(&tag);
            let _ = decode(&format!("kind:attempt;vendor:clay;name:{name};phase:0;fault:false;retry:false"));
        }
    }

    #[test]
    fn every_kind_of_failure_is_read_back() {
        for failure in FailureKind::ALL {
            let tag = format!("kind:iteration;vendor:clay;name:lead;failure:{failure};phase:0;fault:false;retry:false");
            assert_eq!(decode(&tag).unwrap().failure, Some(failure));
        }
    }

    #[test]
    fn a_plain_name_is_written_plainly() {
        let failure = Some(FailureKind::RateLimited);
        let labels = Labels {
            status: 429,
            failure,
            phase: 2,
            under_fault: true,
            ..Labels::new(SampleKind::Attempt, Vendor::CustomerIo, "customer_io.identify")
        };
        let plain = "kind:attempt;vendor:customer_io;name:customer_io.identify;status:429;failure:rate_limited;\
                     phase:2;fault:true;retry:false";
        assert_eq!(encode(&labels), plain);
        let tags = UserTags::new([("team".to_owned(), "growth & co".to_owned())].into()).unwrap();
        let tagged = Labels { scenario: Some("spike".to_owned()), tags, ..labels };
        assert_eq!(encode(&tagged), format!("{plain};scenario:spike;tag.team:growth%20%26%20co"));
    }

    #[test]
    fn a_wrong_tag_is_refused_with_the_part_that_is_wrong() {
        let good = "kind:attempt;vendor:clay;name:x;phase:0;fault:false;retry:false";
        assert!(decode(good).is_ok());
        for (from, to, expected) in [
            ("vendor:clay", "vendor:acme", "\"vendor:acme\" has an unknown value"),
            ("phase:0", "phase:70000", "\"phase:70000\" has an unknown value"),
            (";name:x", "", "no name"),
            ("name:x", "name:x;name:y", "\"name:y\" beside another"),
            ("name:x", "name:%f", "\"name:%f\" has an unknown value"),
            ("name:x", "colour:red", "unknown part \"colour:red\""),
            ("retry:false", "retry", "\"retry\" is not KEY:VALUE"),
            ("name:x", "name:x;expected_response:true", "unknown part \"expected_response:true\""),
            ("name:x", "name:x;tag.a:1;tag.a:2", "\"tag.a:2\" beside another"),
            ("name:x", "name:x;tag.vendor:acme", "a tag `vendor` of their own"),
        ] {
            let problem = decode(&good.replace(from, to)).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
