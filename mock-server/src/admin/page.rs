//! `/`: a page for people. One file, nothing fetched from anywhere but this API.

use http::HeaderValue;
use sha2::{Digest, Sha256};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::operation::Call;
use super::reply::Html;
use crate::refusal::Refusal;

const PAGE: &str = include_str!("page.html");

/// The page's content security policy.
pub(super) fn policy() -> HeaderValue {
    let policy = format!(
        "default-src 'none'; connect-src 'self'; img-src data:; style-src {}; script-src {}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        hash(between("<style>", "</style>")),
        hash(between("<script>", "</script>")),
    );
    // Base64 and the words above are all visible ASCII.
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

pub(super) async fn show(call: Call) -> Result<Html, Refusal> {
    Ok(Html(PAGE, call.context.policy.clone()))
}

/// The one inline block that a browser may run or apply, and no other: by its hash.
fn hash(block: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(block.as_bytes())))
}

fn between(opening: &str, closing: &str) -> &'static str {
    let after = PAGE.split_once(opening).map_or("", |(_, after)| after);
    after.split_once(closing).map_or("", |(block, _)| block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_block_of_each_and_asks_for_nothing_from_elsewhere() {
        for tag in ["<style>", "<script>"] {
            assert_eq!(PAGE.matches(tag).count(), 1, "{tag}");
        }
        assert!(!between("<style>", "</style>").is_empty() && !between("<script>", "</script>").is_empty());
        for foreign in ["http://", "https://", "//cdn", "@import", "innerHTML", " style=\"", " onclick"] {
            assert!(!PAGE.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_policy_allows_what_is_on_the_page_only() {
        let policy = policy();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.matches("'sha256-").count() == 2, "{policy}");
        assert!(!policy.contains("unsafe"));
    }
}
