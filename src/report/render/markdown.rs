//! The document as GitHub-flavoured Markdown.

use crate::report::document::{Block, Callout, Document, Figure, Row, Span, Status, Table, Text, Tone};

/// The document. Headings begin at the second level: reports are pasted into texts that have a title of their own.
pub(in crate::report) fn markdown(document: &Document) -> String {
    let title = document.title.iter().map(|title| format!("## {}\n", escape(title)));
    let sections = document.sections.iter().flat_map(|section| {
        let heading = section.heading.iter().map(|heading| format!("### {heading}\n"));
        heading.chain(section.blocks.iter().map(block))
    });
    title.chain(sections).collect::<Vec<_>>().join("\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(paragraph) => format!("{}\n", text(paragraph)),
        Block::List(items) => items.iter().map(|item| format!("- {}\n", text(item))).collect(),
        Block::Table(table) => self::table(table),
        Block::Figure(Figure { name, alt }) => format!("[![{alt}](plots/{name}.png)](plots/{name}.svg)\n"),
        Block::Callout(callout) => self::callout(callout),
    }
}

fn callout(callout: &Callout) -> String {
    let paragraphs: Vec<String> = callout.paragraphs.iter().map(text).collect();
    format!("> **{}**: {}\n", escape(&callout.title), paragraphs.join("\n>\n> "))
}

fn table(table: &Table) -> String {
    let mut head: Vec<&str> = table.columns.iter().map(|column| column.title).collect();
    if table.has_status() {
        head.push("Verdict");
    }
    let mut lines = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in &table.rows {
        lines.push_str(&format!("| {} |\n", cells(row, table).join(" | ")));
    }
    lines
}

fn cells(row: &Row, table: &Table) -> Vec<String> {
    let mut cells: Vec<String> = row.cells.iter().map(|cell| inline(cell, escape_cell)).collect();
    cells.resize(table.columns.len(), String::new());
    if table.has_status() {
        cells.push(match row.status {
            Some(Status::Held) => "held".to_owned(),
            Some(Status::Failed) => "**failed**".to_owned(),
            None => String::new(),
        });
    }
    cells
}

fn text(text: &Text) -> String {
    inline(text, escape)
}

fn inline(text: &Text, escape: fn(&str) -> String) -> String {
    let span = |span: &Span| match span {
        Span::Plain(plain) | Span::Toned(Tone::Good, plain) => escape(plain),
        Span::Code(text) => code(text),
        Span::Strong(strong) | Span::Toned(_, strong) => format!("**{}**", escape(strong)),
        // Two blanks at the end of a line break it.
        Span::Break => "  \n".to_owned(),
    };
    text.0.iter().map(span).collect()
}

/// Text in a table's cell, where no quotation begins: the sign of a comparison may stay.
fn escape_cell(text: &str) -> String {
    escape(text).replace("\\> ", "> ")
}

/// Running text: nothing in it is taken as markup.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => safe.push(' '),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' => {
                safe.push('\\');
                safe.push(character);
            }
            character if character.is_control() => {}
            character => safe.push(character),
        }
    }
    safe
}

/// Text as code, in a cell or outside.
fn code(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let fence = if flat.contains('`') { "``" } else { "`" };
    let pad = if fence == "``" { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", flat.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_cell() {
        assert_eq!(escape("a|b\n<i>*x*"), "a\\|b \\<i\\>\\*x\\*");
        assert_eq!([escape_cell("> 70 %"), escape_cell("<b> c")], ["> 70 %", "\\<b> c"]);
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
    }
}
