//! A lead as the operations that the vendors are asked for.

use std::time::Duration;

use serde_json::json;

use super::leads::Lead;
use crate::resilience::{Operation, OperationKind, idempotency_key};

/// The operation of a kind for a lead, for the journey of this number.
pub(super) fn of(kind: OperationKind, lead: &Lead, caller: u16, due: Option<Duration>) -> Operation {
    let data = match kind {
        OperationKind::Enrich | OperationKind::Identify => lead.data.clone(),
        OperationKind::Track => json!({ "name": "lead_received", "data": lead.data }),
    };
    let key = idempotency_key(kind, &lead.user, &data);
    Operation { kind, user: lead.user.clone(), data, key, lead: None, caller, due }
}
