//! The JSON Schema of a file, generated from its raw types: what editors complete from, and what the structure of a file is
//! checked against. So the two cannot disagree.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

/// The JSON Schema of files that `T` reads.
pub fn schema_of<T: schemars::JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with_transform(WithoutNull);
    settings.into_generator().into_root_schema_for::<T>().to_value()
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
