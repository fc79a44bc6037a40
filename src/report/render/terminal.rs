//! The document as plain text for a terminal: no line is wider than the page, and nothing in it drives the terminal.

use crate::report::document::{Block, Callout, Document, Row, Section, Span, Status, Table, Text, Tone};

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
        page.blank();
        page.hang(Line::default(), &title.as_str().into());
    }
    for section in &document.sections {
        page.blank();
        page.section(section);
    }
    page.text
}

/// The beginning of a line: the characters as printed, with colours, and how many of them are seen.
#[derive(Clone, Default)]
struct Line {
    printed: String,
    length: usize,
}

impl Line {
    fn blank(length: usize) -> Self {
        Self { printed: " ".repeat(length), length }
    }

    fn push(&mut self, other: &Line) {
        self.printed.push_str(&other.printed);
        self.length += other.length;
    }

    fn fill(&mut self, length: usize) {
        self.push(&Self::blank(length.saturating_sub(self.length)));
    }
}

struct Page {
    text: String,
    columns: usize,
    color: bool,
}

impl Page {
    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn section(&mut self, section: &Section) {
        if let Some(heading) = section.heading {
            self.hang(Line::default(), &heading.into());
        }
        let indent = if section.heading.is_some() { 2 } else { 0 };
        for (index, block) in section.blocks.iter().enumerate() {
            if index > 0 {
                self.blank();
            }
            self.block(block, indent);
        }
    }

    fn block(&mut self, block: &Block, indent: usize) {
        match block {
            Block::Paragraph(text) => self.hang(Line::blank(indent), text),
            Block::List(items) => {
                for item in items {
                    let mut head = Line::blank(indent);
                    head.push(&painted(&"- ".into(), false));
                    self.hang(head, item);
                }
            }
            Block::Table(table) => self.table(table, indent),
            Block::Figure(figure) => {
                self.hang(Line::blank(indent), &Text::from(format!("{}: plots/{}.svg", figure.alt, figure.name)));
            }
            Block::Callout(callout) => self.callout(callout),
        }
    }

    fn callout(&mut self, callout: &Callout) {
        let mut head = painted(&Text::default().toned(callout.tone, callout.title.as_str()), self.color);
        head.fill(head.length + GAP);
        for paragraph in &callout.paragraphs {
            self.hang(std::mem::replace(&mut head, Line::blank(2)), paragraph);
        }
    }

    /// A text in as many lines as it takes, each below its own start. Further lines of one that begins with a coloured word
    /// stand behind that word. Code is for copying and stays whole.
    fn hang(&mut self, mut head: Line, text: &Text) {
        let (word, rest) = text.0.split_at(usize::from(matches!(text.0.first(), Some(Span::Toned(..)))));
        head.push(&painted(&Text(word.to_vec()), self.color));
        let width = match rest {
            [Span::Code(_)] => usize::MAX,
            _ => self.columns.saturating_sub(head.length).max(1),
        };
        for paragraph in rest.split(|span| *span == Span::Break) {
            for line in lines(&painted(&Text(paragraph.to_vec()), false).printed, width) {
                self.text.push_str(format!("{}{line}", head.printed).trim_end());
                self.text.push('\n');
                head = Line::blank(head.length);
            }
        }
    }

    fn table(&mut self, table: &Table, indent: usize) {
        let widths = self.widths(table);
        let status = if table.has_status() { STATUS + GAP } else { 0 };
        let start = indent + status + widths.iter().rev().skip(1).map(|width| width + GAP).sum::<usize>();
        if start + widths.last().copied().unwrap_or(0).min(8) > self.columns {
            return self.records(table, indent);
        }
        if table.has_head() {
            let titles = Row::new(table.columns.iter().map(|column| column.title));
            self.row(&titles, table, &widths, indent);
        }
        for row in &table.rows {
            self.row(row, table, &widths, indent);
        }
    }

