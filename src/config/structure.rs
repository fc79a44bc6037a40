//! Whether a file has the structure that its schema describes: known keys, right types, allowed values, nothing missing.
//!
//! serde stops at the first mistake. This goes on: what is wrong is reported and left out, and the rest can still be
//! read and checked, so that one run reports every mistake.

use std::ops::Range;

use mock_server::percentage::{PERCENT, SHARE, parse_percentage, percent_of, percentile_like_a_share};
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::text::{all_of, any_of, nearest};
use crate::units::{DurationError, parse_duration};

use super::diagnostics::{Diagnostics, Severity};
use super::document::{Document, KeyPath, type_of};
use super::values::SIMULATED;

/// The parts of the file that have the right structure. Everything else is reported in `diagnostics`, and noted in
/// `document` as left out.
pub(crate) fn sound_part(document: &mut Document<'_>, schema: &Value, diagnostics: &mut Diagnostics) -> Value {
    let table = std::mem::take(document.table.get_mut());
    let mut walk = Walk { root: schema, document, diagnostics };
    let sound = walk.table(&[schema], &table, 0..0, &KeyPath::default()).unwrap_or_default();
    *document.table.get_mut() = table;
    sound
}

struct Walk<'a, 'b> {
    /// The whole schema, for references into it.
    root: &'a Value,
    document: &'a mut Document<'b>,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Walk<'a, '_> {
    /// The value if its structure is right, without the parts that are not; `None` if nothing of it can be used.
    fn value(&mut self, schema: &'a Value, value: &Spanned<DeValue<'_>>, place: &KeyPath) -> Option<Value> {
        let all = self.alternatives(schema);
        let fitting: Vec<&Value> = all.iter().copied().filter(|schema| fits(schema, value.get_ref())).collect();
        if fitting.is_empty() {
            return self.wrong_type(&all, value, place);
        }
        let sound = match value.get_ref() {
            DeValue::String(text) => self.text(&fitting, text, value.span(), place),
            DeValue::Integer(integer) => {
                let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
                self.number(fitting[0], number.map(Number::from), value, place)
            }
            DeValue::Float(float) => {
                let number = float.as_str().parse().ok().and_then(Number::from_f64);
                self.number(fitting[0], number, value, place)
            }
            DeValue::Boolean(set) => Some(Value::Bool(*set)),
            DeValue::Array(array) => self.array(fitting[0], array, value.span(), place),
            DeValue::Table(table) => self.table(&fitting, table, value.span(), place),
            // No schema asks for a date, so none fits.
            DeValue::Datetime(_) => None,
        };
        if sound.is_none() {
            self.document.leave_out(place.clone());
        }
        sound
    }

    fn wrong_type(&mut self, all: &[&Value], value: &Spanned<DeValue<'_>>, place: &KeyPath) -> Option<Value> {
        self.document.leave_out(place.clone());
        let found = type_of(value.get_ref());
        if all.iter().any(|schema| is(schema, "credential")) {
            self.written_credential(value.span());
            return None;
        }
        let expected: Vec<String> = all.iter().map(|schema| describe(schema)).collect();
        let help = match value.get_ref() {
            DeValue::Integer(number) if all.iter().any(|schema| is(schema, "duration")) => {
                format!("write \"{}s\" for seconds, or use ms, m, h, d", number.as_str())
            }
            DeValue::String(text) if all.iter().any(|schema| is_list(schema)) => format!("put it in a list: [{text:?}]"),
            _ => format!("write {}", expected.join(", or ")),
        };
        self.error(value.span(), format!("{} must be {}, not {found}", place.name(), expected.join(" or ")), help);
        None
    }

    fn written_credential(&mut self, span: Range<usize>) {
        self.diagnostics.redact(span.clone());
        let help = "name the environment variable that holds it: { env = \"NAME\" }";
        self.error(span, "a credential does not belong in this file".to_owned(), help.to_owned());
    }

    fn text(&mut self, fitting: &[&Value], text: &str, span: Range<usize>, place: &KeyPath) -> Option<Value> {
        if fitting.iter().all(|schema| is(schema, "simulated")) && !text.starts_with(SIMULATED) {
            self.written_credential(span);
            return None;
        }
        let allowed: Vec<&str> = fitting.iter().flat_map(|schema| constants(schema)).collect();
        if !allowed.is_empty() && !allowed.contains(&text) {
            let help = match nearest(text, &allowed) {
                Some(meant) => format!("did you mean `{meant}`? It can be {}", any_of(&allowed)),
                None => format!("it can be {}", any_of(&allowed)),
            };
            self.error(span, format!("{} cannot be `{}`", place.name(), text.escape_debug()), help);
            return None;
        }
        if fitting.iter().all(|schema| is(schema, "duration"))
            && let Err(error) = parse_duration(text)
        {
            let (message, help) = duration_advice(&error);
            self.error(span, message, help);
            return None;
        }
        if fitting.iter().all(|schema| is(schema, SHARE) || is(schema, PERCENT)) {
            let Some(percent) = parse_percentage(text) else {
                let message = format!("\"{}\" is not a percentage", text.escape_debug());
                self.error(span, message, "write one like \"5%\", from 0 to 100".to_owned());
                return None;
            };
            let number = if is(fitting[0], SHARE) { percent / 100.0 } else { percent };
            return Number::from_f64(number).map(Value::Number);
        }
        Some(Value::String(text.to_owned()))
    }

    fn number(&mut self, schema: &Value, number: Option<Number>, value: &Spanned<DeValue<'_>>, place: &KeyPath) -> Option<Value> {
        let (low, high) = bounds(schema);
        let help = |high| match (low, high) {
            (Some(low), Some(high)) => format!("it is {} from {low} to {high}", describe(schema)),
            (Some(low), None) => format!("it is {}, {low} or more", describe(schema)),
            _ => format!("it is {}", describe(schema)),
        };
        let Some(number) = number else {
            self.error(value.span(), format!("{} is out of range", place.name()), help(high));
            return None;
        };
        let size = number.as_f64().unwrap_or(f64::NAN);
        if let Some((message, help)) = doubtful_unit(schema, size) {
            self.error(value.span(), message, help);
            return None;
        }
        let (wrong, help) = match (low, high.or(widest(schema))) {
            (Some(low), _) if low >= 0.0 && size < 0.0 => ("cannot be negative", help(high)),
            (Some(low), _) if size < low => ("is too small", help(high)),
            // The widest that the type holds is worth a word only to someone who went beyond it.
            (_, widest @ Some(most)) if size > most => ("is too large", help(widest)),
            _ => return Some(Value::Number(number)),
        };
        self.error(value.span(), format!("{} {wrong}", place.name()), help);
        None
    }

    fn array(&mut self, schema: &'a Value, array: &DeArray<'_>, span: Range<usize>, place: &KeyPath) -> Option<Value> {
        if let Some(length) = schema.get("minItems").and_then(Value::as_u64)
            && array.len() as u64 != length
        {
            self.error(span, format!("expected {length} values, found {}", array.len()), format!("write {}", describe(schema)));
            return None;
        }
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        let mut kept = Vec::new();
        let mut sound = Vec::new();
        for (index, item) in array.iter().enumerate() {
            if let Some(value) = self.value(items, item, &place.item(index)) {
                kept.push(index);
                sound.push(value);
            }
        }
        if kept.len() == array.len() {
            return Some(Value::Array(sound));
        }
        if schema.get("minItems").is_some() {
            return None;
        }
        self.document.keep(place.clone(), kept);
        Some(Value::Array(sound))
    }

    fn table(&mut self, fitting: &[&'a Value], table: &DeTable<'_>, span: Range<usize>, place: &KeyPath) -> Option<Value> {
        let Some(schema) = meant_table(fitting, table) else {
            self.no_such_table(fitting, table, span);
            return None;
        };
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            return Some(self.map(values, table, place));
        }
        // Of the whole file, whatever is right is used; any other table needs all of its required keys.
        let is_file = place == &KeyPath::default();
        let mut sound = Map::new();
        let mut usable = true;
        let mut misspelt = Vec::new();
        for (key, value) in table {
            let key_place = place.key(key.get_ref());
            if let Some(property) = property(schema, key.get_ref()) {
                match self.value(property, value, &key_place) {
                    Some(value) => drop(sound.insert(key.get_ref().to_string(), value)),
                    None => usable &= is_file || !required(schema).any(|required| required == key.get_ref()),
                }
            } else {
                self.document.leave_out(key_place);
                let meant = self.unknown_key(key, &keys(schema)).filter(|meant| !table.contains_key(*meant));
                meant.iter().for_each(|meant| self.document.leave_out(place.key(meant)));
                misspelt.extend(meant);
            }
        }
        let otherwise = schema.get("else").filter(|_| !holds(schema.get("if"), table));
        for key in required(schema).chain(otherwise.into_iter().flat_map(required)).filter(|key| !table.contains_key(*key)) {
            let help = match property(schema, key).and_then(|property| property.get("description")) {
                Some(Value::String(text)) => format!("add `{key} = …`: {}", text.replace('\n', " ")),
                _ => format!("add `{key} = …`"),
            };
            // Of a key that is there in other letters, that has been said.
            if !misspelt.contains(&key) {
                self.error(span.clone(), format!("`{key}` is missing"), help);
            }
            self.document.leave_out(place.key(key));
            usable &= is_file;
        }
        usable.then_some(Value::Object(sound))
    }

    /// None of several kinds of tables was meant.
    fn no_such_table(&mut self, fitting: &[&Value], table: &DeTable<'_>, span: Range<usize>) {
        let known: Vec<&str> = fitting.iter().flat_map(|schema| keys(schema)).collect();
        for key in table.keys() {
            self.unknown_key(key, &known);
        }
        if table.is_empty() {
            self.error(span, "this table is empty".to_owned(), format!("its key is {}", any_of(&known)));
        }
    }

    /// A table whose keys are free, such as thresholds and headers.
    fn map(&mut self, values: &'a Value, table: &DeTable<'_>, place: &KeyPath) -> Value {
        let mut sound = Map::new();
        for (key, value) in table {
            if let Some(value) = self.value(values, value, &place.key(key.get_ref())) {
                sound.insert(key.get_ref().to_string(), value);
            }
        }
        Value::Object(sound)
    }

    /// Gives the key that was meant, where one is near.
    fn unknown_key<'k>(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, known: &[&'k str]) -> Option<&'k str> {
        let meant = nearest(key.get_ref(), known);
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys here are {}", all_of(known)),
        };
        self.error(key.span(), format!("there is no key `{}` here", key.get_ref().escape_debug()), help);
        meant
    }

    fn error(&mut self, span: Range<usize>, message: String, help: String) {
        self.diagnostics.add(Severity::Error, span, message, help);
    }

    /// The schemas that a value may follow, with references and choices resolved.
    fn alternatives(&self, schema: &'a Value) -> Vec<&'a Value> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(reference.trim_start_matches('#'));
            return target.map_or_else(Vec::new, |target| self.alternatives(target));
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(branches) = schema.get(choice).and_then(Value::as_array) {
                return branches.iter().flat_map(|branch| self.alternatives(branch)).collect();
            }
        }
        vec![schema]
    }
}

