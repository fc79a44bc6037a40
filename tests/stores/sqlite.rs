//! The store in one SQLite file.

use plimsoll::store::sqlite::SqliteStore;
use plimsoll::store::{Bounds, LeadStore};
use tempfile::TempDir;

use crate::conformance::Stand;

pub(crate) struct InSqlite {
    dir: TempDir,
    bounds: Bounds,
    store: SqliteStore,
}

fn open(dir: &TempDir, bounds: Bounds) -> SqliteStore {
    SqliteStore::open(&dir.path().join("leads.db"), bounds.into()).expect("a file to write")
}

impl Stand for InSqlite {
    type Store = SqliteStore;

    const LEASES_OUTLIVE_PROCESSES: bool = false;

    async fn open(bounds: Bounds) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = open(&dir, bounds);
        Some(Self { dir, bounds, store })
    }

    fn store(&self) -> SqliteStore {
        self.store.clone()
    }

    async fn reopen(self) -> Self {
        self.store.close().await.expect("a working store");
        let store = open(&self.dir, self.bounds);
        Self { store, ..self }
    }
}
