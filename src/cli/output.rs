//! Results go to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use parking_lot::Mutex;
use rustix::termios::tcgetwinsize;
use serde::Serialize;

use super::Exit;
use crate::scenario::TestPlan;
use crate::text::{fitted, printable};

/// Whether a result could not be printed.
static INCOMPLETE: AtomicBool = AtomicBool::new(false);

/// The bar that is shown below the messages.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Prints a result. Where it cannot be written, on a full disk or into a closed pipe, the command does the rest of its
/// work, and [`ended`] knows.
pub(super) fn result(text: impl Display) {
    let text = text.to_string();
    let mut stdout = io::stdout().lock();
    written(writeln!(stdout, "{}", printable(&text, color())).and_then(|()| stdout.flush()));
}

/// Prints a result for people: on a terminal, no line is wider than it.
pub(super) fn text(text: impl Display) {
    result(fitting(columns(), text));
}

/// Columns of the terminal that results go to, where they do.
pub(super) fn columns() -> Option<usize> {
    columns_of(io::stdout())
}

/// Columns of the terminal that messages go to, where they do.
pub(super) fn message_columns() -> Option<usize> {
    columns_of(io::stderr())
}

fn columns_of(stream: impl AsFd) -> Option<usize> {
    // What is narrower, or says that it has no columns, is left as it is.
    tcgetwinsize(stream).ok().map(|size| size.ws_col.into()).filter(|columns| *columns >= 20)
}

fn fitting(columns: Option<usize>, text: impl Display) -> String {
    let Some(columns) = columns else { return text.to_string() };
    // Diagnostics cut what they show of a file to this width, and other texts are filled up to it.
    fitted(format!("{text:columns$}").trim_end(), columns)
}

/// From now on messages stand above this bar, and leave nothing of it behind.
pub(super) fn above(bar: ProgressBar) {
    *BAR.lock() = Some(bar);
}

/// Takes note of what became of a write to standard output.
pub(super) fn written(result: io::Result<()>) {
    if let Err(problem) = result
        && !INCOMPLETE.swap(true, Ordering::Relaxed)
    {
        error(format!("the result cannot be written to standard output: {problem}"));
    }
}

/// How the program ends, once `exit` is how its command did: nothing passes whose result could not be printed.
pub(super) fn ended(exit: Exit) -> Exit {
    if exit == Exit::Passed && INCOMPLETE.load(Ordering::Relaxed) { Exit::CouldNotRun } else { exit }
}

/// Prints a remark.
pub(super) fn remark(text: impl Display) {
    whole_remark(fitting(message_columns(), text));
}

/// Prints a remark to be copied: its lines stay whole.
pub(super) fn whole_remark(text: impl Display) {
    let text = text.to_string();
    let text = printable(&text, io::stderr().is_terminal());
    let write = || drop(writeln!(io::stderr().lock(), "{text}"));
    match &*BAR.lock() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Prints what a scenario's author should know though it is valid.
pub(super) fn warnings(test_plan: &TestPlan) {
    if !test_plan.warnings.problems().is_empty() {
        remark(&test_plan.warnings);
    }
}

/// Prints an error.
pub(super) fn error(text: impl Display) {
    remark(format_args!("error: {text}"));
}

/// Prints an error that keeps a command from doing its work.
pub(super) fn failed(error: impl Display) -> Exit {
    self::error(error);
    Exit::CouldNotRun
}

/// Prints a result as JSON.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => result(text),
        Err(problem) => error(problem),
    }
}

/// Prints a result as JSON or as text.
pub(super) fn json_or_text<T: Display>(as_json: bool, value: &impl Serialize, text: impl FnOnce() -> T) {
    if as_json { json(value) } else { self::text(text()) }
}

/// Whether results may be coloured: on a terminal whose user did not say no (`NO_COLOR`).
pub(super) fn color() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
