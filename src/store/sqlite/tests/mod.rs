//! What is this store's own. What every store promises is asked of it in `tests/stores`.

mod files;
mod flips;
mod full_disk;
mod gone;
mod grouping;
mod names;
mod poison;
mod versions;
mod windows;

use std::path::{Path, PathBuf};

use mock_server::json::Json;
use serde_json::json;
use tempfile::TempDir;

use crate::resilience::{Operation, OperationKind, idempotency_key};
use crate::store::{Bounds, NewLead};

use super::SqliteStore;

/// A directory and a file in it that is not there yet.
fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("leads.db");
    (dir, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Bounds::default().into()).expect("a file to write")
}

/// A lead as the service makes them.
fn lead(number: u64) -> NewLead {
    lead_of_size(number, 10)
}

fn lead_of_size(number: u64, bytes: usize) -> NewLead {
    let key = format!("{number:064x}");
    let user = format!("user-{number}");
    let data = Json::from(json!({ "email": format!("{user}@acme.test"), "note": "x".repeat(bytes) }));
    let operations = [OperationKind::Enrich, OperationKind::Identify, OperationKind::Track].map(|kind| Operation {
        kind,
        user: user.clone(),
        data: data.clone(),
        key: idempotency_key(kind, &key, &json!({}).into()),
        lead: Some(key.clone()),
        caller: 0,
        due: None,
    });
    NewLead { key, user, data, operations: operations.to_vec() }
}
