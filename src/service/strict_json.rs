//! JSON that means one thing only.
//!
//! A text with a key twice is read differently by every parser: what was checked here would not be what a vendor acts on. One
//! that is nested without end overflows parsers that recurse. And "expected value" without a line does not help a client
//! that sent a thousand. So a repeated key and deep nesting are refused, and every error has its line and column.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::refusal::Problem;

/// Deepest nesting of a body: no lead needs more, and no parser behind takes less.
pub(super) const DEEPEST: usize = 32;

/// Reads a text that is one JSON value and nothing else.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    // A byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(Problem::new("the body is empty").at(1, 1).help("send one JSON value"));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { left: DEEPEST }.deserialize(&mut reader).map_err(|error| located(text, &error))?;
    reader.end().map_err(|error| located(text, &error))?;
    Ok(value)
}

fn not_utf8(bytes: &[u8], at: usize) -> Problem {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let (line, column) = (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
    Problem::new("the body is not UTF-8 from here on").at(line, column).help("send JSON in UTF-8")
}

fn located(text: &str, error: &serde_json::Error) -> Problem {
    // serde_json counts a column in bytes.
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let before = line.char_indices().take_while(|(at, _)| *at < error.column()).count();
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
    let problem = Problem::new(message).at(error.line().max(1), before.max(1));
    match error.classify() {
        serde_json::error::Category::Data => problem,
        serde_json::error::Category::Eof => problem.help("the JSON ends too early"),
        _ => problem.help("send one value of valid JSON"),
    }
}

#[derive(Clone, Copy)]
struct Strict {
    /// How much deeper it may go.
    left: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let deeper = |left| Self { left };
        let refusal = || E::custom(format!("the nesting is deeper than {DEEPEST} levels: flatten the data"));
        self.left.checked_sub(1).map(deeper).ok_or_else(refusal)
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(deeper)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{}` is there twice: name each key once", key.escape_debug())));
            }
            let value = map.next_value_seed(deeper)?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_means_one_thing_is_read_as_any_parser_does() {
        let text = r#"{"a":[1,-2,3.5,1e3,"é\u0041",true,null,{"b":{}}],"big":18446744073709551615}"#;
        assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read("\u{feff}{}".as_bytes()).unwrap(), json!({}));
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
            (b"{\"a\":1e999}", "number out of range", 1, None),
            (b"{\"a\":\"\\ud800\"}", "hex escape", 1, None),
        ] {
            let problem = read(text).unwrap_err();
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
            assert!(read(nested(levels).as_bytes()).unwrap_err().message.contains("deeper than 32"), "{levels}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_with_a_place(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let without_mark = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            let is_json = serde_json::from_slice::<Value>(without_mark).is_ok();
            match read(&bytes) {
                Ok(_) => prop_assert!(is_json),
                Err(problem) => prop_assert!(problem.line >= Some(1) && problem.column >= Some(1)),
            }
        }
    }
}
