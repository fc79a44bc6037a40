//! The store on a real Redis server, which each case starts and may kill.

mod away;
mod clock;
mod opening;
mod poison;
mod promises;
mod proxy;
mod replicas;
mod server;

use plimsoll::store::redis::{RedisSettings, RedisStore};
use plimsoll::store::{Bounds, LeadStore};

use crate::conformance::Stand;
pub(crate) use server::Server;

pub(crate) struct OnRedis {
    server: Server,
    settings: RedisSettings,
    store: RedisStore,
}

impl Stand for OnRedis {
    type Store = RedisStore;

    async fn open(bounds: Bounds) -> Option<Self> {
        let server = Server::start()?;
        let settings = RedisSettings { bounds, ..server.settings() };
        let store = RedisStore::open(&settings).await.expect("a server that keeps its promises");
        Some(Self { server, settings, store })
    }

    fn store(&self) -> RedisStore {
        self.store.clone()
    }

    async fn reopen(self) -> Self {
        self.store.close().await.expect("a working store");
        drop(self.store);
        let mut server = self.server;
        server.kill();
        server.restart();
        let store = RedisStore::open(&self.settings).await.expect("a server that keeps its promises");
        Self { server, settings: self.settings, store }
    }
}
