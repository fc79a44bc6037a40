//! What is wrong with a scenario file: every problem at once, each with line, column, caret, and what would be right.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use thiserror::Error;

/// Why a scenario cannot run. Displays as the whole list, in plain text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ConfigErrors(pub Diagnostics);

impl ConfigErrors {
    /// The problems, in the order of the file; warnings among them.
    pub fn problems(&self) -> &[Problem] {
        self.0.problems()
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The scenario cannot run.
    Error,
    /// It can, but perhaps not as meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// Where, in bytes of the text; within one line.
    pub span: Range<usize>,
}

/// The problems of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    path: PathBuf,
    /// The text as it is shown: credentials in it are blotted out.
    text: String,
    problems: Vec<Problem>,
}

impl Diagnostics {
    /// No problems yet.
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), problems: Vec::new() }
    }

    /// The problems, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether any of them keeps the scenario from running.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The list as a person reads it; `colour` for a terminal.
    pub fn render(&self, colour: bool) -> String {
        self.render_within(colour, None)
    }

    /// As [`Diagnostics::render`], where lines of the file are cut to so many columns.
    fn render_within(&self, colour: bool, columns: Option<usize>) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = columns.map_or(renderer.clone(), |columns| renderer.term_width(columns));
        let blocks: Vec<String> = self.problems.iter().map(|problem| renderer.render(&[self.report(problem)])).collect();
        blocks.join("\n\n")
    }

    /// One problem with its line of the file. Lines that belong to no problem are not shown.
    fn report<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let snippet = Snippet::source(self.text.as_str())
            .path(self.path.to_string_lossy().into_owned())
            .annotation(AnnotationKind::Primary.span(problem.span.clone()));
        level.primary_title(problem.message.as_str()).element(snippet).element(Level::HELP.message(problem.help.as_str()))
    }

    /// Adds a problem at `span`; what goes beyond its first line is left out.
    pub(crate) fn add(&mut self, severity: Severity, span: Range<usize>, message: String, help: String) {
        let span = self.within_one_line(span);
        let before = &self.text[..span.start];
        let line = before.matches('\n').count() + 1;
        let column = before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1;
        self.problems.push(Problem { severity, line, column, message, help, span });
    }

    /// Blots out a credential, so that an error about it does not show it.
    pub(crate) fn redact(&mut self, span: Range<usize>) {
        if let Some(text) = self.text.get(span.clone()) {
            let blotted: String =
                text.bytes().map(|byte| if matches!(byte, b'"' | b'\'' | b'\n') { byte as char } else { '*' }).collect();
            self.text.replace_range(span, &blotted);
        }
    }

    /// Puts the problems in the order of the file and drops those said twice.
    pub(crate) fn finish(mut self) -> Self {
        self.problems.sort_by(|a, b| (a.span.start, a.span.end, &a.message).cmp(&(b.span.start, b.span.end, &b.message)));
        self.problems.dedup_by(|a, b| a.span == b.span && a.message == b.message);
        self
    }

    fn within_one_line(&self, span: Range<usize>) -> Range<usize> {
        let mut start = span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let rest = &self.text[start..];
        let line_end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
        let mut end = span.end.clamp(start, line_end);
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }
}

/// The formatter's width is that of the page.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render_within(false, f.width()))
    }
}
