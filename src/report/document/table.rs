//! Tables: columns that know how they are aligned, and rows that may say whether something held.

use serde::Serialize;

use super::text::Text;

/// A table. Where a row has a status, every renderer gives the statuses a column of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The columns. A table whose titles are all empty has no head.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Table {
    /// A table without a head: a word, and what there is to say.
    pub fn facts(rows: Vec<Row>) -> Self {
        Self { columns: vec![Column::text("").at_least(10), Column::text("")], rows }
    }

    /// Whether the columns have titles.
    pub fn has_head(&self) -> bool {
        self.columns.iter().any(|column| !column.title.is_empty())
    }

    /// Whether any row says whether something held.
    pub fn has_status(&self) -> bool {
        self.rows.iter().any(|row| row.status.is_some())
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its title; may be empty.
    pub title: &'static str,
    /// Whether it holds figures, which are aligned to the right.
    pub figures: bool,
    /// Characters that it takes at least where characters count, so that the columns of two runs stand in the same place.
    #[serde(skip)]
    pub at_least: usize,
}

impl Column {
    /// A column of texts.
    pub const fn text(title: &'static str) -> Self {
        Self { title, figures: false, at_least: 0 }
    }

    /// A column of figures.
    pub const fn figures(title: &'static str) -> Self {
        Self { title, figures: true, at_least: 0 }
    }

    /// The same column, at least so wide.
    pub const fn at_least(self, at_least: usize) -> Self {
        Self { at_least, ..self }
    }
}

/// A row of a table. The last cell of a row with fewer cells than columns takes the room of the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Whether what it is about held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The cells.
    pub cells: Vec<Text>,
}

impl Row {
    /// A row of cells.
    pub fn new<T: Into<Text>>(cells: impl IntoIterator<Item = T>) -> Self {
        Self { status: None, cells: cells.into_iter().map(Into::into).collect() }
    }

    /// A row of a table of facts.
    pub fn fact(word: &str, text: impl Into<Text>) -> Self {
        Self::new([word.into(), text.into()])
    }

    /// The same row, saying whether it held.
    pub fn judged(self, held: bool) -> Self {
        Self { status: Some(if held { Status::Held } else { Status::Failed }), ..self }
    }
}

/// How something that was judged came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It held.
    Held,
    /// It failed.
    Failed,
}
