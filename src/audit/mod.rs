//! The auditor: whether every lead that was acknowledged is where it must be, by the books alone.
//!
//! A service that counts its own leads cannot count those that it forgot. The auditor asks it nothing, and trusts none of its
//! figures: it joins the book of whoever submitted, the book of the vendors, and, where there is one, the list of places at
//! rest, and holds them against the promises:
//!
//! - every operation of an acknowledged lead is in exactly one place, and what is said to be delivered was done;
//! - no operation is done twice at a vendor, acknowledged or not; what was refused, or never submitted, is not done at all;
//! - each user's operations were done in their order;
//! - what was charged is what the distinct effects cost.
//!
//! When everything is at rest, an operation that the vendor has but that is still queued or among the dead letters would be sent
//! again. While a service recovers from a crash that is how at-least-once works; at rest it is a finding, unless the vendor
//! would do nothing the second time (see [`AuditOptions::clay_deduplicates`]).
//!
//! # The books
//!
//! Each is a file of JSON objects, one a line; unknown fields are ignored, a field in brackets may be absent. A line
//! `{"missed":3}` says that so many are missing there: such books prove nothing.
//!
//! The driver's ([`crate::journal::DriverEntry`]), written by whoever submits, before each submission and at each answer:
//!
//! ```text
//! {"book":"submitted","key":"k1","user":"ada@acme.test","what":"lead","at_us":1000}
//! {"book":"answered","key":"k1","at_us":9000,"answer":{"answer":"acknowledged"}}
//! ```
//!
//! `what` is `lead` (enrich, identify and track) or one of the three; an answer is `acknowledged`, `duplicate` (it was before),
//! `refused` [with `"status":429`], or `unknown`. A submission without an answer is as good as an unknown one.
//!
//! The vendors' ([`crate::journal::VendorEntry`]; the simulated vendors write it by themselves), one line a request:
//!
//! ```text
//! {"at_us":2000,"took_us":500,"idempotency_key":"…","status":200,
//!  "effects":[{"what":"row.added","subject":"ada@acme.test","id":null,"credits":6}]}
//! ```
//!
//! (one line, here in two). `what` is `row.added` for an enrich, `customer.identified` or `event.recorded`; others are not
//! judged. [`entry`, `took_us`, `idempotency_key`, `status`, `id`, `credits`.] Where `entry` numbers the lines from 1, a gap in the
//! numbers proves that lines are missing.
//!
//! The places at rest ([`crate::journal::PlaceEntry`]; GET `/places` of the service gives them), optional:
//!
//! ```text
//! {"key":"…","lead":"k1","user":"ada@acme.test","operation":"enrich","place":"delivered","attempts":1}
//! ```
//!
//! `place` is `queued`, `delivered`, `degraded`, `dead_lettered` or `rejected`. Without this book, a lead that is acknowledged
//! and not at the vendor is lost.

mod finding;
mod id;
mod join;
mod judge;
mod order;
mod state;
mod story;
mod text;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::journal::{DRIVER, DriverEntry, JournalError, JournalReader, Line, PLACES, RestingEntry, VENDORS, VendorEntry};
use crate::resilience::OperationKind;

pub use finding::{
    Audit, BookName, Charges, EffectTotals, Evidence, Example, Finding, FindingKind, LeadTotals, OperationTotals, Verdict,
};
use join::{Case, Joined};

/// Where the books are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journals {
    /// The driver's.
    pub submitted: PathBuf,
    /// The vendors'.
    pub vendors: PathBuf,
    /// The places at rest; `None` where the service tells none.
    pub places: Option<PathBuf>,
}

impl Journals {
    /// The books in a run's directory. The places are optional: they count where the file is there.
    pub fn in_dir(dir: &Path) -> Self {
        let places = dir.join(PLACES);
        Self { submitted: dir.join(DRIVER), vendors: dir.join(VENDORS), places: places.exists().then_some(places) }
    }
}

/// What an audit must know beside the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditOptions {
    /// What each lead has to come to.
    pub operations: Vec<OperationKind>,
    /// Clay's table dedupes by the operation's key, so that a row that is posted again is not added again.
    pub clay_deduplicates: bool,
    /// Whether each user's operations have to be done in their order.
    pub in_order: bool,
    /// Rows that Clay has charged, by its own account.
    pub charged_rows: Option<u64>,
    /// Most examples of each finding.
    pub examples: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            operations: vec![OperationKind::Enrich, OperationKind::Identify, OperationKind::Track],
            clay_deduplicates: false,
            in_order: true,
            charged_rows: None,
            examples: 5,
        }
    }
}

