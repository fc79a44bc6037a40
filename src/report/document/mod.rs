//! The document that a run is shown as: sections of paragraphs, lists, tables, figures and callouts.
//!
//! It holds every figure in a reader's form and no layout. A renderer turns any document into its format, so a section is written
//! once and a format is added without touching a section.

mod table;
mod text;

use serde::Serialize;

pub use table::{Column, Row, Status, Table};
pub use text::{Span, Text, Tone};

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// What it is about; a summary has none.
    pub title: Option<String>,
    /// Its sections, in order.
    pub sections: Vec<Section>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its heading, where it has one.
    pub heading: Option<&'static str>,
    /// What it says, in order.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section under a heading.
    pub fn new(heading: &'static str, blocks: impl IntoIterator<Item = Block>) -> Self {
        Self { heading: Some(heading), blocks: blocks.into_iter().collect() }
    }

    /// A section without a heading.
    pub fn untitled(blocks: impl IntoIterator<Item = Block>) -> Self {
        Self { heading: None, blocks: blocks.into_iter().collect() }
    }
}

/// A building block of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Paragraph(Text),
    /// A list, one line each.
    List(Vec<Text>),
    /// A table.
    Table(Table),
    /// A picture.
    Figure(Figure),
    /// What must not be overlooked.
    Callout(Callout),
}

/// A picture, drawn as `plots/NAME.svg` and `plots/NAME.png` beside the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// The files' name without its ending.
    pub name: &'static str,
    /// What it shows, for those who cannot see it.
    pub alt: &'static str,
}

/// A statement that stands out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Callout {
    /// Good news or bad.
    pub tone: Tone,
    /// The statement in a few words.
    pub title: String,
    /// What there is to say about it.
    pub paragraphs: Vec<Text>,
}
