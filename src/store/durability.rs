//! What a shared server must do with a change before it answers.

use schemars::JsonSchema;
use serde::Deserialize;

// A file's schema has the texts of these variants.
/// What a Redis server must do with a change before it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RawDurability")]
pub enum Durability {
    // `appendonly yes` with `appendfsync always`, and nothing evicted. A server that does less, or does not let its
    // configuration be read (as managed ones do), is refused.
    /// Write and sync it; a server that does less is refused.
    #[default]
    Synced,
    // With `appendfsync everysec` a power cut loses up to two seconds of leads that were acknowledged; without `appendonly`
    // everything since the last snapshot; with eviction any lead at any time.
    /// Whatever it is configured to do: a power cut may lose leads that were acknowledged.
    AsConfigured,
}