/// Audits the books. They are read twice where something is wrong: the second time for the stories of the examples.
///
/// # Errors
/// When a book cannot be read, or a line of it makes no sense.
pub fn audit(journals: &Journals, options: &AuditOptions) -> Result<Audit, JournalError> {
    let mut joined = Joined::new(&options.operations, options.examples);
    let mut missing = Vec::new();
    each(&journals.submitted, BookName::Driver, &mut missing, |_, entry: &DriverEntry| {
        joined.driver(entry);
        Ok(())
    })?;
    if let Some(places) = &journals.places {
        each(places, BookName::Places, &mut missing, |line, entry: &RestingEntry| joined.place(line, entry))?;
        joined.places_end();
    }
    each(&journals.vendors, BookName::Vendors, &mut missing, |line, entry: &VendorEntry| {
        joined.vendor(line, entry);
        Ok(())
    })?;
    joined.vendors_end();
    conclude(joined, missing, journals, options)
}

/// Reads a book to its end.
fn each<T: DeserializeOwned>(
    path: &Path,
    name: BookName,
    missing: &mut Vec<String>,
    mut take: impl FnMut(u64, &T) -> Result<(), String>,
) -> Result<(), JournalError> {
    let mut missed = 0;
    for line in JournalReader::<T, _>::open(path)? {
        match line? {
            (_, Line::Missed(more)) => missed += more,
            (line, Line::Entry(entry)) => take(line, &entry).map_err(|problem| {
                let path = path.to_owned();
                JournalError::Line { path, line, column: 1, problem }
            })?,
        }
    }
    if missed > 0 {
        missing.push(format!("{missed} entries are missing from {}", name.describe()));
    }
    Ok(())
}

fn conclude(
    mut joined: Joined,
    mut missing: Vec<String>,
    journals: &Journals,
    options: &AuditOptions,
) -> Result<Audit, JournalError> {
    let mut judged = judge::judge(&mut joined, options, journals.places.is_some());
    if journals.places.is_none() {
        judged.take_effects_for_places(&joined);
    }
    if options.in_order {
        order::judge_order(&joined.state, &mut joined.cases);
    }
    joined.effects.uncertain = judged.uncertain_effects;
    joined.charges.charged_rows = options.charged_rows;
    judge_charges(&mut joined);
    missing.extend(no_data(&joined, &judged));
    let by_kind = std::mem::take(&mut joined.cases.by_kind);
    let mut findings = Vec::new();
    for (kind, (count, cases)) in by_kind {
        findings.push(Finding { kind, count, examples: story::tell(&joined.state, &cases, journals)? });
    }
    let verdict = match (findings.is_empty(), missing.is_empty()) {
        (false, _) => Verdict::Failed,
        (true, false) => Verdict::NotProven,
        (true, true) => Verdict::Passed,
    };
    Ok(Audit {
        verdict,
        missing,
        leads: judged.leads,
        operations: judged.operations,
        effects: joined.effects,
        charges: joined.charges,
        findings,
        remarks: remarks(&joined, &judged, journals),
    })
}

fn judge_charges(joined: &mut Joined) {
    let charges = &joined.charges;
    let beyond_effects = charges.credits != charges.distinct;
    let beyond_rows = charges.charged_rows.is_some_and(|charged| charged > charges.rows);
    if beyond_effects || beyond_rows {
        joined.cases.add(FindingKind::Overcharged, Case::default());
    }
}

/// What keeps the books from proving anything.
fn no_data(joined: &Joined, judged: &judge::Judged) -> Vec<String> {
    let mut missing = Vec::new();
    if judged.leads.submitted == 0 {
        missing.push("the driver's book holds no submission".to_owned());
    } else if judged.leads.acknowledged == 0 {
        missing.push("no lead was acknowledged, so no promise was made".to_owned());
    }
    if joined.state.keys_reused > 0 {
        let reused = joined.state.keys_reused;
        let have = if reused == 1 { "submission has" } else { "submissions have" };
        missing.push(format!("{reused} {have} the key of another lead, so what became of them cannot be told"));
    }
    if joined.gaps > 0 {
        let gaps = joined.gaps;
        missing.push(format!("{gaps} {} in the numbers of the vendors' entries", if gaps == 1 { "gap" } else { "gaps" }));
    }
    if joined.requests == 0 {
        missing.push("the vendors' book holds no request".to_owned());
    }
    if joined.answers_alone > 0 {
        let answers = joined.answers_alone;
        missing.push(format!("the driver's book holds {answers} answers to leads whose submission is not in it"));
    }
    missing
}

fn remarks(joined: &Joined, judged: &judge::Judged, journals: &Journals) -> Vec<String> {
    let mut remarks = Vec::new();
    for (place, count) in &judged.not_known {
        let are = if *count == 1 { "operation is" } else { "operations are" };
        remarks.push(format!("{count} {are} {place} and done at the vendor, whose answers were lost"));
    }
    if joined.foreign_places > 0 {
        let foreign = joined.foreign_places;
        remarks.push(format!("{foreign} operations at rest belong to leads that are not in the driver's book; not judged"));
    }
    if joined.effects.other > 0 {
        remarks.push(format!("{} effects are of other kinds; not judged", joined.effects.other));
    }
    if journals.places.is_none() {
        remarks.push("no places at rest were given: what is not at the vendor counts as lost".to_owned());
    }
    remarks
}

#[cfg(test)]
mod tests;
