//! What failed, by kind and vendor, under faults and outside them.

use crate::report::document::{Block, Column, Row, Section, Table, Text};
use crate::report::series::{Failures, failures};
use crate::report::view::View;
use crate::report::words::share;
use crate::units::format_count;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let row = |row: &Failures| {
        let [count, under_fault, outside] = [row.count, row.under_fault, row.outside()].map(format_count);
        let figures = [row.vendor.display_name().to_owned(), count, under_fault, outside, share(row.count, view.total)];
        Row::new([Text::default().code(row.name())].into_iter().chain(figures.map(Text::from)))
    };
    let rows: Vec<Row> = failures(view.run).iter().map(row).collect();
    let figures = ["Count", "Under a Fault", "Outside Faults", "Of All Requests"].map(Column::figures);
    let columns = ["Kind", "Vendor"].map(Column::text).into_iter().chain(figures).collect();
    let table = match rows.len() {
        0 => Block::Paragraph("No request failed.".into()),
        _ => Block::Table(Table { columns, rows }),
    };
    Some(Section::new("Errors by Kind", [table]))
}
