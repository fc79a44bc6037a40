//! What a store says to a server that can't be trusted with leads.

use plimsoll::outcome::Vendor;
use plimsoll::resilience::{Backlog, CreditState};
use plimsoll::store::Durability;
use plimsoll::store::redis::{RedisSettings, RedisStore};
use plimsoll::store::{Acceptance, LeadStore};

use super::Server;
use crate::conformance::{accept, key, lead};

async fn refusal(settings: &RedisSettings, words: &[&str]) {
    let refused = RedisStore::open(settings).await.expect_err("a refusal").to_string();
    for word in words {
        assert!(refused.contains(word), "no {word:?} in: {refused}");
    }
}

fn accepted(settings: RedisSettings) -> RedisSettings {
    RedisSettings { durability: Durability::AsConfigured, ..settings }
}

#[tokio::test]
async fn a_server_that_may_lose_what_it_acknowledged_is_refused_by_name() {
    for (arguments, words) in [
        (["--appendfsync", "everysec"], ["appendfsync is everysec", "appendfsync always", "as_configured"]),
        (["--appendonly", "no"], ["appendonly is no", "appendonly yes", "as_configured"]),
        (["--no-appendfsync-on-rewrite", "yes"], ["no-appendfsync-on-rewrite is yes", "on-rewrite no", "as_configured"]),
        (["--maxmemory-policy", "allkeys-lru"], ["maxmemory-policy is allkeys-lru", "noeviction", "as_configured"]),
    ] {
        let Some(server) = Server::start_with(&arguments) else { return };
        refusal(&server.settings(), &words).await;
        let store = RedisStore::open(&accepted(server.settings())).await.expect("what it does is accepted");
        accept(&store, lead(1, "ada"), 10).await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_tell_is_refused_unless_that_is_accepted() {
    let Some(server) = Server::start_with(&["--rename-command", "CONFIG", ""]) else { return };
    refusal(&server.settings(), &["does not show", "as_configured", "redis.sock"]).await;
    let store = RedisStore::open(&accepted(server.settings())).await.expect("what it does is accepted");
    accept(&store, lead(1, "ada"), 10).await;
}

#[tokio::test]
async fn a_server_without_an_append_only_file_does_lose_leads() {
    // Were this one to keep them, the tests of what survives would prove nothing.
    let Some(mut server) = Server::start_with(&["--appendonly", "no"]) else { return };
    let settings = accepted(server.settings());
    let store = RedisStore::open(&settings).await.expect("what it does is accepted");
    accept(&store, lead(1, "ada"), 10).await;
    server.kill();
    server.restart();
    let store = RedisStore::open(&settings).await.expect("what it does is accepted");
    assert_eq!(store.lead(&key(1)).await, Ok(None));
}

#[tokio::test]
async fn a_store_of_another_version_is_left_as_it_is() {
    let Some(server) = Server::start() else { return };
    server.by_hand(&[&["SET", "{test}:layout", "7"]]).await;
    refusal(&server.settings(), &["layout 7", "\"test\"", "Nothing was changed"]).await;
    let keys = server.by_hand(&[&["KEYS", "*"]]).await;
    assert_eq!(keys, redis::Value::Array(vec![redis::Value::BulkString(b"{test}:layout".to_vec())]));
}

#[tokio::test]
async fn what_can_t_be_a_server_is_said_without_its_password() {
    let at = |url: &str| RedisSettings::new(url, "test");
    for (settings, words) in [
        (at("amqp://127.0.0.1"), ["not the URL of a Redis server", "redis://host:6379/0"]),
        (RedisSettings::new("redis://127.0.0.1", "a}b"), ["\"a}b\" is not a valid name", "letters, digits"]),
        (at("redis://:sesame@127.0.0.1:1/"), ["127.0.0.1:1", "can't be used"]),
    ] {
        refusal(&settings, &words).await;
        let refused = RedisStore::open(&settings).await.expect_err("a refusal");
        assert!(!format!("{refused} {refused:?}").contains("sesame"), "{refused:?}");
    }
    let Some(server) = Server::start_with(&["--requirepass", "sesame", "--protected-mode", "no"]) else { return };
    refusal(&server.settings(), &["can't be used", "Authentication required"]).await;
}

#[tokio::test]
async fn stores_of_two_names_and_replicas_of_two_names_keep_their_own() {
    let Some(server) = Server::start() else { return };
    let one = RedisStore::open(&server.settings()).await.expect("a working server");
    let other = RedisSettings { name: "other".to_owned(), ..server.settings() };
    let other = RedisStore::open(&other).await.expect("a working server");
    accept(&one, lead(1, "ada"), 10).await;
    assert_eq!(other.lead(&key(1)).await, Ok(None));
    assert_eq!(other.accept(vec![lead(1, "ada")], 10).await, Ok(vec![Acceptance::New]));
    let replica = RedisSettings { replica: "b".to_owned(), ..server.settings() };
    let replica = RedisStore::open(&replica).await.expect("a working server");
    assert!(replica.lead(&key(1)).await.expect("a working server").is_some());
    let spent = |spent| CreditState { day: 1, spent, ..CreditState::default() };
    one.backlog(Vendor::Clay).keep_credits(spent(300)).await.expect("a working server");
    replica.backlog(Vendor::Clay).keep_credits(spent(100)).await.expect("a working server");
    assert_eq!(one.backlog(Vendor::Clay).credits().await, Ok(Some(spent(300))), "what one spent, the other does not take back");
}
