//! The JSON Schema of test plans.

use serde_json::{Value, json};

use super::raw::RawTestPlan;
use crate::config::schema_of;

/// The JSON Schema of test plans.
pub fn json_schema() -> Value {
    let mut schema = schema_of::<RawTestPlan>();
    // What the one scenario of a file needs, `[scenarios]` have each for itself.
    const NEEDED: [&str; 2] = ["executor", "journeys"];
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|key| !NEEDED.iter().any(|needed| key == needed));
    }
    schema["if"] = json!({ "required": ["scenarios"] });
    schema["else"] = json!({ "required": NEEDED });
    schema
}
