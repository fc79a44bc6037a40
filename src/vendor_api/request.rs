//! One operation as one HTTP request, the same for every attempt.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::endpoints::Endpoints;
use crate::resilience::{Operation, OperationKind};

/// The field of Clay's row that holds the operation's key: a table can be set to ignore rows whose value is there already.
pub const IDEMPOTENCY_KEY_FIELD: &str = "idempotency_key";
/// The field of Clay's row that holds the key of the lead, for operations that belong to one: Clay sends the row back when it
/// is enriched, and by this field the callback finds its lead.
pub const LEAD_FIELD: &str = "plimsoll_lead";
/// Fields of a lead's data that would be overwritten in Clay's row.
pub const RESERVED_FIELDS: [&str; 2] = [IDEMPOTENCY_KEY_FIELD, LEAD_FIELD];

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const WEBHOOK_TOKEN: HeaderName = HeaderName::from_static("x-clay-webhook-auth");

/// The route that an operation's request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// Clay's webhook source.
    Webhook,
    /// PUT of a customer.
    Identify,
    /// POST of a customer's event.
    Track,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Identify, Self::Track];

    /// The route of an operation.
    pub fn of(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Enrich => Self::Webhook,
            OperationKind::Identify => Self::Identify,
            OperationKind::Track => Self::Track,
        }
    }

    /// The name used in samples and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "clay.webhook",
            Self::Identify => "customer_io.identify",
            Self::Track => "customer_io.track",
        }
    }
}

/// The request of an operation; `None` where its endpoint is not named, or its user makes no URL.
pub fn request(endpoints: &Endpoints, operation: &Operation) -> Option<Request<Full<Bytes>>> {
    let mut request = match operation.kind {
        OperationKind::Enrich => enrich(endpoints, operation),
        OperationKind::Identify => {
            let uri = customer(endpoints, &operation.user, "")?;
            Some(authorised(endpoints, json(Method::PUT, uri, &operation.data)))
        }
        OperationKind::Track => {
            let uri = customer(endpoints, &operation.user, "/events")?;
            Some(authorised(endpoints, json(Method::POST, uri, &event(operation))))
        }
    }?;
    // No vendor documents it, and it does no harm: it joins a vendor's log to an operation.
    if let Ok(key) = HeaderValue::from_str(&operation.key) {
        request.headers_mut().insert(IDEMPOTENCY_KEY, key);
    }
    Some(request)
}

fn enrich(endpoints: &Endpoints, operation: &Operation) -> Option<Request<Full<Bytes>>> {
    let mut request = json(Method::POST, endpoints.clay_webhook.clone()?, &row(operation));
    if let Some(token) = &endpoints.clay_webhook_token {
        request.headers_mut().insert(WEBHOOK_TOKEN, token.clone());
    }
    Some(request)
}

/// The lead as Clay's row, with the key by which the table ignores a copy.
fn row(operation: &Operation) -> Value {
    let Value::Object(fields) = &operation.data else { return operation.data.clone() };
    let mut row = fields.clone();
    row.insert(IDEMPOTENCY_KEY_FIELD.to_owned(), Value::String(operation.key.clone()));
    if let Some(lead) = &operation.lead {
        row.insert(LEAD_FIELD.to_owned(), Value::String(lead.clone()));
    }
    Value::Object(row)
}

/// The event with the `id` by which Customer.io ignores duplicates: the same for every attempt.
fn event(operation: &Operation) -> Value {
    let mut event = operation.data.as_object().cloned().unwrap_or_else(Map::new);
    event.insert("id".to_owned(), Value::String(ulid(&operation.key)));
    Value::Object(event)
}

fn customer(endpoints: &Endpoints, user: &str, rest: &str) -> Option<Uri> {
    let base = endpoints.customer_io.as_deref()?;
    format!("{base}/api/v1/customers/{}{rest}", utf8_percent_encode(user, NON_ALPHANUMERIC)).parse().ok()
}

fn authorised(endpoints: &Endpoints, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    if let Some(value) = &endpoints.customer_io_authorization {
        request.headers_mut().insert(AUTHORIZATION, value.clone());
    }
    request
}

fn json(method: Method, uri: Uri, body: &Value) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    request.headers_mut().insert(CONTENT_TYPE, JSON);
    request
}

/// A ULID (26 digits of Crockford's base 32, 128 bits) from the first 128 bits of a key in hex.
fn ulid(key: &str) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = key.get(..32).and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(0);
    (0..26).rev().map(|digit| char::from(DIGITS[((bits >> (digit * 5)) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use mock_server::settings::SimulationSettings;
    use serde_json::json;

    use super::*;

    async fn sent(operation: &Operation) -> (String, Value) {
        let endpoints = Endpoints::simulated("http://127.0.0.1:1", "http://127.0.0.1:2", &SimulationSettings::default());
        let (head, body) = request(&endpoints.unwrap(), operation).unwrap().into_parts();
        assert_eq!(head.headers["idempotency-key"], operation.key.as_str());
        let body = body.collect().await.unwrap().to_bytes();
        (format!("{} {}", head.method, head.uri), serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn an_event_id_is_a_ulid_and_follows_the_key() {
        let first = ulid(&"ff".repeat(32));
        assert_eq!(first, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_ne!(ulid(&"0a".repeat(32)), first);
    }

    #[tokio::test]
    async fn each_kind_is_the_request_that_its_vendor_documents() {
        let mut enrich = Operation::new(OperationKind::Enrich, "ada", json!({"email": "ada@acme.test"}));
        enrich.lead = Some("1234".to_owned());
        let (line, row) = sent(&enrich).await;
        assert!(line.starts_with("POST http://127.0.0.1:1/v3/sources/webhook/"), "{line}");
        assert_eq!(row, json!({"email": "ada@acme.test", "idempotency_key": enrich.key, "plimsoll_lead": "1234"}));

        let identify = Operation::new(OperationKind::Identify, "ada@acme.test/?", json!({"plan": "pro"}));
        let (line, attributes) = sent(&identify).await;
        assert_eq!(line, "PUT http://127.0.0.1:2/api/v1/customers/ada%40acme%2Etest%2F%3F");
        assert_eq!(attributes, json!({"plan": "pro"}));

        let track = Operation::new(OperationKind::Track, "ada", json!({"name": "lead_received"}));
        let (line, event) = sent(&track).await;
        assert_eq!(line, "POST http://127.0.0.1:2/api/v1/customers/ada/events");
        assert_eq!(event, json!({"name": "lead_received", "id": ulid(&track.key)}));
    }

    #[test]
    fn nothing_is_sent_to_an_endpoint_that_is_not_named() {
        for kind in [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track] {
            assert!(request(&Endpoints::default(), &Operation::new(kind, "ada", json!({}))).is_none());
        }
    }
}
