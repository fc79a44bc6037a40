//! The pictures of the load itself.

use crate::report::document::Section;
use crate::report::plots::Plot;
use crate::report::view::View;

pub(super) fn section(_: &View<'_>) -> Option<Section> {
    Some(Section::new("Load", [Plot::Throughput.figure(), Plot::Users.figure()]))
}
