//! Graceful degradation: when the vendor does not answer, something useful does, and says that it is not the vendor.
//!
//! A caller that gets nothing fails too, and one that gets a guess dressed as a fact writes it into its database. The
//! vendor's earlier answer for the same domain, or a company's name guessed from the domain, go out with their source.

use std::num::NonZeroUsize;

use lru::LruCache;
use mock_server::json::Json;
use parking_lot::Mutex;

use super::operation::{Operation, OperationKind};

/// The vendor's earlier answers by domain, bounded; the least recently used goes first.
#[derive(Debug)]
pub struct AnswerCache {
    answers: Mutex<LruCache<String, Json>>,
}

impl AnswerCache {
    /// An empty cache.
    pub fn new(capacity: usize) -> Self {
        Self { answers: Mutex::new(LruCache::new(NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN))) }
    }

    /// Keeps the vendor's answer for the operation's domain. Only an object is an answer that a lead can take over.
    pub fn keep(&self, operation: &Operation, answer: &Json) {
        if let Some(domain) = enriched_domain(operation)
            && answer.fields().is_some_and(|fields| !fields.is_empty())
        {
            self.answers.lock().put(domain, answer.clone());
        }
    }

    /// The lead with what the vendor answered earlier for its domain.
    pub fn answer(&self, operation: &Operation) -> Option<Json> {
        let domain = enriched_domain(operation)?;
        let cached = self.answers.lock().get(&domain).cloned()?;
        let mut lead = operation.data.fields().unwrap_or_default();
        lead.extend(cached.fields().unwrap_or_default());
        Some(Json::of(&lead))
    }
}

/// The lead with its company's name guessed; `None` without a domain to guess from.
pub fn local_guess(operation: &Operation) -> Option<Json> {
    let domain = enriched_domain(operation)?;
    Some(operation.data.with(&[("company_name", &company_name(&domain))]))
}

/// The reliability-patterns document's guess: the domain without its last label, hyphens as spaces.
pub fn company_name(domain: &str) -> String {
    let name = match domain.rsplit_once('.') {
        Some((name, last)) if !last.is_empty() && last.chars().all(|c| c.is_alphanumeric() || c == '_') => name,
        _ => domain,
    };
    name.replace('-', " ")
}

/// The domain of a lead to enrich: its `domain`, or that of its `email`. Other operations ask nothing that could be guessed.
fn enriched_domain(operation: &Operation) -> Option<String> {
    if operation.kind != OperationKind::Enrich {
        return None;
    }
    let text = |field: &str| operation.data.text(field).filter(|text| !text.is_empty());
    let domain = text("domain").or_else(|| text("email")?.rsplit_once('@').map(|(_, domain)| domain.to_owned()))?;
    (!domain.is_empty()).then(|| domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lead(data: Value) -> Operation {
        Operation::new(OperationKind::Enrich, "ada", data)
    }

    #[test]
    fn a_company_is_guessed_as_the_document_does() {
        for (domain, name) in [
            ("acme.com", "acme"),
            ("big-data-corp.io", "big data corp"),
            ("shop.acme.com", "shop.acme"),
            ("localhost", "localhost"),
            ("acme.", "acme."),
        ] {
            assert_eq!(company_name(domain), name);
        }
    }

    #[test]
    fn a_guess_needs_a_domain_and_a_lead() {
        let guess = local_guess(&lead(json!({"email": "ada@Big-Corp.test"}))).expect("a guess");
        assert_eq!(guess, json!({"email": "ada@Big-Corp.test", "company_name": "big corp"}));
        assert_eq!(local_guess(&lead(json!({"name": "Ada"}))), None);
        let track = Operation::new(OperationKind::Track, "ada", json!({"domain": "acme.com"}));
        assert_eq!(local_guess(&track), None);
    }

    #[test]
    fn an_answer_serves_every_lead_of_its_domain() {
        let cache = AnswerCache::new(10);
        cache.keep(&lead(json!({"domain": "acme.com"})), &json!({"industry": "anvils"}).into());
        let answer = cache.answer(&lead(json!({"email": "bob@ACME.com"})));
        assert_eq!(answer.expect("an answer"), json!({"email": "bob@ACME.com", "industry": "anvils"}));
        assert_eq!(cache.answer(&lead(json!({"domain": "other.com"}))), None);
    }

    #[test]
    fn an_empty_answer_is_none_and_the_cache_is_bounded() {
        let cache = AnswerCache::new(1);
        cache.keep(&lead(json!({"domain": "a.com"})), &json!({}).into());
        assert_eq!(cache.answer(&lead(json!({"domain": "a.com"}))), None);
        for domain in ["a.com", "b.com"] {
            cache.keep(&lead(json!({ "domain": domain })), &json!({"x": 1}).into());
        }
        assert_eq!(cache.answer(&lead(json!({"domain": "a.com"}))), None);
        assert!(cache.answer(&lead(json!({"domain": "b.com"}))).is_some());
    }
}
