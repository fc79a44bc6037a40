//! One operation as one HTTP request, the same for every attempt.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use mock_server::json::Json;

use super::endpoints::Endpoints;
use crate::outcome::Payload;
use crate::resilience::Operation;

/// The field of Clay's row that holds the operation's key: a table can be set to ignore rows whose value is there already.
pub const IDEMPOTENCY_KEY_FIELD: &str = "idempotency_key";
/// The field of Clay's row that holds the key of the lead, for operations that belong to one: Clay sends the row back when it
/// is enriched, and by this field the callback finds its lead.
pub const LEAD_FIELD: &str = "plimsoll_lead";
/// Fields of a lead's data that would be overwritten in Clay's row.
pub const RESERVED_FIELDS: [&str; 2] = [IDEMPOTENCY_KEY_FIELD, LEAD_FIELD];

/// The header that carries an operation's key, or a lead's.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The request of an operation; `None` where its endpoint is not named, or its user makes no URL.
pub fn request(endpoints: &Endpoints, operation: &Operation) -> Option<Request<Full<Bytes>>> {
    let body = match operation.kind.payload() {
        Payload::Data => operation.data.to_string(),
        Payload::Row => row(operation).to_string(),
        Payload::Event => event(operation).to_string(),
    };
    let mut request = endpoints.request(operation.kind.route(), &operation.user, body)?;
    // No vendor documents it, and it does no harm: it joins a vendor's log to an operation.
    if let Ok(key) = HeaderValue::from_str(&operation.key) {
        request.headers_mut().insert(IDEMPOTENCY_KEY, key);
    }
    Some(request)
}

/// The lead as Clay's row, with the key by which the table ignores a copy.
fn row(operation: &Operation) -> Json {
    let lead = operation.lead.as_deref().map(|lead| (LEAD_FIELD, lead));
    let written: Vec<_> = std::iter::once((IDEMPOTENCY_KEY_FIELD, &*operation.key)).chain(lead).collect();
    operation.data.with(&written)
}

/// The event with the `id` by which Customer.io ignores duplicates: the same for every attempt.
fn event(operation: &Operation) -> Json {
    operation.data.with(&[("id", &ulid(&operation.key))])
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
    use mock_server::fault::SimulatedVendor;
    use mock_server::settings::SimulationSettings;
    use serde_json::{Value, json};

    use super::*;
    use crate::outcome::OperationKind;
    use crate::vendor_api::VendorAccess;

    async fn sent(operation: &Operation) -> (String, Value) {
        let url = |vendor| if vendor == SimulatedVendor::Clay { "http://127.0.0.1:1" } else { "http://127.0.0.1:2" };
        let access = VendorAccess::simulated(url, &SimulationSettings::default()).unwrap();
        let (head, body) = request(&Endpoints::of(&access).unwrap(), operation).unwrap().into_parts();
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
        for kind in OperationKind::ALL {
            assert!(request(&Endpoints::default(), &Operation::new(kind, "ada", json!({}))).is_none());
        }
    }
}