    /// How wide each column is: as its widest cell, but a text takes no more than half of the page.
    fn widths(&self, table: &Table) -> Vec<usize> {
        let most = self.columns / 2 - 2;
        let width = |index: usize| {
            let full = table.rows.iter().filter(|row| index + 1 < row.cells.len() || row.cells.len() == table.columns.len());
            let cells = full.filter_map(|row| row.cells.get(index)).map(|cell| painted(cell, false).length);
            let column = table.columns[index];
            let title = column.title.chars().count();
            let widest = cells.chain([title, column.at_least]).max().unwrap_or(0);
            if column.figures { widest } else { widest.min(most) }
        };
        (0..table.columns.len()).map(width).collect()
    }

    fn row(&mut self, row: &Row, table: &Table, widths: &[usize], indent: usize) {
        let mut head = self.head(row, table, indent);
        let Some((last, cells)) = row.cells.split_last() else { return };
        for (index, cell) in cells.iter().enumerate() {
            let (start, width) = (head.length, widths[index]);
            let mut cell = painted(cell, self.color);
            if cell.length > width {
                // Too long for its column: it has a line of its own, and the others follow below.
                self.hang(std::mem::replace(&mut head, Line::blank(start)), &row.cells[index]);
                cell = Line::default();
            }
            if table.columns[index].figures {
                head.fill(start + width - cell.length);
            }
            head.push(&cell);
            head.fill(start + width + GAP);
        }
        if row.cells.len() == table.columns.len() && table.columns[cells.len()].figures {
            head.fill(head.length + widths[cells.len()].saturating_sub(painted(last, false).length));
        }
        self.hang(head, last);
    }

    fn head(&self, row: &Row, table: &Table, indent: usize) -> Line {
        let mut head = Line::blank(indent);
        if let Some(status) = row.status {
            let (tone, word) = match status {
                Status::Held => (Tone::Good, "held"),
                Status::Failed => (Tone::Bad, "FAILED"),
            };
            head.push(&painted(&Text::default().toned(tone, word), self.color));
        }
        if table.has_status() {
            head.fill(indent + STATUS + GAP);
        }
        head
    }

    /// A table that is wider than the page: each row below the last one, each cell behind its title.
    fn records(&mut self, table: &Table, indent: usize) {
        let widest = table.columns.iter().map(|column| column.title.chars().count()).max().unwrap_or(0);
        for row in &table.rows {
            let mut head = self.head(row, table, indent);
            for (cell, column) in row.cells.iter().zip(&table.columns) {
                if widest > 0 {
                    head.push(&painted(&format!("{:<widest$}  ", column.title).into(), false));
                }
                let next = Line::blank(self.head(row, table, indent).length);
                self.hang(std::mem::replace(&mut head, next), cell);
            }
        }
    }
}

/// A text in one line, with its colours; what would drive the terminal is taken out.
fn painted(text: &Text, color: bool) -> Line {
    let mut line = Line::default();
    for span in &text.0 {
        let (code, raw) = match span {
            Span::Plain(raw) | Span::Code(raw) | Span::Strong(raw) => (None, raw.as_str()),
            Span::Toned(Tone::Good, raw) => (Some("\u{1b}[1;32m"), raw.as_str()),
            Span::Toned(Tone::Bad, raw) => (Some("\u{1b}[1;31m"), raw.as_str()),
            Span::Toned(Tone::Doubtful, raw) => (Some("\u{1b}[1;33m"), raw.as_str()),
            Span::Break => (None, " "),
        };
        let flat: String = raw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.length += flat.chars().count();
        match code.filter(|_| color) {
            Some(code) => line.printed.push_str(&format!("{code}{flat}\u{1b}[0m")),
            None => line.printed.push_str(&flat),
        }
    }
    line
}

/// A text in lines of at most `width` characters, broken at spaces where there are any.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut rest: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    while rest.len() > width {
        let starts = rest.iter().position(|c| *c != ' ').unwrap_or(0);
        let space = rest[..=width].iter().rposition(|c| *c == ' ').filter(|at| *at > starts);
        let tail = rest.split_off(space.unwrap_or(width));
        lines.push(rest.iter().collect());
        rest = tail.into_iter().skip(usize::from(space.is_some())).collect();
    }
    lines.push(rest.iter().collect());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_where_there_are_any() {
        assert_eq!(lines("  ab cd", 5), ["  ab", "cd"]);
        assert_eq!(lines("abcdefg", 3), ["abc", "def", "g"]);
    }
}
