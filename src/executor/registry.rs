//! The executors that there are, and how a test plan writes them.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::constant_vus::ConstantVus;
use super::kind::{Executor, Kind};
use super::per_vu_iterations::PerVuIterations;
use super::ramping_vus::RampingVus;
use super::shared_iterations::SharedIterations;
use crate::config::{Checker, KeyPath};

/// Every executor. A new one is its file and its line here.
const KINDS: [Registered; 4] =
    [registered::<RampingVus>(), registered::<ConstantVus>(), registered::<SharedIterations>(), registered::<PerVuIterations>()];

/// Builds an executor from its keys in a table; `None` where a key makes no sense, which has been reported.
type Check = fn(&mut Checker<'_>, &KeyPath, &Map<String, Value>) -> Option<Arc<dyn Executor>>;

struct Registered {
    name: &'static str,
    about: &'static str,
    keys: &'static [&'static str],
    schema: fn(&mut SchemaGenerator) -> Schema,
    check: Check,
}

const fn registered<K: Kind>() -> Registered {
    Registered { name: K::NAME, about: K::ABOUT, keys: K::KEYS, schema: K::Keys::json_schema, check: check::<K> }
}

fn check<K: Kind>(checker: &mut Checker<'_>, table: &KeyPath, keys: &Map<String, Value>) -> Option<Arc<dyn Executor>> {
    let own = K::KEYS.iter().filter_map(|key| Some(((*key).to_owned(), keys.get(*key)?.clone())));
    // The structure has been checked against the schema of these keys: what is not left out can be read.
    let keys = serde_json::from_value(Value::Object(own.collect())).ok()?;
    Some(Arc::new(K::check(checker, table, keys)?))
}

/// The executor's name, as it is written.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ExecutorName(String);

/// The keys of executors that a table has.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct ExecutorKeys(Map<String, Value>);

impl ExecutorKeys {
    /// Every key of an executor.
    pub(crate) fn all() -> impl Iterator<Item = &'static str> {
        KINDS.iter().flat_map(|kind| kind.keys).copied()
    }
}

impl ExecutorName {
    /// The executor with the `keys` of the table at `place`; `None` when they are wrong, which has been reported.
    pub(crate) fn check(&self, checker: &mut Checker<'_>, place: &KeyPath, keys: &ExecutorKeys) -> Option<Arc<dyn Executor>> {
        let kind = KINDS.iter().find(|kind| kind.name == self.0)?;
        let all: Vec<&str> = ExecutorKeys::all().collect();
        checker.refuse_keys(place, &format!("executor `{}`", kind.name), &all, kind.keys);
        (kind.check)(checker, place, &keys.0)
    }
}

impl JsonSchema for ExecutorName {
    fn schema_name() -> Cow<'static, str> {
        "Executor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = KINDS.iter().map(|kind| json!({ "const": kind.name, "description": kind.about, "type": "string" }));
        json_schema!({ "description": "How a load is shaped, in k6's words.", "oneOf": names.collect::<Vec<_>>() })
    }
}

impl JsonSchema for ExecutorKeys {
    fn schema_name() -> Cow<'static, str> {
        "ExecutorKeys".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// The keys of all executors, each with what it means to which of them.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        let mut meanings: Vec<(String, String, Vec<&str>)> = Vec::new();
        for kind in &KINDS {
            let schema = (kind.schema)(generator);
            for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let meaning = property.get("description").and_then(Value::as_str).unwrap_or_default();
                match meanings.iter_mut().find(|(of, known, _)| of == key && known == meaning) {
                    Some((.., kinds)) => kinds.push(kind.name),
                    None => meanings.push((key.clone(), meaning.to_owned(), vec![kind.name])),
                }
                properties.entry(key.clone()).or_insert_with(|| property.clone());
            }
        }
        for (key, property) in &mut properties {
            let of_key = meanings.iter().filter(|(of, ..)| of == key);
            let texts = of_key.map(|(_, meaning, kinds)| format!("`{}`: {meaning}", kinds.join("`, `")));
            property["description"] = texts.collect::<Vec<_>>().join(" ").into();
        }
        json_schema!({ "type": "object", "properties": properties })
    }
}
