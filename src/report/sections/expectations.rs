//! Each expectation beside the vendors' own account: without the ground truth, a verdict would have to be believed.

use crate::gate::ExpectationJudgement;
use crate::report::document::{Block, Column, Row, Section, Table, Text};
use crate::report::view::View;

pub(super) fn report(view: &View<'_>) -> Option<Section> {
    let row = |judgement: &ExpectationJudgement| {
        let texts = [&judgement.expected, &judgement.truth, &judgement.seen].map(|text| Text::from(text.as_str()));
        Row::new([Text::default().code(judgement.name.as_str())].into_iter().chain(texts)).judged(judgement.passed)
    };
    let rows: Vec<Row> = view.judged.verdict.expectations.iter().map(row).collect();
    let source = "Ground truth is the vendors' own account: the fault timetable as the simulator executed it, and its ledger of \
                  every request and effect, ";
    let source = Block::Paragraph(Text::from(source).code("vendors.ndjson").plain("."));
    let columns = ["Expectation", "Expected", "Ground Truth", "Seen"].map(Column::text).to_vec();
    (!rows.is_empty()).then(|| Section::new("Expectations", [source, Block::Table(Table { columns, rows })]))
}

/// What was seen; of what failed, what was expected and what the vendors say, too. The report has that of all.
pub(super) fn summary(view: &View<'_>) -> Option<Section> {
    let row = |judgement: &ExpectationJudgement| {
        let note = |what: &str, text: &str| Row::new(["", what, text]);
        let notes = [note("expected", &judgement.expected), note("truth", &judgement.truth)];
        let row = Row::new([judgement.name.as_str(), judgement.seen.as_str()]).judged(judgement.passed);
        let notes = if judgement.passed { Vec::new() } else { notes.to_vec() };
        [row].into_iter().chain(notes)
    };
    let rows: Vec<Row> = view.judged.verdict.expectations.iter().flat_map(row).collect();
    let columns = vec![Column::text(""); 3];
    (!rows.is_empty()).then(|| Section::new("Expectations", [Block::Table(Table { columns, rows })]))
}
