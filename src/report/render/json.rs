//! The document as JSON, for tools.

use crate::report::document::Document;

/// The document's own structure: titles, sections, blocks and typed text.
pub(in crate::report) fn json(document: &Document) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}
