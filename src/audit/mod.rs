//! The audit: whether every acknowledged lead is where it must be, from the journals alone.
//!
//! A service that counts its own leads cannot count those that it forgot. The audit does not ask it and uses none of its
//! figures: it joins the driver's journal, the vendors' ledger and, where there is one, the list of resting states, and checks
//! them against the promises:
//!
//! - every operation of an acknowledged lead is in exactly one resting state, and what is listed as delivered was done;
//! - no operation is done twice at a vendor, acknowledged or not; what was refused, or never submitted, is not done at all;
//! - each user's operations were done in their order;
//! - what was charged is what the distinct effects cost.
//!
//! When everything is at rest, an operation that the vendor has but that is still queued or dead-lettered would be sent
//! again. While a service recovers from a crash, that is how at-least-once works; at rest it is a finding, unless the vendor
//! would do nothing the second time (see [`AuditOptions::clay_deduplicates`]).
//!
//! # The journals
//!
//! Each is a file of JSON objects, one per line; unknown fields are ignored, a field in brackets may be absent. Entries
//! are numbered (`"line":1`, in the ledger `"entry":1`), and the last line is their count, `{"entries":1656}`: a gap, a repetition, or no
//! count proves nothing. A journal of another writer may have neither, and a remark says that it may have been cut. A line `{"missed":3}` means that three entries are
//! missing there, which is no proof again; it counts as three. Several files of one kind, one behind the other, are a journal too.
//!
//! What this cannot find: lines that were taken out or altered by someone who numbers and counts the rest anew, in all of the journals.
//!
//! The driver's journal ([`crate::journal::DriverEntry`]), with a line before each submission and at each answer:
//!
//! ```text
//! {"book":"submitted","key":"k1","user":"ada@acme.test","what":"lead","at_us":1000}
//! {"book":"answered","key":"k1","at_us":9000,"answer":{"answer":"acknowledged"}}
//! ```
//!
//! `what` is `lead` (enrich, identify and track) or one of the three; an answer is `acknowledged`, `duplicate` (it was before),
//! `refused` [with `"status":429`], or `unknown`. A submission without an answer is as good as an unknown one.
//!
//! The vendors' ledger ([`crate::journal::VendorEntry`]; the simulated vendors write it), one line per request:
//!
//! ```text
//! {"at_us":2000,"took_us":500,"idempotency_key":"…","status":200,
//!  "effects":[{"what":"row.added","subject":"ada@acme.test","id":null,"credits":6}]}
//! ```
//!
//! (one line, here in two). `what` is `row.added` for an enrich, `customer.identified` or `event.recorded`; others are not
//! judged. [`took_us`, `idempotency_key`, `status`, `names`, `id`, `credits`.]
//!
//! The resting states ([`crate::journal::RestingEntry`]; `GET /places` of the service gives them), optional:
//!
//! ```text
//! {"key":"…","lead":"k1","user":"ada@acme.test","operation":"enrich","place":"delivered","attempts":1}
//! ```
//!
//! `place` is `queued`, `delivered`, `degraded`, `dead_lettered` or `rejected`. Without this list, a lead that is acknowledged
//! and not at the vendor counts as lost.

mod evidence;
mod finding;
mod id;
mod join;
mod judge;
mod options;
mod order;
mod state;
mod text;

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::journal::{DriverEntry, JournalError, JournalReader, Line, RestingEntry, VendorEntry};

pub use finding::{
    Audit, Charges, EffectTotals, Evidence, Example, Finding, FindingKind, JournalName, LeadTotals, OperationTotals, Verdict,
};
use join::{Case, Joined};
pub use options::{AuditOptions, Journals};

