//! Reading what a request says, strictly: a misspelt field that is accepted in silence is a fault that quietly does nothing.
//!
//! Malformed JSON is 400 with its line and column; an unknown field 422 with the nearest known name; a wrong type 422 with the
//! path of its field. Known names come from the same schema that the OpenAPI document shows.

use http::StatusCode;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::unknown::nearest;
use crate::refusal::{Problem, Refusal};
use crate::text::without_mark;

/// A JSON body.
pub(super) fn body<T: DeserializeOwned + JsonSchema>(bytes: &[u8]) -> Result<T, Refusal> {
    let bytes = without_mark(bytes);
    let value: Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error, bytes))?;
    let Value::Object(fields) = &value else {
        return Err(Refusal::unprocessable(vec![Problem::new("the body must be one JSON object")]));
    };
    typed(fields, "field", value.clone())
}

/// A query string.
pub(super) fn query<T: DeserializeOwned + JsonSchema>(text: &str) -> Result<T, Refusal> {
    let schema = schema_for!(T);
    let mut fields = Map::new();
    let mut problems = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let value = converted(&schema, &name, &value);
        if fields.insert(name.to_string(), value).is_some() {
            problems.push(Problem::of(name, "is given twice"));
        }
    }
    if !problems.is_empty() {
        return Err(Refusal::unprocessable(problems));
    }
    typed(&fields, "query parameter", Value::Object(fields.clone()))
}

fn typed<T: DeserializeOwned + JsonSchema>(fields: &Map<String, Value>, what: &str, value: Value) -> Result<T, Refusal> {
    let schema = schema_for!(T);
    let known = names(&schema);
    let unknown: Vec<Problem> = fields
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| Problem::of(name, format!("there is no {what} `{name}` here")).help(nearest(name, &known)))
        .collect();
    if !unknown.is_empty() {
        return Err(Refusal::unprocessable(unknown));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        // At the top the path is a dot: a missing field, whose name is in the message.
        Refusal::unprocessable(vec![if path == "." { Problem::new(message) } else { Problem::of(path, message) }])
    })
}

fn malformed(error: &serde_json::Error, bytes: &[u8]) -> Refusal {
    let text = error.to_string();
    // Line and column follow separately.
    let what = text.split(" at line ").next().unwrap_or(&text);
    let message = match bytes {
        [] => "the body is empty".to_owned(),
        _ => format!("the body is not JSON: {what} at line {}, column {}", error.line(), error.column()),
    };
    Refusal::new(StatusCode::BAD_REQUEST, Problem::new(message))
}

fn names(schema: &Schema) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// A query's text as what its schema asks for; left as it is where it is something else, for the type check to say so.
fn converted(schema: &Schema, name: &str, text: &str) -> Value {
    let types = schema.get("properties").and_then(|all| all.get(name)).and_then(|property| property.get("type"));
    let is = |wanted: &str| match types {
        Some(Value::String(only)) => only == wanted,
        Some(Value::Array(several)) => several.iter().any(|one| one == wanted),
        _ => false,
    };
    let read = match text {
        "true" | "false" if is("boolean") => Some(Value::Bool(text == "true")),
        _ if is("integer") => text.parse::<u64>().ok().map(Value::from),
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Form {
        name: String,
        #[serde(default)]
        routes: Vec<String>,
        limit: Option<u32>,
        follow: Option<bool>,
    }

    fn refused(bytes: &[u8]) -> (u16, Vec<Problem>) {
        let refusal = body::<Form>(bytes).unwrap_err();
        (refusal.status.as_u16(), refusal.errors)
    }

    #[test]
    fn good_bodies_and_queries_are_read() {
        let form = Form { name: "a b".to_owned(), routes: Vec::new(), limit: Some(3), follow: Some(true) };
        assert_eq!(body::<Form>(br#"{"name":"a b","limit":3,"follow":true}"#).unwrap(), form);
        assert_eq!(query::<Form>("name=a%20b&limit=3&follow=true").unwrap(), form);
    }

    #[test]
    fn malformed_json_is_reported_with_its_place() {
        let (status, errors) = refused(b"{\n  \"name\": }");
        assert_eq!(status, 400);
        assert_eq!(errors[0].message, "the body is not JSON: expected value at line 2, column 11");
        assert_eq!(refused(b"").1[0].message, "the body is empty");
        assert_eq!(refused(b"{\"name\":\"\xff\"}").0, 400);
    }

    #[test]
    fn unknown_fields_are_reported_with_the_nearest_name_and_all_at_once() {
        let (status, errors) = refused(br#"{"nmae":"x","limt":1}"#);
        assert_eq!(status, 422);
        assert_eq!(errors.iter().filter_map(|error| error.field.as_deref()).collect::<Vec<_>>(), ["limt", "nmae"]);
        assert_eq!(errors[1].help.as_deref(), Some("did you mean `name`? There are follow, limit, name, routes"));
        let refusal = query::<Form>("name=x&folow=true").unwrap_err();
        assert!(refusal.errors[0].help.as_deref().unwrap().contains("`follow`"));
    }

    #[test]
    fn wrong_types_are_reported_with_their_path() {
        let (status, errors) = refused(br#"{"name":"x","routes":["a",1]}"#);
        assert_eq!((status, errors[0].field.as_deref()), (422, Some("routes[1]")));
        assert_eq!(refused(b"[]").0, 422);
        let refusal = query::<Form>("name=x&limit=ten").unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.errors[0].field.as_deref()), (422, Some("limit")));
        assert!(query::<Form>("name=x&name=y").unwrap_err().errors[0].message.contains("twice"));
        assert!(body::<Form>(b"{}").unwrap_err().errors[0].message.contains("`name`"));
    }
}
