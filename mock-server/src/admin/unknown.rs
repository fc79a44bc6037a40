//! What is not there, with what is.

use http::StatusCode;

use crate::refusal::{Problem, Refusal};

/// 404, with what there is.
pub(super) fn not_found(what: &str, name: &str, known: &[&str]) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, Problem::new(format!("there is no {what} `{name}`")).help(nearest(name, known)))
}

/// Which of the known names was probably meant, and all that there are.
pub(super) fn nearest(name: &str, known: &[&str]) -> String {
    match (crate::text::nearest(name, known), known) {
        (_, []) => "there are none".to_owned(),
        (Some(near), _) => format!("did you mean `{near}`? There are {}", known.join(", ")),
        (None, _) => format!("there are {}", known.join(", ")),
    }
}
