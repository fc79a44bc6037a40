//! The ledger as text: one JSON object a line (NDJSON).

use std::sync::Arc;

use super::Entry;

/// Entries as lines; before them, where some are missing, a line that says how many: `{"missed":3}`.
pub(crate) fn lines(missed: u64, entries: &[Arc<Entry>]) -> Vec<u8> {
    // About what an entry takes.
    let mut text = Vec::with_capacity(entries.len() * 400);
    if missed > 0 {
        text.extend_from_slice(format!("{{\"missed\":{missed}}}\n").as_bytes());
    }
    for entry in entries {
        // Numbers, texts and lists of them: nothing in it can fail to be JSON.
        if serde_json::to_writer(&mut text, entry.as_ref()).is_ok() {
            text.push(b'\n');
        }
    }
    text
}
