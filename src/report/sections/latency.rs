//! Latency by route, and its pictures.

use crate::report::document::{Block, Column, Row, Section, Table, Text};
use crate::report::plots::Plot;
use crate::report::series::{Route, routes};
use crate::report::view::View;
use crate::report::words::share;
use crate::units::{format_count, format_latency};

pub(super) fn section(view: &View<'_>) -> Option<Section> {
    let row = |route: &Route| {
        let at = |percentile| format_latency(route.histogram.value_at_percentile(percentile));
        let figures = [
            route.vendor.display_name().to_owned(),
            format_count(route.count),
            share(route.failed, route.count),
            format_latency(route.mean_us.round() as u64),
            at(50.0),
            at(95.0),
            at(99.0),
            format_latency(route.histogram.max()),
        ];
        Row::new([Text::default().code(route.name.as_str())].into_iter().chain(figures.map(Text::from)))
    };
    let rows: Vec<Row> = routes(view.run).iter().map(row).collect();
    let figures = ["Requests", "Failed", "Mean", "P50", "P95", "P99", "Max"].map(Column::figures);
    let columns = ["Route", "Vendor"].map(Column::text).into_iter().chain(figures).collect();
    let table = match rows.len() {
        0 => Block::Paragraph("No request was answered.".into()),
        _ => Block::Table(Table { columns, rows }),
    };
    Some(Section::new("Latency by Route", [table, Plot::Latency.figure(), Plot::Percentiles.figure()]))
}
