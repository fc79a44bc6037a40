//! A lead as the operations that the vendors are asked for.

use serde_json::{Value, json};

use super::leads::Lead;
use crate::resilience::{Operation, OperationKind, idempotency_key};

/// Post the lead to Clay's webhook source.
pub(super) fn enrich(lead: &Lead) -> Operation {
    operation(OperationKind::Enrich, &lead.user, lead.data.clone())
}

/// Create or update the person at Customer.io.
pub(super) fn identify(lead: &Lead) -> Operation {
    operation(OperationKind::Identify, &lead.user, lead.data.clone())
}

/// Record at Customer.io that the lead came in.
pub(super) fn track(lead: &Lead) -> Operation {
    operation(OperationKind::Track, &lead.user, json!({ "name": "lead_received", "data": lead.data }))
}

fn operation(kind: OperationKind, user: &str, data: Value) -> Operation {
    let key = idempotency_key(kind, user, &data);
    Operation { kind, user: user.to_owned(), data, key }
}
