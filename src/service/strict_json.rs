//! JSON that means one thing only.
//!
//! A text with a key twice is read differently by every parser: what was checked here would not be what a vendor acts on. One
//! that is nested without end overflows parsers that recurse. And "expected value" without a line does not help a client
//! that sent a thousand. So a repeated key and deep nesting are refused, and every error has its line and column.
//!
//! Numbers and texts are passed on as they were written, without the white space between them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use http::StatusCode;
use mock_server::decimal::Decimal;
use mock_server::json::Json;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::{Problem, Refusal};

/// Deepest nesting of a body: no lead needs more, and no parser behind takes less.
pub(super) const DEEPEST: usize = 32;
/// Longest number, in characters: what is compared and passed on digit by digit has a bound.
const LONGEST_NUMBER: usize = 400;

/// Reads a text that is one JSON value and nothing else: 400 for invalid JSON, 422 for a number that is too long.
pub(super) fn read(bytes: &[u8]) -> Result<Json, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(not_utf8(bytes, error.valid_up_to())))?;
    // A byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(malformed(Problem::new("the body is empty").at(1, 1).help("send one JSON value")));
    }
    let whole: &RawValue = parse(text, text)?;
    let mut compact = String::with_capacity(whole.get().len());
    write(whole, text, DEEPEST, &mut compact)?;
    parse::<Box<RawValue>>(&compact, text).map(Json::from)
}

/// Writes a part of the text without its white space, and refuses what means more than one thing.
fn write(part: &RawValue, text: &str, left: usize, out: &mut String) -> Result<(), Refusal> {
    let raw = part.get();
    let problem = |message: String| at(Problem::new(message), start(raw, text), text);
    let deeper = || {
        let too_deep = || malformed(problem(format!("the nesting is deeper than {DEEPEST} levels: flatten the data")));
        left.checked_sub(1).ok_or_else(too_deep)
    };
    match raw.as_bytes() {
        [b'{', ..] => {
            let (left, members) = (deeper()?, parse::<Members<'_>>(raw, text)?);
            write_list(members.0, ['{', '}'], out, |(name, value), out| {
                out.push_str(Json::of(&name).get());
                out.push(':');
                write(value, text, left, out)
            })?;
        }
        [b'[', ..] => {
            let (left, items) = (deeper()?, parse::<Vec<&RawValue>>(raw, text)?);
            write_list(items, ['[', ']'], out, |item, out| write(item, text, left, out))?;
        }
        [b'"', ..] => {
            parse::<Text<'_>>(raw, text)?;
            out.push_str(raw);
        }
        [b'-' | b'0'..=b'9', ..] => {
            if raw.len() > LONGEST_NUMBER || Decimal::of(raw).is_none() {
                let message = format!("a number has more than {LONGEST_NUMBER} characters, or an exponent beyond all use");
                return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, problem(message).help("send it as a text")));
            }
            out.push_str(raw);
        }
        _ => out.push_str(raw),
    }
    Ok(())
}

fn write_list<T>(
    items: impl IntoIterator<Item = T>,
    [open, close]: [char; 2],
    out: &mut String,
    write: impl Fn(T, &mut String) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out)?;
    }
    out.push(close);
    Ok(())
}

/// A string, which may have escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object, in their order, each name once.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let (mut members, mut names) = (Vec::new(), HashSet::new());
                while let Some(Text(name)) = map.next_key()? {
                    if !names.insert(name.clone()) {
                        let message = format!("the key `{}` is there twice: name each key once", name.escape_debug());
                        return Err(A::Error::custom(message));
                    }
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Parses a part of the text. Its errors say where in the text they are.
fn parse<'a, T: Deserialize<'a>>(part: &'a str, text: &str) -> Result<T, Refusal> {
    serde_json::from_str(part).map_err(|error| malformed(located(part, text, &error)))
}

fn malformed(problem: Problem) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, problem)
}

fn not_utf8(bytes: &[u8], valid: usize) -> Problem {
    let before = String::from_utf8_lossy(&bytes[..valid]);
    at(Problem::new("the body is not UTF-8 from here on"), valid + 1, &before).help("send JSON in UTF-8")
}

