//! Running text with typed emphasis: what is code or important is marked as such, and each renderer shows it in its own way.

use serde::Serialize;

/// What a piece of text means for the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Needs attention.
    Doubtful,
    /// Wrong.
    Bad,
}

/// A piece of text, in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Without emphasis.
    Plain(String),
    /// A name or a command, as it would be typed.
    Code(String),
    /// Important.
    Strong(String),
    /// A word that judges.
    Toned(Tone, String),
    /// The next piece begins a new line.
    Break,
}

/// Running text. The pieces hold what they say and no markup: names in them come from scenarios and vendors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Span>);

impl Text {
    /// Adds text without emphasis.
    pub fn plain(self, text: impl Into<String>) -> Self {
        self.with(Span::Plain(text.into()))
    }

    /// Adds code.
    pub fn code(self, text: impl Into<String>) -> Self {
        self.with(Span::Code(text.into()))
    }

    /// Adds important text.
    pub fn strong(self, text: impl Into<String>) -> Self {
        self.with(Span::Strong(text.into()))
    }

    /// Adds a word that judges.
    pub fn toned(self, tone: Tone, word: impl Into<String>) -> Self {
        self.with(Span::Toned(tone, word.into()))
    }

    /// Adds a piece.
    pub fn with(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::default().plain(text)
    }
}
