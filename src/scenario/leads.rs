//! Leads from a CSV file: read whole and checked before the load starts, so that row 40,000 cannot end a run.

use std::fs::File;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use crate::journey::Journey;

/// Most problems reported for one file: beyond that, it is probably the wrong file.
const MOST_PROBLEMS: usize = 20;

/// The columns of which `journeys` need one; the strictest of theirs, and none where no journey uses leads.
pub(super) fn needed<'a>(journeys: impl Iterator<Item = &'a Journey>) -> &'static [&'static str] {
    let columns = journeys.map(|journey| journey.kind().columns).filter(|columns| !columns.is_empty());
    columns.min_by_key(|columns| columns.len()).unwrap_or_default()
}

/// One thing that is wrong with a file of leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeadProblem {
    /// What is wrong, with the row and the column.
    pub(super) message: String,
    /// What would be right.
    pub(super) help: String,
}

/// A row as a JSON object keyed by the file's columns.
type Row = Map<String, Value>;

/// Reads every row of the file at `path`.
///
/// # Errors
/// The problems of the whole file, at most [`MOST_PROBLEMS`] and a line that counts the rest.
pub(super) fn read(path: &Path, need: &[&str]) -> Result<Vec<Row>, Vec<LeadProblem>> {
    let file = File::open(path).map_err(|error| {
        vec![LeadProblem {
            message: format!("the file of leads cannot be read: {error}"),
            help: format!("it is looked for at {}", path.display()),
        }]
    })?;
    read_from(file, need)
}

fn read_from(file: impl std::io::Read, need: &[&str]) -> Result<Vec<Row>, Vec<LeadProblem>> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.byte_headers().cloned().map_err(|error| vec![unreadable(&error)])?;
    let columns = columns(&header, need)?;
    let mut problems = Problems::default();
    let mut rows = Vec::new();
    let mut record = ByteRecord::new();
    let mut number = 0;
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => number += 1,
            Ok(false) => break,
            Err(error) => {
                problems.add(unreadable(&error));
                break;
            }
        }
        let row_name = format!("row {number} (line {})", record.position().map_or(0, csv::Position::line));
        match row(&record, &columns, need, &row_name) {
            Ok(row) => rows.push(row),
            Err(found) => found.into_iter().for_each(|problem| problems.add(problem)),
        }
    }
    if number == 0 {
        problems.add(problem("the file has no leads", "put one lead in each row under the header"));
    }
    problems.result(rows)
}

/// The names of the columns, without spaces around them.
fn columns(header: &ByteRecord, need: &[&str]) -> Result<Vec<String>, Vec<LeadProblem>> {
    let mut problems = Problems::default();
    let mut columns: Vec<String> = Vec::new();
    for (index, cell) in header.iter().enumerate() {
        let column = match std::str::from_utf8(cell) {
            Ok(text) => text.trim_start_matches('\u{feff}').trim().to_owned(),
            Err(error) => {
                problems.add(not_utf8("the header", &format!("column {}", index + 1), &error));
                continue;
            }
        };
        if column.is_empty() {
            problems.add(problem(format!("the header: column {} has no name", index + 1), "name every column in the first line"));
        } else if columns.contains(&column) {
            problems.add(problem(format!("the header: two columns are called `{column}`"), "give each column a name of its own"));
        }
        columns.push(column);
    }
    if header.is_empty() {
        problems.add(problem("the file is empty", "begin it with a line of column names, as in `email,domain,first_name`"));
    } else if !need.is_empty() && !need.iter().any(|needed| columns.iter().any(|column| column == needed)) {
        let needed = crate::text::any_of(need);
        let found: Vec<&str> = columns.iter().map(String::as_str).collect();
        problems.add(problem(
            format!("the header: the column {needed} is missing, which the journeys need"),
            format!("the file has {}", crate::text::all_of(&found)),
        ));
    }
    problems.result(columns)
}