fn fits(schema: &Value, value: &DeValue<'_>) -> bool {
    match (schema.get("type").and_then(Value::as_str), value) {
        (Some("string"), DeValue::String(_))
        | (Some("integer" | "number"), DeValue::Integer(_))
        | (Some("number"), DeValue::Float(_))
        | (Some("boolean"), DeValue::Boolean(_))
        | (Some("array"), DeValue::Array(_))
        | (Some("object"), DeValue::Table(_)) => true,
        // A constant without a type is a text here.
        (None, DeValue::String(_)) => schema.get("const").is_some() || schema.get("enum").is_some(),
        _ => false,
    }
}

/// What is asked back about a number that has its meaning in another unit: 0.95 for a percentile, 30 for a share.
fn doubtful_unit(schema: &Value, size: f64) -> Option<(String, String)> {
    let below_one = size > 0.0 && size < 1.0;
    if is(schema, SHARE) && size > 1.0 && size <= 100.0 {
        let message = format!("a share is a number from 0 to 1, and {size} is more than all");
        return Some((message, format!("if {size} % is meant, write \"{size}%\" or {}", size / 100.0)));
    }
    if is(schema, PERCENT) && below_one {
        let message = format!("{size} counts in percent here: is {size} % meant, or {} %?", percent_of(size));
        return Some((message, format!("write \"{size}%\" or \"{}%\"", percent_of(size))));
    }
    if is(schema, "percentile") && below_one {
        return Some((percentile_like_a_share(size), format!("if the {0}th is meant, write {0}", percent_of(size))));
    }
    None
}

