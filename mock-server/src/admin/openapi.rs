//! The OpenAPI document, made from the same table as the router.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::operation::{Call, Operation};
use super::reply::Json;
use crate::refusal::{Errors, Refusal};

pub(super) async fn show(call: Call) -> Result<Json<Value>, Refusal> {
    Ok(Json(call.context.document.clone()))
}

/// What every operation may refuse, whatever it does.
const COMMON: [(u16, &str); 2] = [
    (401, "The token is missing or wrong (only where the admin API has one)."),
    (403, "The Host is not this machine's loopback address (only without a token), or the Origin is another site."),
];
/// What operations that read a body may refuse.
const OF_BODIES: [(u16, &str); 3] =
    [(400, "The body is not JSON, or incomplete."), (408, "The body did not come in time."), (413, "The body is too large.")];
/// What operations with a query or a body may refuse.
const OF_FIELDS: (u16, &str) =
    (422, "A field is unknown, of the wrong type or makes no sense; all problems are reported at once.");

/// The document of these operations, OpenAPI 3.1.
pub(super) fn document(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| Value::Object(Map::new()));
        path[operation.verb.name] = described(operation, &mut generator);
    }
    let errors = generator.subschema_for::<Errors>();
    let refusal = json!({"description": "Refused.", "content": {"application/json": {"schema": errors}}});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Simulated vendors: admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Faults, state and ledger of the simulated Clay and Customer.io.",
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": {"Refused": refusal},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        // Where it has no token, none is asked for.
        "security": [{}, {"token": []}],
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let body = (operation.body)(generator);
    let mut described = json!({
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters(operation, generator),
        "responses": responses(operation, generator),
    });
    if let Some((required, schema)) = body {
        described["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": schema}}});
    }
    described
}

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let answer = operation.answer;
    let mut good = json!({"description": answer.description});
    if let Some((content_type, schema)) = answer.content {
        good["content"] = json!({content_type: {"schema": schema(generator)}});
    }
    responses.insert(answer.status.to_string(), good);
    for (status, why) in COMMON.iter().chain(&OF_BODIES).chain([&OF_FIELDS]).chain(operation.refuses) {
        let refused = json!({"$ref": "#/components/responses/Refused", "description": why});
        responses.insert(status.to_string(), refused);
    }
    Value::Object(responses)
}

fn parameters(operation: &Operation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})).collect();
    if operation.takes_query {
        let schema = (operation.query)(generator);
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        let properties = name.and_then(|name| generator.definitions().get(name)).and_then(|schema| schema.get("properties"));
        for (name, schema) in properties.and_then(Value::as_object).into_iter().flatten() {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            parameters.push(json!({"name": name, "in": "query", "description": description, "schema": schema}));
        }
    }
    parameters
}
