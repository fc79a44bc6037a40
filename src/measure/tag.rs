//! Labels as the tag of a line in an interval log: `kind:attempt;vendor:clay;name:clay.webhook;status:200;phase:1;…`.
//!
//! The log's format allows no comma, space or line break in a tag, and some readers stop at an equals sign. So the parts are
//! joined by `;` and `:`, and every other character of a name that is not plain is written as `%` and its bytes in hexadecimal.

use std::fmt::Write;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::labels::Labels;

/// The tag of a series.
pub(super) fn encode(labels: &Labels) -> String {
    let mut tag = format!("kind:{};vendor:{};name:", labels.kind.as_str(), labels.vendor);
    for byte in labels.name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-/".contains(&byte) {
            tag.push(char::from(byte));
        } else {
            let _ = write!(tag, "%{byte:02x}");
        }
    }
    if labels.status != 0 {
        let _ = write!(tag, ";status:{}", labels.status);
    }
    if let Some(failure) = labels.failure {
        let _ = write!(tag, ";failure:{failure}");
    }
    let _ = write!(tag, ";phase:{};fault:{};retry:{}", labels.phase, labels.under_fault, labels.retry);
    tag
}

/// The labels of a tag.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn decode(tag: &str) -> Result<Labels, String> {
    let (mut kind, mut vendor, mut name, mut phase, mut fault, mut retry) = (None, None, None, None, None, None);
    let (mut status, mut failure) = (None, None);
    for part in tag.split(';') {
        let (key, value) = part.split_once(':').ok_or_else(|| format!("the tag's part \"{part}\" is not KEY:VALUE"))?;
        match key {
            "kind" => set(&mut kind, part, word(value))?,
            "vendor" => set(&mut vendor, part, word(value))?,
            "name" => set(&mut name, part, unescape(value))?,
            "status" => set(&mut status, part, number(value))?,
            "failure" => set(&mut failure, part, word(value))?,
            "phase" => set(&mut phase, part, number(value))?,
            "fault" => set(&mut fault, part, number(value))?,
            "retry" => set(&mut retry, part, number(value))?,
            _ => return Err(format!("the tag has an unknown part \"{part}\"")),
        }
    }
    let missing = |key: &str| format!("the tag has no {key}");
    Ok(Labels {
        kind: kind.ok_or_else(|| missing("kind"))?,
        vendor: vendor.ok_or_else(|| missing("vendor"))?,
        name: name.ok_or_else(|| missing("name"))?,
        status: status.unwrap_or(0),
        failure,
        phase: phase.ok_or_else(|| missing("phase"))?,
        under_fault: fault.ok_or_else(|| missing("fault"))?,
        retry: retry.ok_or_else(|| missing("retry"))?,
    })
}

fn set<T>(slot: &mut Option<T>, part: &str, value: Option<T>) -> Result<(), String> {
    let value = value.ok_or_else(|| format!("the tag's part \"{part}\" has an unknown value"))?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("the tag has \"{part}\" beside another value of the same key")),
    }
}

/// A value in the words that serde knows the type by.
fn word<'a, T: Deserialize<'a>>(value: &'a str) -> Option<T> {
    T::deserialize(StrDeserializer::<ValueError>::new(value)).ok()
}

fn number<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
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
        let labels = Labels {
            kind: SampleKind::Attempt,
            vendor: Vendor::CustomerIo,
            name: "customer_io.identify".to_owned(),
            status: 429,
            failure: Some(FailureKind::RateLimited),
            phase: 2,
            under_fault: true,
            retry: false,
        };
        assert_eq!(
            encode(&labels),
            "kind:attempt;vendor:customer_io;name:customer_io.identify;status:429;failure:rate_limited;phase:2;fault:true;retry:false"
        );
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
        ] {
            let problem = decode(&good.replace(from, to)).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
