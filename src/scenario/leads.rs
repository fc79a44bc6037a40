//! Leads from a CSV file: read whole and checked before the load starts, so that row 40,000 cannot end a run.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use crate::journey::Journey;
use crate::text::without_mark;
use crate::vendor_api::limits;

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
    let text = std::fs::read(path).map_err(|error| {
        vec![LeadProblem {
            message: format!("the file of leads cannot be read: {error}"),
            help: format!("it is looked for at {}", path.display()),
        }]
    })?;
    read_from(&text, need)
}

fn read_from(text: &[u8], need: &[&str]) -> Result<Vec<Row>, Vec<LeadProblem>> {
    let text = without_mark(text);
    check_quotes(text)?;
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
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

/// The reader of the crate takes a quote that is not closed for a field to the end of the file, and text behind a closing
/// one for more of the field.
fn check_quotes(text: &[u8]) -> Result<(), Vec<LeadProblem>> {
    enum At {
        Start,
        Blank,
        Plain,
        /// In quotes, opened on this line.
        Quoted(usize),
        /// Behind a quote that closes them, or is the first of two.
        Closed(usize),
        Behind,
    }
    let mut problems = Problems::default();
    let (mut at, mut line) = (At::Start, 1);
    for byte in text {
        at = match (at, byte) {
            (At::Quoted(opened), b'"') => At::Closed(opened),
            (At::Quoted(opened), _) | (At::Closed(opened), b'"') => At::Quoted(opened),
            (_, b',' | b'\n' | b'\r') => At::Start,
            (At::Start, b'"') => At::Quoted(line),
            (At::Start | At::Blank, b' ' | b'\t') => At::Blank,
            (At::Blank, b'"') => {
                problems.add(problem(format!("line {line}: a space stands before a quote"), "take the space out"));
                At::Plain
            }
            (At::Closed(_) | At::Behind, b' ' | b'\t') => At::Behind,
            (At::Closed(_) | At::Behind, _) => {
                let message = format!("line {line}: text follows a closing quote");
                problems.add(problem(message, "write a quote within a field twice, and put the whole field in quotes"));
                At::Plain
            }
            (At::Start | At::Blank | At::Plain, _) => At::Plain,
        };
        line += usize::from(*byte == b'\n');
    }
    if let At::Quoted(opened) = at {
        let message = format!("line {opened}: a quote is opened here and never closed");
        problems.add(problem(message, "close it, or write a quote within a field twice"));
    }
    problems.result(())
}

/// The names of the columns, without spaces around them.
fn columns(header: &ByteRecord, need: &[&str]) -> Result<Vec<String>, Vec<LeadProblem>> {
    let mut problems = Problems::default();
    let mut columns: Vec<String> = Vec::new();
    for (index, cell) in header.iter().enumerate() {
        let column = match std::str::from_utf8(cell) {
            Ok(text) => text.trim().to_owned(),
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
    if need == ["email"] {
        let text = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
        let identifier = ["email", "id"].into_iter().find_map(|column| limits::identifier(column, text(column)));
        let fields = columns.iter().filter_map(|column| limits::attribute(column, text(column).len()));
        let objections = identifier.into_iter().chain(limits::attributes(columns.len())).chain(fields);
        problems.extend(objections.map(|objection| problem(format!("{row_name}: {objection}"), "shorten it, or leave it out")));
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
        let text = "\u{feff}\"email\", company \nada@example.com,\"Analytical, Ltd\" \n";
        let rows = read_from(text.as_bytes(), EMAIL).unwrap();
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
        assert!(read_from(b"mail,domain\na@b.c,b.c\n", &["domain", "email"]).is_ok());
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
    fn damaged_quotes_are_named_with_their_line() {
        for (text, expected) in [
            (&b"email,name\na@x.test,\"A\nb@x.test,B\n"[..], "line 2: a quote is opened here and never closed"),
            (b"email,name\na@x.test,\"A\"b\n", "line 2: text follows a closing quote"),
            (b"email,name\r\na@x.test,\"A\r\nB\"\r\nc@x.test,\"C\" D\r\n", "line 4: text follows a closing quote"),
            (b"email,name\na@x.test, \"A\"\n", "line 2: a space stands before a quote"),
            (b"\"email", "line 1: a quote is opened here and never closed"),
        ] {
            assert_eq!(messages(text, EMAIL), [expected]);
        }
        let text = b"email,name\na@x.test,\"A \"\"B\"\", C\nD\"\nb@x.test,5\" disk\nc@x.test,\"\"\n";
        let names: Vec<_> = read_from(text, EMAIL).unwrap().iter().map(|row| row["name"].clone()).collect();
        assert_eq!(names, ["A \"B\", C\nD", "5\" disk", ""]);
    }

    #[test]
    fn what_a_vendor_does_not_hold_is_named_with_its_line() {
        let row = |email: usize, name: usize| format!("email,name\n{}@x.test,{}\n", "a".repeat(email - 7), "n".repeat(name));
        assert!(read_from(row(150, 1_000).as_bytes(), EMAIL).is_ok());
        assert_eq!(
            messages(row(151, 1_001).as_bytes(), EMAIL),
            [
                "row 1 (line 2): `email` has 151 bytes, and Customer.io takes 150",
                "row 1 (line 2): `name` has 1001 bytes, and an attribute of Customer.io holds 1000",
            ]
        );
        assert!(read_from(row(151, 1_001).as_bytes(), &["domain", "email"]).is_ok(), "Clay takes rows of 100 KB");
    }

    #[test]
    fn a_wholly_wrong_file_does_not_flood() {
        let text = format!("email\n{}", " \n".repeat(50));
        let found = messages(text.as_bytes(), EMAIL);
        assert_eq!(found.len(), 21);
        assert_eq!(found[20], "and 30 more problems in this file");
    }
}
