//! How the simulated vendors behave while nothing is broken: their own settings, as the simulator writes them, and a port.

use std::borrow::Cow;

use mock_server::settings::{ClaySettings, CustomerIoSettings};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

/// How the simulated vendors behave while nothing is broken.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSimulation {
    /// Clay.
    pub(crate) clay: Option<RawSimulated<ClaySettings>>,
    /// Customer.io.
    pub(crate) customer_io: Option<RawSimulated<CustomerIoSettings>>,
}

/// The settings of a simulated vendor, and its port beside them. Its schema refuses unknown keys, which serde cannot do in a
/// flattened struct.
#[derive(Debug, Deserialize)]
pub(crate) struct RawSimulated<Settings> {
    pub(crate) port: Option<u16>,
    #[serde(flatten)]
    pub(crate) settings: Settings,
}

impl<Settings: JsonSchema> JsonSchema for RawSimulated<Settings> {
    fn schema_name() -> Cow<'static, str> {
        format!("Simulated{}", Settings::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Settings::json_schema(generator);
        let port = json_schema!({
            "type": "integer", "minimum": 1, "maximum": 65535,
            "description": "Its port on 127.0.0.1; any free one when left out.",
        });
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("port".to_owned(), port.to_value());
        }
        schema
    }
}
