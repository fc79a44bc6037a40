//! What is broken, and when: the simulator's own form, with a place on the timetable.

use std::borrow::Cow;

use mock_server::fault::form::FaultForm;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

/// One fault. Which keys it takes beside the common ones depends on its kind.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct RawFault(pub(crate) FaultForm);

/// Keys that a fault added by hand may leave out, and one of a scenario may not: a load begins and ends.
const NEEDED: [&str; 2] = ["at", "lasts"];

impl JsonSchema for RawFault {
    fn schema_name() -> Cow<'static, str> {
        "RawFault".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = FaultForm::json_schema(generator);
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.extend(NEEDED.map(|key| json!(key)));
        }
        let place = [("at", "When it begins, from the start of the load."), ("lasts", "How long it lasts.")];
        for (key, description) in place {
            if let Some(property) = schema.get_mut("properties").and_then(|properties| properties.get_mut(key)) {
                property["description"] = json!(description);
            }
        }
        schema
    }
}
