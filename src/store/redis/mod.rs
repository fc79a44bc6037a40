//! Leads on a Redis server: the store that several replicas of a service share.
//!
//! A queue in one replica's file waits for that replica; here any of them goes on with what another left. Each change is one
//! script, so it happens as a whole, and none waits for another replica's lock. Leases end by themselves: what a dead replica
//! had comes back. Operations of one user keep their order over all replicas.
//!
//! A lead is acknowledged when the server has synced it to its disk (see [`crate::store::Durability`]). A copy that takes over from a server
//! that died may lack what the server acknowledged last: Redis copies after it answers, and no setting here changes that.
//! All keys are in one slot of a cluster. The server's clock is never read: dates are the callers', so replicas' clocks should
//! differ by less than a lease lasts.
//!
//! While the server is away every operation fails with [`StoreError`](crate::resilience::StoreError) and stays where it was; the
//! connection comes back by itself. An answer that was lost on the way may hide a change that was made: asked for again, nothing
//! happens twice.

mod backlog;
mod counts;
mod lead_store;
mod leases;
mod listing;
mod open;
mod reply;
mod scripts;
mod settings;
mod store;

pub use backlog::RedisBacklog;
pub use open::OpenError;
pub use settings::RedisSettings;
pub use store::RedisStore;
