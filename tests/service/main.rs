//! The service as its users see it: over sockets, and as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod callbacks;
mod fixture;
mod leads;
mod operation;
mod process;
