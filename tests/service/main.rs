//! The service as its users see it: over sockets, and as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod callbacks;
mod damaged;
mod fixture;
mod leads;
#[path = "../common/memory_store/mod.rs"]
mod memory_store;
mod operation;
mod process;
#[cfg(feature = "redis")]
mod redis_away;
#[cfg(feature = "redis")]
mod redis_clock;
#[cfg(feature = "redis")]
#[allow(dead_code, reason = "the tests of the store use more of it")]
#[path = "../stores/redis/server.rs"]
mod redis_server;
