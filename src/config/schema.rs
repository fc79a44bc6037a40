//! The JSON Schema of a file, generated from its raw types: what editors complete from, and what the structure of a file is
//! checked against. So the two cannot disagree.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::outcome::Vendor;

/// The JSON Schema of files that `T` reads.
pub fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with_transform(WithoutNull);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// The schema of a table with these keys: what each means, and the schema of its value.
pub(crate) fn table_schema<'a>(keys: impl Iterator<Item = (&'a str, String, Schema)>) -> Schema {
    let mut properties = Map::new();
    for (key, about, mut schema) in keys {
        schema.insert("description".to_owned(), about.into());
        properties.insert(key.to_owned(), schema.to_value());
    }
    json_schema!({ "type": "object", "properties": properties })
}

/// The schema of a table with a key for each vendor, about which `about` says something by its name in prose.
pub(crate) fn vendors_schema<T: JsonSchema>(generator: &mut SchemaGenerator, about: impl Fn(&str) -> String) -> Schema {
    let key = |vendor: Vendor| (vendor.as_str(), about(vendor.display_name()), generator.subschema_for::<Option<T>>());
    table_schema(Vendor::ALL.into_iter().map(key))
}

/// Takes the default values out of a table's schema: its texts name them, in the form in which they are written.
pub(crate) fn without_defaults(schema: &mut Schema) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        property.remove("default");
    }
}

/// TOML has no null: an optional key is left out instead.
#[derive(Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
            branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
            if let [Value::Object(only)] = branches.as_slice() {
                let only = only.clone();
                schema.remove("anyOf");
                // Beside a `$ref`, draft 7 ignores everything else, the key's own description too.
                schema.insert("allOf".to_owned(), Value::Array(vec![Value::Object(only)]));
            }
        }
        transform_subschemas(self, schema);
    }
}
