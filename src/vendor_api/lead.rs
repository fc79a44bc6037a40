//! A lead as the operations that the vendors are asked for, each with a key of its own.

use std::collections::BTreeSet;

use mock_server::json::Json;
use serde::Serialize;
use serde_json::json;

use crate::outcome::{OperationKind, Payload, Route};
use crate::resilience::{Operation, idempotency_key};

/// The field of a follow-up's attributes that says who found them out: `vendor`, `cache` or `local`.
pub const ENRICHED_BY: &str = "enriched_by";

/// The operations of the lead of key `lead`, in their order. A key is made of the lead's and of what is done, so a lead that
/// its submitter gave a key to is the same lead whatever its data says.
pub fn lead_operations(lead: &str, user: &str, data: &Json) -> Vec<Operation> {
    OperationKind::OF_A_LEAD
        .into_iter()
        .map(|kind| Operation {
            kind,
            user: user.to_owned(),
            data: operation_data(kind, data),
            key: operation_key(kind, lead),
            lead: Some(lead.to_owned()),
            caller: 0,
            due: None,
        })
        .collect()
}

/// The keys of `[target]` that the routes of a lead's operations are called with.
pub(crate) fn lead_access_keys() -> BTreeSet<&'static str> {
    OperationKind::OF_A_LEAD.into_iter().map(OperationKind::route).flat_map(Route::keys).map(|(key, _)| key).collect()
}

/// What the operation of this kind holds of a lead that `data` is known of.
pub fn operation_data(kind: OperationKind, data: &Json) -> Json {
    #[derive(Serialize)]
    struct Event<'a> {
        name: &'static str,
        data: &'a Json,
    }
    match kind.payload() {
        Payload::Data | Payload::Row => data.clone(),
        Payload::Event => Json::of(&Event { name: "lead_received", data }),
    }
}

/// The key of a lead's operation.
fn operation_key(kind: OperationKind, lead: &str) -> String {
    idempotency_key(kind, lead, &json!({}).into())
}

/// The operation by which Customer.io learns what was found out about a lead: identify, with these attributes. Its key is of
/// the lead and of what was found out, so that the same finding is reported once.
pub fn finding(lead: &str, user: &str, found: &Json) -> Operation {
    Operation {
        kind: OperationKind::Identify,
        user: user.to_owned(),
        data: found.clone(),
        key: idempotency_key(OperationKind::Identify, lead, found),
        lead: Some(lead.to_owned()),
        caller: 0,
        due: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_of_the_lead_and_of_what_is_done() {
        let first = lead_operations("aa", "ada", &json!({"email": "ada@acme.test"}).into());
        let keys: HashSet<_> = first.iter().map(|operation| operation.key.clone()).collect();
        assert_eq!(keys.len(), 3);
        let other_data = lead_operations("aa", "ada", &json!({}).into());
        assert!(other_data.iter().all(|operation| keys.contains(&operation.key)), "the same lead");
        let other_lead = lead_operations("ab", "ada", &json!({"email": "ada@acme.test"}).into());
        assert!(other_lead.iter().all(|operation| !keys.contains(&operation.key)));
        assert!(first.iter().all(|operation| operation.lead.as_deref() == Some("aa")));
    }

    #[test]
    fn a_finding_is_reported_once_and_is_not_the_first_identify() {
        let found = Json::from(json!({"title": "CTO", ENRICHED_BY: "vendor"}));
        let first = finding("aa", "ada", &found);
        assert_eq!(first.key, finding("aa", "ada", &found).key);
        assert_ne!(first.key, finding("aa", "ada", &json!({"title": "CEO"}).into()).key);
        assert!(lead_operations("aa", "ada", &json!({}).into()).iter().all(|operation| operation.key != first.key));
    }
}