fn row(record: &ByteRecord, columns: &[String], need: &[&str], row_name: &str) -> Result<Row, Vec<LeadProblem>> {
    if record.len() != columns.len() {
        let message = format!("{row_name}: the header has {} fields, and this row {}", columns.len(), record.len());
        return Err(vec![problem(message, "put texts that hold a comma in double quotes")]);
    }
    let mut problems = Vec::new();
    let mut row = Row::new();
    for (column, cell) in columns.iter().zip(record) {
        match std::str::from_utf8(cell) {
            Ok(text) => drop(row.insert(column.clone(), Value::String(text.trim().to_owned()))),
            Err(error) => problems.push(not_utf8(row_name, &format!("column `{column}`"), &error)),
        }
    }
    let filled = |column: &&str| row.get(*column).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if problems.is_empty() && !need.is_empty() && !need.iter().any(filled) {
        let present: Vec<&str> = need.iter().copied().filter(|needed| columns.iter().any(|column| column == needed)).collect();
        let message = format!("{row_name}: {} is empty", crate::text::any_of(&present));
        problems.push(problem(message, "fill it in, or take the row out"));
    }
    if problems.is_empty() { Ok(row) } else { Err(problems) }
}

fn problem(message: impl Into<String>, help: impl Into<String>) -> LeadProblem {
    LeadProblem { message: message.into(), help: help.into() }
}

fn not_utf8(row_name: &str, column: &str, error: &std::str::Utf8Error) -> LeadProblem {
    let message = format!("{row_name}, {column}: not UTF-8 from byte {} of the field", error.valid_up_to() + 1);
    problem(message, "save the file as UTF-8")
}

fn unreadable(error: &csv::Error) -> LeadProblem {
    problem(format!("the file of leads cannot be read: {error}"), "it must be a CSV file in UTF-8 with a header")
}

/// Problems up to a number, and how many more there were.
#[derive(Default)]
struct Problems {
    first: Vec<LeadProblem>,
    more: usize,
}

impl Problems {
    fn add(&mut self, problem: LeadProblem) {
        if self.first.len() < MOST_PROBLEMS {
            self.first.push(problem);
        } else {
            self.more += 1;
        }
    }

    fn result<T>(mut self, value: T) -> Result<T, Vec<LeadProblem>> {
        if self.first.is_empty() {
            return Ok(value);
        }
        if self.more > 0 {
            self.first.push(problem(format!("and {} more problems in this file", self.more), "mend these first"));
        }
        Err(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &[&str] = &["email"];

    fn messages(text: &[u8], need: &[&str]) -> Vec<String> {
        read_from(text, need).unwrap_err().into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn rows_become_objects_keyed_by_the_columns() {
        let rows = read_from("\u{feff}email, company \nada@example.com,\"Analytical, Ltd\"\n".as_bytes(), EMAIL).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["email"], "ada@example.com");
        assert_eq!(rows[0]["company"], "Analytical, Ltd");
    }

    #[test]
    fn a_missing_column_is_named() {
        assert_eq!(
            messages(b"mail,domain\na@b.c,b.c\n", EMAIL),
            ["the header: the column `email` is missing, which the journeys need"]
        );
        assert!(read_from(&b"mail,domain\na@b.c,b.c\n"[..], &["domain", "email"]).is_ok());
    }

    #[test]
    fn every_bad_row_is_named_with_its_column() {
        let text = b"email,name\na@b.c,A\n,B\nc@d.e\nd@e.f,\xff\xfe\n\"x\ny@z.a\",D\n , \n";
        assert_eq!(
            messages(text, EMAIL),
            [
                "row 2 (line 3): `email` is empty",
                "row 3 (line 4): the header has 2 fields, and this row 1",
                "row 4 (line 5), column `name`: not UTF-8 from byte 1 of the field",
                "row 6 (line 8): `email` is empty",
            ]
        );
    }

    #[test]
    fn either_column_is_enough_for_clay() {
        let text = b"email,domain\na@b.c,\n,b.c\n,\n";
        assert_eq!(messages(text, &["domain", "email"]), ["row 3 (line 4): `domain` or `email` is empty"]);
    }

    #[test]
    fn an_empty_file_and_a_header_alone_are_refused() {
        assert_eq!(messages(b"", &[]), ["the file is empty"]);
        assert_eq!(messages(b"email\n", EMAIL), ["the file has no leads"]);
    }

    #[test]
    fn a_header_says_what_is_wrong_with_it() {
        assert_eq!(
            messages(b"email,email,,\xff\n", EMAIL),
            [
                "the header: two columns are called `email`",
                "the header: column 3 has no name",
                "the header, column 4: not UTF-8 from byte 1 of the field",
            ]
        );
    }

    #[test]
    fn a_wholly_wrong_file_does_not_flood() {
        let text = format!("email\n{}", " \n".repeat(50));
        let found = messages(text.as_bytes(), EMAIL);
        assert_eq!(found.len(), 21);
        assert_eq!(found[20], "and 30 more problems in this file");
    }
}
