//! `plimsoll audit`: whether any lead was lost or done twice, by the journals of a run.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::{Exit, output};
use crate::audit::{Audit, AuditOptions, Journals, Verdict, audit};
use crate::config::Secret;
use crate::journal::{DRIVER, JournalError, PLACES};
use crate::resilience::OperationKind;
use crate::result::SUMMARY;
use crate::service::supervision::{PlacesError, fetch_places};
use crate::transport::{HttpClient, PoolSettings};

const USAGE: &str = "\
plimsoll audit <DIR> [--places <FILE|URL>] [OPTIONS]
       plimsoll audit --submitted <FILE> --vendors <FILE> [--places <FILE|URL>] [OPTIONS]";

const HELP: &str = r#"Journals are files of JSON objects, one a line; unknown fields are ignored. So a service in any
language can be audited: whoever submits its leads writes the first book, the simulated vendors
(plimsoll mock --ledger FILE) write the second, and the third is what the service says of itself,
or is left out.

--submitted: a line before each submission, and one at each answer. `what` is lead (enrich,
identify and track; see --operations) or one of these. An answer is acknowledged, duplicate (it
was acknowledged before), refused, or unknown:
    {"book":"submitted","key":"k1","user":"ada@acme.test","what":"lead","at_us":1000}
    {"book":"answered","key":"k1","at_us":9000,"answer":{"answer":"acknowledged"}}
    {"book":"answered","key":"k2","at_us":9100,"answer":{"answer":"refused","status":429}}

--vendors: a line a request. Effects are row.added (of an enrich), customer.identified and
event.recorded (of a track):
    {"at_us":2000,"took_us":500,"idempotency_key":"k1",
     "effects":[{"what":"row.added","subject":"ada@acme.test","credits":6}]}
(one line, here in two).

--places: a line an operation: queued, delivered, degraded, dead_lettered or rejected. Without it,
a lead that is acknowledged and not at the vendor is lost:
    {"key":"e1","lead":"k1","user":"ada@acme.test","operation":"enrich","place":"delivered",
     "attempts":1}

An effect belongs to the operation whose key its request had in the header Idempotency-Key: the
lead's own, the one in its place, or the SHA-256, in hex, of
    {"data":{},"operation":"enrich","user":"<the lead's key>"}
Without such a key it belongs to the lead whose user is its subject or one of its names, or whom a
customer of that identifier was identified as; so give each lead a user of its own.

Entries are numbered ("line":1; the vendors' "entry":1), and the last line of each is their count:
{"entries":1656}. A gap, a repetition, or no count proves nothing. A journal of your own may have
neither; then nothing shows whether it was cut, and a remark says so. A line {"missed":3} says that so many are missing. Such journals prove nothing, and neither
do empty ones. With --places URL the count is written for you.

Exit codes: 0 passed; 99 failed, or not proven; 2 a journal is missing; 104 a line makes no
sense (it is named by file:line:column); 1 the service does not tell its places"#;

/// Arguments of `plimsoll audit`.
#[derive(Debug, Args)]
#[command(after_help = HELP, override_usage = USAGE)]
pub(super) struct AuditArgs {
    /// The directory of a run that kept journals (see plimsoll run --journals): submitted.ndjson, vendors.ndjson and places.ndjson
    #[arg(required_unless_present_all = ["submitted", "vendors"], conflicts_with_all = ["submitted", "vendors"])]
    dir: Option<PathBuf>,
    /// What was submitted and acknowledged
    #[arg(long, value_name = "FILE", requires = "vendors")]
    submitted: Option<PathBuf>,
    /// What was done at the vendors
    #[arg(long, value_name = "FILE", requires = "submitted")]
    vendors: Option<PathBuf>,
    /// Where everything is: a file, or the URL of a service at rest (http://127.0.0.1:8090/places)
    #[arg(long, value_name = "FILE|URL")]
    places: Option<String>,
    /// Environment variable with the bearer token for the URL of --places
    #[arg(long, value_name = "NAME", requires = "places")]
    token_env: Option<String>,
    /// What each lead has to come to
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values = ["enrich", "identify", "track"])]
    operations: Vec<OperationKind>,
    /// Clay's table dedupes by the operation's key: a row that is posted again is not added again
    #[arg(long)]
    clay_dedupes: bool,
    /// The operations of one user may be done in any order
    #[arg(long)]
    any_order: bool,
    /// Rows that Clay charged, by its own account (`charged_rows` of GET /state/clay/credits of the simulator)
    #[arg(long, value_name = "ROWS")]
    charged_rows: Option<u64>,
    /// Most examples of each finding
    #[arg(long, value_name = "N", default_value_t = 5)]
    examples: usize,
    /// Print the audit as JSON
    #[arg(long)]
    json: bool,
}

