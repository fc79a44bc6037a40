//! Leads on a Redis server: the store that several replicas of a service share.
//!
//! A queue in one replica's file waits for that replica; here any of them goes on with what another left. Each change is one
//! script, so it happens as a whole, and none waits for another replica's lock. Leases end by themselves: what a dead replica
//! had comes back. Operations of one user keep their order over all replicas.
//!
//! A lead is acknowledged when the server has synced it to its disk (see [`crate::store::Durability`]). A copy that takes over from a server
//! that died may lack what the server acknowledged last: Redis copies after it answers, and no setting here changes that.
//! All keys are in one slot of a cluster. Leases and what waits follow the server's clock, whatever the replicas' clocks show; a
//! replica whose clock differs from it by more than a quarter of a minute is refused until that is mended.
//!
//! Whether the server still keeps its promises is checked on every new connection and once a second; each script compares the
//! generation that the store was given when it was made. A store that was wiped or replaced, or a server that may lose leads, is
//! refused until the cause is gone: nothing is acknowledged or sent meanwhile. Only a start of the service makes a store anew.
//!
//! While the server is away every operation fails with [`StoreError`](crate::resilience::StoreError) and stays where it was; the
//! connection comes back by itself. An answer that was lost on the way may hide a change that was made: asked for again, nothing
//! happens twice.

mod backlog;
mod counts;
mod lead_store;
mod leases;
mod link;
mod listing;
mod open;
mod open_error;
mod quarantine;
mod reply;
mod scripts;
mod settings;
mod store;
mod unreadable;

pub use backlog::RedisBacklog;
pub use open_error::OpenError;
pub use settings::{LeaseClock, RedisSettings};
pub use store::RedisStore;
