//! The latest date that the store knows of: a service whose clock was set back goes on from there.

use plimsoll::outcome::Vendor;
use plimsoll::store::LeadStore;
use plimsoll::store::redis::RedisStore;

use super::Server;
use crate::conformance::{accept, deliver, due, lead};

#[tokio::test]
async fn the_latest_date_is_that_of_whatever_came_was_taken_or_was_settled_last() {
    let Some(mut server) = Server::start() else { return };
    let open = async |server: &Server| RedisStore::open(&server.settings()).await.expect("a working server");
    let store = open(&server).await;
    assert_eq!(store.latest().await, Ok(None), "nothing is dated");
    accept(&store, lead(1, "ada"), 1_000).await;
    assert_eq!(store.latest().await, Ok(Some(1_000)));
    accept(&store, lead(2, "eve"), 400).await;
    assert_eq!(store.latest().await, Ok(Some(1_000)), "it does not go back");
    let backlog = store.backlog(Vendor::Clay);
    let leased = due(&backlog, 2_000).await;
    assert_eq!(store.latest().await, Ok(Some(2_000)), "when it was taken, and not when the lease is over");
    deliver(&backlog, leased.id, 2_500).await;
    assert_eq!(store.latest().await, Ok(Some(2_500)));
    // As a set of leads that a clock an hour ahead has left.
    drop((store, backlog));
    server.kill();
    server.restart();
    assert_eq!(open(&server).await.latest().await, Ok(Some(2_500)));
}
