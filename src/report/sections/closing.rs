//! The end of the summary: capacity, the seed, and where the report is.

use std::path::Path;

use crate::report::document::{Block, Row, Section, Table, Text};
use crate::report::view::View;

use super::capacity;

pub(super) fn section(view: &View<'_>, report: Option<&Path>) -> Section {
    let mut rows = capacity::facts(view);
    rows.push(Row::fact("Seed", view.run.result.seed.0.to_string()));
    rows.extend(report.map(|path| Row::fact("Report", Text::default().code(path.display().to_string()))));
    Section::untitled([Block::Table(Table::facts(rows))])
}
