//! `plimsoll queue export`: operations for a spreadsheet, or, without loss, for a program.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Value, json};

use crate::outcome::{RestingState, Vendor};
use crate::store::listing::{Quarantined, StoredOperation};

use super::error::QueueError;
use super::names::date;
use super::stores::Reader;
use super::stores::StoreArgs;
use crate::cli::{Exit, output};

/// Arguments of `plimsoll queue export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// csv: for spreadsheets; a cell that one would take for a formula begins with an apostrophe.
    /// json: one object a line, without loss
    #[arg(long, value_enum)]
    format: Format,
    /// Only operations in these places; without it, all
    #[arg(long, value_delimiter = ',')]
    place: Vec<RestingState>,
    /// Only operations of this vendor
    #[arg(long)]
    vendor: Option<Vendor>,
    /// Only the records that cannot be read and were set aside, field by field as they are in the store
    #[arg(long, conflicts_with_all = ["place", "vendor"])]
    quarantined: bool,
    /// Write into this file, which must not be there yet; without it, to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
}

pub(super) fn run(args: &ExportArgs) -> Result<Exit, QueueError> {
    let mut reader = args.store.read()?;
    let Some(out) = &args.out else {
        let mut stdout = BufWriter::new(io::stdout().lock());
        write(&mut reader, args, &mut stdout, QueueError::Output)?;
        return Ok(Exit::Passed);
    };
    let failed = |error| QueueError::Write { path: out.clone(), error };
    let directory = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(".".as_ref());
    // Aside first: a file of this name is whole, or not there.
    let aside = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    let mut writer = BufWriter::new(aside);
    let count = write(&mut reader, args, &mut writer, failed)?;
    let aside = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    aside.persist_noclobber(out).map_err(|error| failed(error.error))?;
    let what = if args.quarantined { "records" } else { "operations" };
    output::remark(format_args!("{count} {what} are in {}", out.display()));
    Ok(Exit::Passed)
}

/// Writes one by one; gives how many.
fn write(
    reader: &mut Reader,
    args: &ExportArgs,
    out: &mut impl Write,
    failed: impl Fn(io::Error) -> QueueError,
) -> Result<u64, QueueError> {
    let places: Vec<RestingState> = if args.place.is_empty() { RestingState::ALL.to_vec() } else { args.place.clone() };
    let mut rows = Rows::new(args.format, out);
    if args.quarantined {
        let records = reader.summary()?.quarantined;
        rows.header(&QUARANTINED).map_err(&failed)?;
        records.iter().try_for_each(|record| rows.row(&QUARANTINED, record)).map_err(&failed)?;
        rows.end().map_err(&failed)?;
        return Ok(records.len() as u64);
    }
    rows.header(&COLUMNS).map_err(&failed)?;
    let mut count = 0;
    reader.each(args.vendor, &places, |entry| {
        count += 1;
        rows.row(&COLUMNS, entry).map_err(&failed)
    })?;
    rows.end().map_err(&failed)?;
    Ok(count)
}

enum Rows<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json(W),
}

/// A column's name, and its cell of a record.
type Column<T> = (&'static str, fn(&T) -> String);

const QUARANTINED: [Column<Quarantined>; 7] = [
    ("record", |record| record.record.to_owned()),
    ("id", |record| record.id.clone()),
    ("vendor", |record| record.vendor.map(|vendor| vendor.as_str().to_owned()).unwrap_or_default()),
    ("lead", |record| record.lead.clone().unwrap_or_default()),
    ("reason", |record| record.reason.clone()),
    ("found_at", |record| record.found_at.map(date).unwrap_or_default()),
    ("fields", |record| json!(record.fields).to_string()),
];

const COLUMNS: [Column<StoredOperation>; 17] = [
    ("id", |entry| entry.id.to_string()),
    ("vendor", |entry| entry.vendor.as_str().to_owned()),
    ("operation", |entry| entry.operation.as_str().to_owned()),
    ("place", |entry| entry.place.as_str().to_owned()),
    ("key", |entry| entry.key.clone()),
    ("lead", |entry| entry.lead.clone().unwrap_or_default()),
    ("user", |entry| entry.user.clone()),
    ("data", |entry| entry.data.to_string()),
    ("came_at", |entry| date(entry.came_at)),
    ("due_at", |entry| entry.due_at.map(date).unwrap_or_default()),
    ("retry_count", |entry| entry.retry_count.to_string()),
    ("redrives", |entry| entry.redrives.to_string()),
    ("attempts", attempts),
    ("cause", |entry| entry.cause.map(|cause| cause.as_str().to_owned()).unwrap_or_default()),
    ("dead_at", |entry| entry.dead_at.map(date).unwrap_or_default()),
    ("settled_at", |entry| entry.settled.as_ref().map(|settled| date(settled.at)).unwrap_or_default()),
    ("settled", |entry| entry.settled.as_ref().and_then(|settled| serde_json::to_string(settled).ok()).unwrap_or_default()),
];

impl<W: Write> Rows<W> {
    fn new(format: Format, out: W) -> Self {
        match format {
            Format::Csv => Self::Csv(Box::new(csv::Writer::from_writer(out))),
            Format::Json => Self::Json(out),
        }
    }

    fn header<T>(&mut self, columns: &[Column<T>]) -> io::Result<()> {
        match self {
            Self::Csv(csv) => csv.write_record(columns.iter().map(|(name, _)| name)).map_err(io::Error::from),
            Self::Json(_) => Ok(()),
        }
    }

    fn row<T: Serialize>(&mut self, columns: &[Column<T>], entry: &T) -> io::Result<()> {
        match self {
            Self::Csv(csv) => csv.write_record(columns.iter().map(|(_, cell)| guarded(cell(entry)))).map_err(io::Error::from),
            Self::Json(out) => {
                serde_json::to_writer(&mut *out, entry)?;
                out.write_all(b"\n")
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(csv) => csv.flush(),
            Self::Json(out) => out.flush(),
        }
    }
}

fn attempts(entry: &StoredOperation) -> String {
    let attempts = entry.attempts.iter();
    let attempts: Vec<Value> =
        attempts.map(|attempt| json!({ "at": date(attempt.at), "cause": attempt.cause, "status": attempt.status })).collect();
    if attempts.is_empty() { String::new() } else { Value::Array(attempts).to_string() }
}

/// A cell that a spreadsheet would take for a formula, made a text (OWASP, "CSV Injection"): a lead's name may be
/// `=HYPERLINK(…)`, and whoever opens the export should not run it.
fn guarded(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}
