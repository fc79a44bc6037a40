//! Which lead an iteration is about.

use std::sync::atomic::{AtomicU64, Ordering};

use mock_server::json::Json;
use rand::Rng;
use serde_json::{Map, Value, json};

use super::settings::{LeadData, LeadUse};
use crate::executor::User;
use crate::plan::Segment;

/// One lead.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lead {
    /// Identifies the person at every vendor: the e-mail, or what stands in for it.
    pub(super) user: String,
    /// Everything known.
    pub(super) data: Json,
}

/// Gives leads to iterations: from a file, or made up from their number.
#[derive(Debug)]
pub(super) struct LeadSource {
    data: Option<LeadData>,
    next: AtomicU64,
    segment: Segment,
}

impl LeadSource {
    pub(super) fn new(data: Option<LeadData>, segment: Segment) -> Self {
        Self { data, next: AtomicU64::new(0), segment }
    }

    /// The next lead; `None` when each row was to be used once and all have been.
    ///
    /// A row that is used again is a lead submitted again: it carries the number of its submission, or the pipeline would
    /// rightly take it for a duplicate and send nothing.
    pub(super) fn next(&self, user: &mut User) -> Option<Lead> {
        let number = self.segment.number(self.next.fetch_add(1, Ordering::Relaxed));
        let Some(data) = &self.data else { return Some(made_up(number)) };
        let rows = &data.rows;
        match data.usage {
            LeadUse::Once => rows.get(usize::try_from(number).ok()?).map(|row| of_row(row.clone())),
            LeadUse::Ring => Some(resubmitted(&rows[(number % rows.len() as u64) as usize], number)),
            LeadUse::Random => Some(resubmitted(&rows[user.rng.random_range(0..rows.len())], number)),
        }
    }
}

fn resubmitted(row: &Map<String, Value>, number: u64) -> Lead {
    let mut row = row.clone();
    row.insert("submission".to_owned(), json!(number));
    of_row(row)
}

fn of_row(row: Map<String, Value>) -> Lead {
    let text = |column: &str| row.get(column).and_then(Value::as_str).filter(|text| !text.is_empty());
    let user = text("email").or_else(|| text("id")).or_else(|| text("domain")).unwrap_or("unknown").to_owned();
    Lead { user, data: Json::of(&row) }
}

const FIRST: [&str; 8] = ["Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Ken", "Margaret"];
const LAST: [&str; 7] = ["Lindqvist", "Okafor", "Tanaka", "Moreau", "Haddad", "Novak", "Silva"];
const COMPANY: [&str; 9] =
    ["northwind", "blue-harbour", "acme", "oak-street", "tidewater", "granite", "halcyon", "meridian", "copperfield"];

/// A plausible lead; each number gives another.
fn made_up(number: u64) -> Lead {
    let pick = |names: &[&'static str], stride: u64| names[((number / stride) % names.len() as u64) as usize];
    let (first, last, company) = (pick(&FIRST, 1), pick(&LAST, 8), pick(&COMPANY, 56));
    let domain = format!("{company}.example");
    let email = format!("{}.{}.{number}@{domain}", first.to_lowercase(), last.to_lowercase());
    let data = json!({ "email": email, "first_name": first, "last_name": last, "domain": domain });
    Lead { user: email, data: data.into() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::PathBuf;

    use super::*;
    use crate::seed::Seed;

    fn source(usage: LeadUse) -> LeadSource {
        let row = |email: &str| Map::from_iter([("email".to_owned(), json!(email))]);
        LeadSource::new(Some(LeadData { path: PathBuf::new(), usage, rows: vec![row("a@x"), row("b@x")] }), Segment::WHOLE)
    }

    fn users(source: &LeadSource, count: usize) -> Vec<String> {
        let mut user = User::new(0, 0, Seed(1));
        (0..count).map_while(|_| source.next(&mut user)).map(|lead| lead.user).collect()
    }

    #[test]
    fn rows_are_used_as_asked() {
        assert_eq!(users(&source(LeadUse::Once), 5), ["a@x", "b@x"]);
        assert_eq!(users(&source(LeadUse::Ring), 5), ["a@x", "b@x", "a@x", "b@x", "a@x"]);
        let random: HashSet<_> = users(&source(LeadUse::Random), 50).into_iter().collect();
        assert_eq!(random.len(), 2);
    }

    #[test]
    fn a_row_used_again_is_another_submission() {
        let source = source(LeadUse::Ring);
        let mut user = User::new(0, 0, Seed(1));
        let leads: Vec<_> = (0..4).filter_map(|_| source.next(&mut user)).collect();
        assert_eq!(leads[0].user, leads[2].user);
        assert_ne!(leads[0].data, leads[2].data);
    }

    #[test]
    fn made_up_leads_differ() {
        let emails: HashSet<_> = users(&LeadSource::new(None, Segment::WHOLE), 10_000).into_iter().collect();
        assert_eq!(emails.len(), 10_000);
    }
}
