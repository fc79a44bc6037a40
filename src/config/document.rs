//! The file as TOML, and where in it everything stands.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The way to a value: keys of tables and indexes of arrays.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Item(usize),
}

impl KeyPath {
    /// The value of a key of the whole file.
    pub(crate) fn of(key: &str) -> Self {
        Self::default().key(key)
    }

    /// The value of a key of this table.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// The place of a value within this one, as messages name it: `add.lognormal.p50`, `routes[1]`.
    pub(crate) fn within(&self, field: &str) -> Self {
        field.split('.').fold(self.clone(), |place, part| match part.split_once('[') {
            Some((key, index)) => {
                let list = place.key(key);
                index.trim_end_matches(']').parse().map_or(list.clone(), |index| list.item(index))
            }
            None => place.key(part),
        })
    }

    /// An item of this array.
    pub(crate) fn item(&self, index: usize) -> Self {
        self.with(Step::Item(index))
    }

    /// What a message calls it: the nearest key.
    pub(crate) fn name(&self) -> String {
        let key = self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.escape_debug().to_string()),
            Step::Item(_) => None,
        });
        match (self.0.last(), key) {
            (Some(Step::Item(_)), Some(key)) => format!("a value of `{key}`"),
            (_, Some(key)) => format!("`{key}`"),
            (_, None) => "the file".to_owned(),
        }
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// A parsed file, and what of it had to be left out because it has the wrong structure.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(crate) text: &'a str,
    pub(crate) table: Spanned<DeTable<'a>>,
    /// Values that were left out, by their path.
    left_out: BTreeSet<KeyPath>,
    /// Of arrays with items left out: the index in the file of each that is there.
    kept: BTreeMap<KeyPath, Vec<usize>>,
}

impl<'a> Document<'a> {
    /// Parses `text`; its syntax errors are the second part.
    pub(crate) fn parse(text: &'a str) -> (Self, Vec<toml::de::Error>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        (Self { text, table, left_out: BTreeSet::new(), kept: BTreeMap::new() }, errors)
    }

    /// Notes that a value was left out.
    pub(crate) fn leave_out(&mut self, place: KeyPath) {
        self.left_out.insert(place);
    }

    /// Notes which items of an array were kept.
    pub(crate) fn keep(&mut self, array: KeyPath, indexes: Vec<usize>) {
        self.kept.insert(array, indexes);
    }

    /// Whether something at or below `place` was left out: what depends on all of it cannot be judged.
    pub(crate) fn is_damaged(&self, place: &KeyPath) -> bool {
        self.left_out.iter().any(|left_out| left_out.is_within(place))
    }

    /// Where a value stands; when it is missing, where the nearest thing around it does.
    pub(crate) fn value_span(&self, place: &KeyPath) -> Range<usize> {
        self.find(place).1
    }

    /// Where the key of a value stands; for an item of an array, where the item does.
    pub(crate) fn key_span(&self, place: &KeyPath) -> Range<usize> {
        self.find(place).0
    }

    /// Where a value stands inside its quotes; `None` where escapes make bytes of the text and of the value differ.
    pub(crate) fn string_span(&self, place: &KeyPath, value: &str) -> Option<Range<usize>> {
        inside_quotes(self.text, self.value_span(place), value)
    }

    /// As [`Document::string_span`], for a key, quoted or bare.
    pub(crate) fn key_text_span(&self, place: &KeyPath, key: &str) -> Option<Range<usize>> {
        inside_quotes(self.text, self.key_span(place), key)
    }

    /// Whether a place is in the file, and not left out.
    pub(crate) fn has(&self, place: &KeyPath) -> bool {
        self.find(place).2 && !self.is_damaged(place)
    }

    /// The spans of the key and of the value, and whether they are there; where they are not, the spans of what holds them.
    fn find(&self, place: &KeyPath) -> (Range<usize>, Range<usize>, bool) {
        let mut found = (0..0, 0..0, true);
        let mut table = Some(self.table.get_ref());
        let mut array = None;
        let mut walked = KeyPath::default();
        for step in &place.0 {
            let next = match step {
                Step::Key(key) => {
                    table.and_then(|table| table.get_key_value(key.as_str())).map(|(key, value)| (key.span(), value))
                }
                Step::Item(index) => {
                    let index = self.kept.get(&walked).and_then(|kept| kept.get(*index)).unwrap_or(index);
                    array.and_then(|array: &toml::de::DeArray<'a>| array.get(*index)).map(|value| (value.span(), value))
                }
            };
            let Some((key_span, value)) = next else { return (found.0, found.1, false) };
            found = (key_span, value.span(), true);
            table = value.get_ref().as_table();
            array = value.get_ref().as_array();
            walked = walked.with(step.clone());
        }
        found
    }
}

fn inside_quotes(text: &str, span: Range<usize>, value: &str) -> Option<Range<usize>> {
    for quotes in [1, 0] {
        let inner = span.start + quotes..span.end.saturating_sub(quotes);
        if text.get(inner.clone()) == Some(value) {
            return Some(inner);
        }
    }
    None
}

/// The word for a value's type.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