/// Audits the journals. Where something is wrong they are read a second time, for the evidence of the examples.
///
/// # Errors
/// When a journal cannot be read, or a line of it is invalid.
pub fn audit(journals: &Journals, options: &AuditOptions) -> Result<Audit, JournalError> {
    let mut joined = Joined::new(&options.operations, options.examples);
    let mut found = Found::default();
    joined.knows_every_lead = each(&journals.submitted, JournalName::Driver, &mut found, |_, entry: &DriverEntry| {
        joined.driver(entry);
        Ok(())
    })?;
    if let Some(places) = &journals.places {
        each(places, JournalName::Places, &mut found, |line, entry: &RestingEntry| joined.place(line, entry))?;
        joined.places_end();
    }
    each(&journals.vendors, JournalName::Vendors, &mut found, |line, entry: &VendorEntry| {
        joined.vendor(line, entry);
        Ok(())
    })?;
    joined.vendors_end();
    conclude(joined, found, journals, options)
}

/// What the journals themselves say of what they hold.
#[derive(Debug, Default)]
struct Found {
    /// Why they prove nothing.
    missing: Vec<String>,
    remarks: Vec<String>,
}

/// Reads a journal to its end. Gives whether it is whole.
fn each<T: DeserializeOwned>(
    path: &Path,
    name: JournalName,
    Found { missing, remarks }: &mut Found,
    mut take: impl FnMut(u64, &T) -> Result<(), String>,
) -> Result<bool, JournalError> {
    let mut missed = 0;
    let mut lines = JournalReader::<T, _>::open(path)?;
    for line in lines.by_ref() {
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
    if lines.is_uncounted() {
        remarks.push(format!("{} has neither numbers nor a count, so nothing shows whether it was cut", name.describe()));
    }
    let flaws = lines.flaws();
    missing.extend(flaws.iter().map(|flaw| format!("{} {flaw}", name.describe())));
    Ok(flaws.is_empty())
}

fn conclude(
    mut joined: Joined,
    Found { mut missing, remarks: mut said }: Found,
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
        findings.push(Finding { kind, count, examples: evidence::collect(&joined.state, &cases, journals)? });
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
        remarks: {
            said.extend(remarks(&joined, &judged, journals));
            said
        },
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

/// Why the journals prove nothing.
fn no_data(joined: &Joined, judged: &judge::Judged) -> Vec<String> {
    let mut missing = Vec::new();
    if judged.leads.submitted == 0 {
        missing.push("the driver's journal has no submission".to_owned());
    } else if judged.leads.acknowledged == 0 {
        missing.push("no lead was acknowledged, so there is no promise to check".to_owned());
    }
    if joined.state.keys_reused > 0 {
        let reused = joined.state.keys_reused;
        let have = if reused == 1 { "submission has" } else { "submissions have" };
        missing.push(format!("{reused} {have} the key of another lead, so their fate is unknown"));
    }
    if joined.foreign_effects > 0 {
        let foreign = joined.foreign_effects;
        let are = if foreign == 1 { "effect at the vendors is" } else { "effects at the vendors are" };
        missing.push(format!("{foreign} {are} of leads that are not in the driver's journal"));
    }
    if joined.guessed > 0 {
        let guessed = joined.guessed;
        missing.push(format!(
            "{guessed} effects have no key, and users with several leads: which lead's they are is not known; give each lead a user \
             of its own"
        ));
    }
    if joined.requests == 0 {
        missing.push("the vendors' ledger has no request".to_owned());
    }
    if joined.answers_alone > 0 {
        let answers = joined.answers_alone;
        missing.push(format!("the driver's journal has {answers} answers to leads whose submission is not in it"));
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
        remarks.push(format!("{foreign} operations at rest belong to leads that are not in the driver's journal; not judged"));
    }
    if joined.effects.other > 0 {
        remarks.push(format!("{} effects are of other kinds; not judged", joined.effects.other));
    }
    if journals.places.is_none() {
        remarks.push("no resting states were given: what is not at the vendor counts as lost".to_owned());
    }
    remarks
}

#[cfg(test)]
mod tests;
