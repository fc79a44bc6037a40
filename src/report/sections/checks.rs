//! How often each check passed. Checks are counted; only a threshold on `checks` judges them.

use crate::measure::CheckCount;
use crate::report::document::{Block, Column, Row, Section, Table};
use crate::report::view::View;
use crate::report::words::share;
use crate::units::format_count;

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let row = |(name, count): (&String, &CheckCount)| {
        let of = count.passes + count.fails;
        let rate = if of == 0 { "never ran".to_owned() } else { share(count.passes, of) };
        Row::new([name.clone(), format_count(count.passes), format_count(count.fails), rate])
    };
    let rows: Vec<Row> = view.run.totals.checks.iter().map(row).collect();
    let figures = ["Passed", "Failed", "Rate"].map(Column::figures);
    let columns = [Column::text("Check")].into_iter().chain(figures).collect();
    (!rows.is_empty()).then(|| Section::new("Checks", [Block::Table(Table { columns, rows })]))
}