impl ValueEnum for OperationKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::OF_A_LEAD
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl AuditArgs {
    fn options(&self) -> AuditOptions {
        AuditOptions {
            operations: kinds(&self.operations),
            clay_deduplicates: self.clay_dedupes,
            in_order: !self.any_order,
            charged_rows: self.charged_rows,
            examples: self.examples,
        }
    }

    fn journals(&self) -> Journals {
        match (&self.dir, &self.submitted, &self.vendors) {
            (_, Some(submitted), Some(vendors)) => {
                Journals { submitted: submitted.clone(), vendors: vendors.clone(), places: None }
            }
            (dir, _, _) => Journals::in_dir(dir.as_deref().unwrap_or(Path::new("."))),
        }
    }
}

/// Each kind once, in the order of the table.
pub(super) fn kinds(given: &[OperationKind]) -> Vec<OperationKind> {
    let mut kinds = given.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

pub(super) fn run(args: &AuditArgs) -> Exit {
    let mut journals = args.journals();
    // Gone with its files when the audit is over.
    let _fetched = match &args.places {
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => match places_of(url, args) {
            Ok(dir) => {
                journals.places = Some(dir.path().join(PLACES));
                Some(dir)
            }
            Err(error) => return output::failed(error),
        },
        Some(file) => {
            journals.places = Some(PathBuf::from(file));
            None
        }
        None => None,
    };
    match audit(&journals, &args.options()) {
        Ok(audit) => show(&audit, args.json),
        Err(error) => {
            output::error(&error);
            if let (JournalError::Read { .. }, Some(dir)) = (&error, args.dir.as_deref().filter(|dir| is_run(dir))) {
                let dir = dir.display();
                output::remark(format!("{dir} is of a run that kept no journals: run it again with --journals"));
            }
            refused(&error)
        }
    }
}

/// Whether the directory is of a run, which keeps journals only where it has something to prove.
fn is_run(dir: &Path) -> bool {
    dir.join(SUMMARY).exists() && !dir.join(DRIVER).exists()
}

/// What it means that a book could not be read.
pub(super) fn refused(error: &JournalError) -> Exit {
    match error {
        JournalError::Read { .. } => Exit::Usage,
        JournalError::Line { .. } => Exit::InvalidScenario,
    }
}

/// Prints an audit, and gives the exit code of its verdict.
pub(super) fn show(audit: &Audit, json: bool) -> Exit {
    output::json_or_text(json, audit, || audit);
    match audit.verdict {
        Verdict::Passed => Exit::Passed,
        Verdict::Failed | Verdict::NotProven => Exit::ThresholdsFailed,
    }
}

/// The places that a service lists, in a file of a directory that goes when the audit is over.
fn places_of(url: &str, args: &AuditArgs) -> Result<tempfile::TempDir, PlacesError> {
    let dir = tempfile::tempdir()?;
    let token = args.token_env.as_deref().map(Secret::from_environment).transpose();
    let token = token.map_err(|flaw| PlacesError::Write(std::io::Error::other(flaw)))?;
    let client = HttpClient::new(url.starts_with("https://"), &PoolSettings::default());
    let client = client.map_err(|error| PlacesError::Write(std::io::Error::other(error)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(fetch_places(&client, url, token.as_ref().map(Secret::expose), &dir.path().join(PLACES)))?;
    Ok(dir)
}
