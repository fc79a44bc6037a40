//! The store in memory.

use plimsoll::store::Bounds;

use crate::conformance::Stand;
use crate::memory_store::MemoryStore;

pub(crate) struct InMemory(MemoryStore);

impl Stand for InMemory {
    type Store = MemoryStore;

    async fn open(bounds: Bounds) -> Option<Self> {
        Some(Self(MemoryStore::new(bounds)))
    }

    fn store(&self) -> MemoryStore {
        self.0.clone()
    }

    async fn reopen(self) -> Self {
        // It ends with its process: opened again is the same one.
        self
    }
}