fn is(schema: &Value, mark: &str) -> bool {
    schema.get("x-is").and_then(Value::as_str) == Some(mark)
}

fn constants(schema: &Value) -> Vec<&str> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(Value::String(only)), _) => vec![only],
        (_, Some(Value::Array(several))) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn property<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    schema.get("properties").and_then(|properties| properties.get(key))
}

pub(super) fn keys(schema: &Value) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a table has the keys that a condition names.
fn holds(condition: Option<&Value>, table: &DeTable<'_>) -> bool {
    condition.is_some_and(|condition| required(condition).all(|key| table.contains_key(key)))
}

/// Among several kinds of tables, the one that has a key in common with `table`.
fn meant_table<'a>(fitting: &[&'a Value], table: &DeTable<'_>) -> Option<&'a Value> {
    match fitting {
        [only] => Some(only),
        several => several.iter().copied().find(|schema| table.keys().any(|key| property(schema, key.get_ref()).is_some())),
    }
}

/// The bounds of a number that the schema states.
fn bounds(schema: &Value) -> (Option<f64>, Option<f64>) {
    let bound = |key| schema.get(key).and_then(Value::as_f64);
    (bound("minimum"), bound("maximum"))
}

/// The most that a number's format (`uint16`, `uint32`) can hold.
fn widest(schema: &Value) -> Option<f64> {
    match schema.get("format").and_then(Value::as_str) {
        Some("uint16") => Some(f64::from(u16::MAX)),
        Some("uint32") => Some(f64::from(u32::MAX)),
        Some("int32") => Some(f64::from(i32::MAX)),
        _ => None,
    }
}

fn is_list(schema: &Value) -> bool {
    schema.get("type").is_some_and(|name| name == "array")
}

/// What a schema asks for, in words.
fn describe(schema: &Value) -> String {
    if is(schema, "duration") {
        return "a duration like \"30s\"".to_owned();
    }
    if is(schema, "credential") {
        return "{ env = \"NAME\" }".to_owned();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") | None => match constants(schema).as_slice() {
            [] => "a text".to_owned(),
            several => any_of(several),
        },
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => match schema.get("minItems").and_then(Value::as_u64) {
            Some(2) => "a list of two, [from, to]".to_owned(),
            _ => "a list".to_owned(),
        },
        Some(_) => {
            let keys: Vec<&str> = required(schema).collect();
            match keys.as_slice() {
                [] => "a table".to_owned(),
                keys => format!("a table {{ {} = … }}", keys.join(" = …, ")),
            }
        }
    }
}

/// A duration's error says both what is wrong and what would be right.
fn duration_advice(error: &DurationError) -> (String, String) {
    let text = error.to_string();
    match text.split_once(": ") {
        Some((message, help)) => (message.to_owned(), help.to_owned()),
        None => (text, "write one like \"30s\", \"2m\" or \"1h30m\"".to_owned()),
    }
}
