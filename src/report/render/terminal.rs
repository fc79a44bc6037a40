//! The document as plain text for a terminal: no line is wider than the page, and nothing in it drives the terminal.

use crate::text::{lines, width};

use crate::report::document::{Block, Callout, Column, Document, Row, Section, Span, Status, Table, Text, Tone};

/// Columns of a page.
pub(in crate::report) const COLUMNS: usize = 100;

/// Blanks between two columns of a table.
const GAP: usize = 2;

/// Characters of the words "held" and "FAILED".
const STATUS: usize = 6;

/// The document, `columns` wide, with ANSI colours or without.
pub(in crate::report) fn terminal(document: &Document, columns: usize, color: bool) -> String {
    let mut page = Page { text: String::new(), columns, color };
    if let Some(title) = &document.title {
        page.text.push('\n');
        page.hang(&[], &Text::from(title.as_str()));
    }
    for section in &document.sections {
        page.text.push('\n');
        page.section(section);
    }
    page.text
}

struct Page {
    text: String,
    columns: usize,
    color: bool,
}

impl Page {
    fn section(&mut self, section: &Section) {
        if let Some(heading) = section.heading {
            self.hang(&[], &heading.into());
        }
        let indent = if section.heading.is_some() { 2 } else { 0 };
        for (index, block) in section.blocks.iter().enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            self.block(block, indent);
        }
    }

    fn block(&mut self, block: &Block, indent: usize) {
        let head = blank(indent);
        match block {
            Block::Paragraph(text) => self.hang(&[head], text),
            Block::List(items) => items.iter().for_each(|item| self.hang(&[head.clone(), Span::Plain("- ".to_owned())], item)),
            Block::Table(table) => self.table(table, indent),
            Block::Figure(figure) => self.hang(&[head], &format!("{}: plots/{}.svg", figure.alt, figure.name).into()),
            Block::Callout(callout) => self.callout(callout),
        }
    }

    fn callout(&mut self, callout: &Callout) {
        let mut head = vec![Span::Toned(callout.tone, callout.title.clone()), blank(GAP)];
        for paragraph in &callout.paragraphs {
            self.hang(&head, paragraph);
            head = vec![blank(2)];
        }
    }

    /// A text in as many lines as it takes, each below its own start. Further lines of one that begins with a coloured word
    /// stand behind that word. Code is for copying and stays whole.
    fn hang(&mut self, head: &[Span], text: &Text) {
        let (word, rest) = text.0.split_at(usize::from(matches!(text.0.first(), Some(Span::Toned(..)))));
        let head = [head, word].concat();
        let indent = length(&head);
        let width = match rest {
            [Span::Code(_)] => usize::MAX,
            _ => self.columns.saturating_sub(indent).max(1),
        };
        let mut start = painted(&head, self.color);
        for line in rest.split(|span| *span == Span::Break).flat_map(|part| lines(&painted(part, false), width)) {
            self.text.push_str(format!("{start}{line}").trim_end());
            self.text.push('\n');
            start = " ".repeat(indent);
        }
    }

    fn table(&mut self, table: &Table, indent: usize) {
        let widths = self.widths(table);
        let status = if table.has_status() { STATUS + GAP } else { 0 };
        let start = indent + status + widths.iter().rev().skip(1).map(|width| width + GAP).sum::<usize>();
        let last = |column: &Column, width: usize| if column.figures { width } else { width.min(8) };
        let last = table.columns.last().zip(widths.last()).map_or(0, |(column, width)| last(column, *width));
        let fits = start + last <= self.columns;
        let titles = table.has_head().then(|| Row::new(table.columns.iter().map(|column| column.title)));
        for row in titles.iter().chain(&table.rows) {
            let mut head = vec![blank(indent)];
            if table.has_status() {
                let (tone, word) = match row.status {
                    Some(Status::Held) => (Tone::Good, "held"),
                    Some(Status::Failed) => (Tone::Bad, "FAILED"),
                    None => (Tone::Good, ""),
                };
                head.extend([Span::Toned(tone, word.to_owned()), blank(STATUS + GAP - word.len())]);
            }
            if fits {
                self.row(head, row, &table.columns, &widths);
            } else {
                let cells = row.cells.iter().flat_map(|cell| cell.0.iter().cloned().chain([blank(GAP)]));
                self.hang(&head, &Text(cells.collect()));
            }
        }
    }

    /// How wide each column is: as its widest cell, but a text takes no more than half of the page.
    fn widths(&self, table: &Table) -> Vec<usize> {
        let width = |(index, column): (usize, &Column)| {
            let rows = table.rows.iter().filter(|row| index + 1 < row.cells.len() || row.cells.len() == table.columns.len());
            let cells = rows.map(|row| length(&row.cells[index].0));
            let widest = cells.chain([width(column.title), column.at_least]).max().unwrap_or(0);
            if column.figures { widest } else { widest.min(self.columns / 2 - 2) }
        };
        table.columns.iter().enumerate().map(width).collect()
    }

    fn row(&mut self, mut head: Vec<Span>, row: &Row, columns: &[Column], widths: &[usize]) {
        for (index, cell) in row.cells.iter().enumerate() {
            let is_last = index + 1 == row.cells.len();
            let (long, width) = (length(&cell.0), widths[index]);
            let (before, after) = match columns[index].figures {
                true if is_last && row.cells.len() < columns.len() => (0, 0),
                true => (width - long, 0),
                false => (0, width.saturating_sub(long)),
            };
            head.push(blank(before));
            if is_last {
                return self.hang(&head, cell);
            }
            if long > width {
                // Too long for its column: it has a line of its own, and the others follow below.
                self.hang(&head, cell);
                head = vec![blank(length(&head) + width + GAP)];
            } else {
                head.extend(cell.0.iter().cloned().chain([blank(after + GAP)]));
            }
        }
    }
}

fn blank(length: usize) -> Span {
    Span::Plain(" ".repeat(length))
}

fn length(spans: &[Span]) -> usize {
    width(&painted(spans, false))
}

/// Text in one line, with its colours; what would drive the terminal is taken out.
fn painted(spans: &[Span], color: bool) -> String {
    let one = |span: &Span| {
        let (code, raw) = match span {
            Span::Plain(raw) | Span::Code(raw) | Span::Strong(raw) => ("", raw.as_str()),
            Span::Toned(Tone::Good, raw) => ("\u{1b}[1;32m", raw.as_str()),
            Span::Toned(Tone::Bad, raw) => ("\u{1b}[1;31m", raw.as_str()),
            Span::Toned(Tone::Doubtful, raw) => ("\u{1b}[1;33m", raw.as_str()),
            Span::Break => ("", " "),
        };
        let flat: String = raw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if color && !code.is_empty() && !flat.is_empty() { format!("{code}{flat}\u{1b}[0m") } else { flat }
    };
    spans.iter().map(one).collect()
}
