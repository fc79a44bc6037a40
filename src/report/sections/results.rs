//! The benchmark template's table of results. Its rows are fixed: people compare reports by them.

use crate::report::document::{Block, Column, Row, Section, Table};
use crate::report::view::View;
use crate::report::words::share;
use crate::units::{format_count, format_latency, three_figures};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let no_data = || "no data".to_owned();
    let latency = |percentile| view.percentile(percentile).map_or_else(no_data, format_latency);
    let rows = [
        ("Total Requests", format_count(view.total)),
        ("Success Rate", if view.total == 0 { no_data() } else { share(view.total - view.failed, view.total) }),
        ("P50 Latency", latency(50.0)),
        ("P95 Latency", latency(95.0)),
        ("P99 Latency", latency(99.0)),
        ("Max RPS Achieved", view.peak().map_or_else(no_data, |(rate, _)| three_figures(rate))),
    ];
    let rows = rows.map(|(name, value)| Row::new([name.to_owned(), value])).to_vec();
    let columns = vec![Column::text("Metric"), Column::figures("Value")];
    Some(Section::new("Results", [Block::Table(Table { columns, rows })]))
}
