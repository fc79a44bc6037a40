//! The JSON Schema of scenario files.

use serde_json::Value;

use super::raw::RawScenario;
use crate::config::schema_of;

/// The JSON Schema of scenario files.
pub fn json_schema() -> Value {
    schema_of::<RawScenario>()
}
