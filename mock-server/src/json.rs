//! JSON that is passed on as it was written.
//!
//! A parsed value has doubles for numbers, and what a double cannot hold is another number when it is written again. What
//! users send is therefore kept as text, and only what is needed is read from it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::decimal::Decimal;

/// A JSON text. Copies share it. Two are equal when they mean the same: the order of an object's members, white space and the
/// way in which a number is written make no difference.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

/// The members of an object, by name.
pub type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl Json {
    /// The text of a value.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Self {
        // Values of ours can be written: their keys are texts.
        Self(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()).into())
    }

    /// The text itself.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The members of an object; `None` where it is none. Of several members of one name the last counts.
    pub fn fields(&self) -> Option<Fields<'_>> {
        fields_of(&self.0)
    }

    /// The member of this name.
    pub fn field(&self, name: &str) -> Option<&RawValue> {
        self.fields()?.get(name).copied()
    }

    /// The text that this is, if it is one.
    pub fn as_text(&self) -> Option<String> {
        text_of(&self.0)
    }

    /// The member of this name, where it is a text.
    pub fn text(&self, name: &str) -> Option<String> {
        text_of(self.field(name)?)
    }

    /// The object with these texts as members.
    #[must_use]
    pub fn with(&self, texts: &[(&str, &str)]) -> Self {
        let texts: Vec<(&str, Self)> = texts.iter().map(|(name, text)| (*name, Self::of(*text))).collect();
        let mut fields = self.fields().unwrap_or_default();
        fields.extend(texts.iter().map(|(name, text)| (Cow::Borrowed(*name), &*text.0)));
        Self::of(&fields)
    }

    /// The canonical form: RFC 8785, but for numbers that a double's shortest form does not have the exact value of. Those are
    /// written as plain decimals.
    pub fn canonical(&self) -> String {
        let mut canonical = String::with_capacity(self.get().len());
        write_canonical(&self.0, &mut canonical);
        canonical
    }
}

/// The members of an object.
pub fn fields_of(value: &RawValue) -> Option<Fields<'_>> {
    #[derive(Deserialize)]
    struct Members<'a>(#[serde(borrow)] BTreeMap<Name<'a>, &'a RawValue>);
    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    let members: Members<'_> = serde_json::from_str(value.get()).ok()?;
    Some(members.0.into_iter().map(|(name, value)| (name.0, value)).collect())
}

/// The text that a value is, if it is one.
pub fn text_of(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn write_canonical(value: &RawValue, out: &mut String) {
    let text = value.get();
    match text.as_bytes() {
        [b'{', ..] => {
            let mut members: Vec<_> = fields_of(value).unwrap_or_default().into_iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            write_list(members, ['{', '}'], out, |(name, value), out| {
                out.push_str(Json::of(&name).get());
                out.push(':');
                write_canonical(value, out);
            });
        }
        [b'[', ..] => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            write_list(items, ['[', ']'], out, write_canonical);
        }
        [b'"', ..] => out.push_str(text_of(value).map_or_else(|| value.to_owned().into(), |text| Json::of(&text)).get()),
        [b'-' | b'0'..=b'9', ..] => out.push_str(&canonical_number(text)),
        _ => out.push_str(text),
    }
}

fn write_list<T>(items: impl IntoIterator<Item = T>, [open, close]: [char; 2], out: &mut String, write: impl Fn(T, &mut String)) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

fn canonical_number(text: &str) -> Cow<'_, str> {
    // Nearly all: every double holds them.
    if text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.into();
    }
    let Some(exact) = Decimal::of(text) else { return text.into() };
    let double = text.parse::<f64>().ok().and_then(|double| serde_json_canonicalizer::to_string(&double).ok());
    double.filter(|double| Decimal::of(double).as_ref() == Some(&exact)).unwrap_or_else(|| exact.to_string()).into()
}

impl From<Box<RawValue>> for Json {
    fn from(text: Box<RawValue>) -> Self {
        Self(text.into())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self::of(&value)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get() || self.canonical() == other.canonical()
    }
}

impl Eq for Json {}

impl PartialEq<Value> for Json {
    fn eq(&self, other: &Value) -> bool {
        *self == Self::of(other)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        Value::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Value::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let text = r#"{"b":89014103211118510721,"a":[1.50,1e999,"\u0041"]}"#;
        assert_eq!(serde_json::to_string(&[read(text)]).unwrap(), format!("[{text}]"));
        let longer = read(text).with(&[("c", "\"")]);
        assert_eq!(longer.get(), r#"{"a":[1.50,1e999,"\u0041"],"b":89014103211118510721,"c":"\""}"#);
        assert_eq!((longer.text("c").as_deref(), longer.text("b")), (Some("\""), None));
    }

    #[test]
    fn texts_that_mean_the_same_are_equal() {
        assert_eq!(read(r#"{ "a": 1.0, "b": "\u00e9" }"#), json!({"b": "é", "a": 1}));
        assert_eq!(read("[1e2,-0]"), read("[100.0,0]"));
        assert_ne!(read("[89014103211118510720]"), read("[89014103211118510721]"));
        assert_ne!(read("0.1"), read("0.1000000000000000000001"));
        assert_ne!(read("[1,2]"), read("[2,1]"));
    }

    #[test]
    fn the_canonical_form_is_that_of_rfc_8785_where_doubles_do() {
        // The example of its section 3.2.2, whose numbers are all what doubles show; the first is written with less digits.
        let text = r#"{"numbers": [333333333.3333333, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#;
        let canonical = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
            \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(read(text).canonical(), canonical);
        assert_eq!(read(r#"{"\ufb33":1,"\ud83d\ude00":2}"#).canonical(), "{\"😀\":2,\"\u{fb33}\":1}", "sorted by UTF-16");
        assert_eq!(read("[9007199254740993,18446744073709551616]").canonical(), "[9007199254740993,18446744073709551616]");
    }
}
