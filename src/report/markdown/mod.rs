//! m
use super::view::View;
pub(super) fn render(view: &View<'_>) -> String {
    format!("{}", view.total)
}
