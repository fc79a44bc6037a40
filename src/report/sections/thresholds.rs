//! Each threshold with its limit and what was observed.

use crate::gate::{Observed, ThresholdJudgement};
use crate::report::document::{Block, Column, Row, Section, Table, Text};
use crate::report::view::View;

pub(super) fn report(view: &View<'_>) -> Option<Section> {
    let verdict = &view.judged.verdict;
    if verdict.thresholds.is_empty() {
        let nothing = Block::Paragraph("No thresholds: nothing was judged.".into());
        return verdict.expectations.is_empty().then(|| Section::new("Thresholds", [nothing]));
    }
    let row = |judgement: &ThresholdJudgement| {
        let source = Text::default().code(judgement.source.as_str());
        Row::new([source, judgement.limit_text().into(), judgement.observed_text().into()]).judged(judgement.passed)
    };
    let rows = verdict.thresholds.iter().map(row).collect();
    let columns = vec![Column::text("Threshold"), Column::figures("Limit"), Column::figures("Observed")];
    Some(Section::new("Thresholds", [Block::Table(Table { columns, rows })]))
}

pub(super) fn summary(view: &View<'_>) -> Option<Section> {
    let row = |judgement: &ThresholdJudgement| {
        let (observed, why) = match &judgement.observed {
            Observed::Value(_) => (judgement.observed_text(), None),
            Observed::NoData(why) => ("no data".to_owned(), Some(Row::new([why.as_str()]))),
        };
        let limit = format!("(limit {})", judgement.limit_text());
        let row = Row::new([judgement.source.clone(), observed, limit]).judged(judgement.passed);
        [row].into_iter().chain(why)
    };
    let rows: Vec<Row> = view.judged.verdict.thresholds.iter().flat_map(row).collect();
    let columns = vec![Column::text(""), Column::figures("").at_least(9), Column::text("")];
    (!rows.is_empty()).then(|| Section::new("Thresholds", [Block::Table(Table { columns, rows })]))
}
