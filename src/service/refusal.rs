//! The form in which the service says no: the admin API's of `mock_server`.

pub(super) use mock_server::refusal::{Problem, Refusal, json};
pub(super) use mock_server::text::did_you_mean_or_all as nearest;