fn located(part: &str, text: &str, error: &serde_json::Error) -> Problem {
    // serde_json counts lines, and a column in bytes, from the start of what it was given.
    let before: usize = part.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
    let problem = at(Problem::new(message), start(part, text) + (before + error.column()).max(1) - 1, text);
    match error.classify() {
        serde_json::error::Category::Data => problem,
        serde_json::error::Category::Eof => problem.help("the JSON ends too early"),
        _ => problem.help("send one value of valid JSON"),
    }
}

/// Where a part of the text begins in it, in bytes.
fn start(part: &str, text: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// The problem with its line and its column in characters, of so many bytes into the text.
fn at(problem: Problem, byte: usize, text: &str) -> Problem {
    let before = || text.char_indices().take_while(|(index, _)| *index < byte).map(|(_, c)| c);
    let line = before().filter(|c| *c == '\n').count() + 1;
    let column = before().collect::<Vec<_>>().into_iter().rev().take_while(|c| *c != '\n').count() + 1;
    problem.at(line, column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_means_one_thing_is_read_as_any_parser_does() {
        let text = r#"{"a":[1,-2,3.50,1e3,"é\u0041",true,null,{"b":{}},[]],"big":18446744073709551616,"far":1e999}"#;
        assert_eq!(read(text.as_bytes()).unwrap().get(), text);
        assert_eq!(read("\u{feff} {} \n".as_bytes()).unwrap().get(), "{}");
        assert_eq!(read(b"{ \"a\" :\t[ 1 ,\r\n2 ] }").unwrap().get(), r#"{"a":[1,2]}"#);
    }

    #[test]
    fn each_flaw_has_its_place() {
        for (text, says, line, column) in [
            (&b"{\"a\":1,\n \"b\":{\"c\":1,\"c\":2}}"[..], "the key `c` is there twice", 2, Some(15)),
            (b"{\"a\":\n\"\xff\"}", "not UTF-8", 2, Some(2)),
            (b"{\"a\":1}\n{\"b\":2}", "trailing characters", 2, Some(1)),
            (b"{\"a\"", "EOF", 1, Some(4)),
            (b"", "the body is empty", 1, Some(1)),
            (b" \n", "the body is empty", 1, Some(1)),
            ("{\"é\" 1}".as_bytes(), "expected `:`", 1, Some(6)),
            (b"{\"a\":\"\\ud800\"}", "hex escape", 1, None),
            (b"{\"a\":[1,\n {\"x\":\"\\ud800\"}]}", "hex escape", 2, None),
            (b"{\"a\":[1,\n  {\"x\":1,\"x\":2}]}", "the key `x` is there twice", 2, Some(12)),
        ] {
            let refusal = read(text).unwrap_err();
            let [problem] = refusal.errors.as_slice() else { panic!("{refusal:?}") };
            assert_eq!(refusal.status, 400);
            let shown = String::from_utf8_lossy(text);
            assert!(problem.message.contains(says), "{shown}: {problem:?}");
            assert_eq!(problem.line, Some(line), "{shown}: {problem:?}");
            // Where the parser notices it differs within a number or an escape.
            assert!(column.is_none_or(|column| problem.column == Some(column)), "{shown}: {problem:?}");
        }
    }

    #[test]
    fn nesting_is_bounded_however_deep_it_is() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(nested(DEEPEST).as_bytes()).is_ok());
        for levels in [DEEPEST + 1, 1_000_000] {
            assert!(read(nested(levels).as_bytes()).unwrap_err().errors[0].message.contains("deeper than 32"), "{levels}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_with_a_place(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let without_mark = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            let is_json = serde_json::from_slice::<serde_json::Value>(without_mark).is_ok();
            match read(&bytes) {
                Ok(_) => prop_assert!(is_json),
                Err(refusal) => prop_assert!(refusal.errors[0].line >= Some(1) && refusal.errors[0].column >= Some(1)),
            }
        }
    }
}
