//! Renderers: each turns any document into one format, and computes nothing.

mod json;
mod markdown;
mod terminal;
#[cfg(test)]
mod tests;

pub(super) use json::json;
pub(super) use markdown::markdown;
pub(super) use terminal::{COLUMNS, terminal};
